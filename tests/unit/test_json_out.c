/* test_json_out.c - JSON written piece by piece, through buffers of any size. */
#include "base/json_out.h"

#include "base/auto.h"
#include "base/json_text.h"
#include "fakes/memory_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static const size_t buffer_sizes[] = {1, 2, 3, 7, 64, 4096};

static void
write_everything(struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_text(json, "text", "a\"b\\c\n\x01/\x7f\xC3\xA9");
    json_out_text(json, "no text", NULL);
    json_out_text(json, "", "");
    json_out_whole(json, "whole", -9007199254740993);
    json_out_bool(json, "yes", true);
    json_out_bool(json, "no", false);
    json_out_null(json, "nothing");
    json_out_real(json, "real", -0.25);
    json_out_raw(json, "raw", "{\"as\":[\"it\",1.0]}");
    json_out_raw(json, "no raw", NULL);
    json_out_time(json, "time", INT64_C(1700000000123));
    json_out_time(json, "no time", 0);
    json_out_array(json, "array");
    json_out_array_end(json);
    json_out_array(json, "of \"all\"");
    json_out_whole(json, NULL, 1);
    json_out_text(json, NULL, "two");
    json_out_object(json, NULL);
    json_out_object_end(json);
    json_out_array(json, NULL);
    json_out_null(json, NULL);
    json_out_null(json, NULL);
    json_out_array_end(json);
    json_out_object(json, NULL);
    json_out_whole(json, "a", 1);
    json_out_whole(json, "b", 2);
    json_out_object_end(json);
    json_out_array_end(json);
    json_out_whole(json, "last", 0);
    json_out_object_end(json);
}

/* By hand; 1700000000 is 2023-11-14 22:13:20 UTC. */
static const char everything[] =
    "{\"text\":\"a\\\"b\\\\c\\u000a\\u0001/\x7f\xC3\xA9\",\"no text\":null,\"\":\"\","
    "\"whole\":-9007199254740993,\"yes\":true,\"no\":false,\"nothing\":null,\"real\":-0.25,"
    "\"raw\":{\"as\":[\"it\",1.0]},\"no raw\":null,\"time\":\"2023-11-14T22:13:20.123Z\","
    "\"no time\":null,\"array\":[],\"of \\\"all\\\"\":[1,\"two\",{},[null,null],"
    "{\"a\":1,\"b\":2}],\"last\":0}";

static void
the_text_is_the_same_through_any_buffer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(buffer_sizes); i++) {
        struct memory_out memory;
        struct json_out json = {.out = &memory.out};

        memory_out_init(&memory, buffer_sizes[i]);
        write_everything(&json);
        assert_string_equal(memory_out_text(&memory), everything);
        assert_true(memory.overflows >= (sizeof everything - 1) / buffer_sizes[i]);
        memory_out_clear(&memory);
    }
}

static void
every_character_comes_back(void **state)
{
    char every[256];
    size_t size = 0;

    (void)state;
    for (int c = 1; c < 0x80; c++)
        every[size++] = (char)c;
    memcpy(every + size, "\xC2\x80\xDF\xBF\xE2\x80\xA8\xEF\xBF\xBF\xF4\x8F\xBF\xBF", 15);
    for (size_t i = 0; i < COUNT_OF(buffer_sizes); i++) {
        struct memory_out memory;
        struct json_out json = {.out = &memory.out};
        struct api_error err = {.id = API_OK};
        AUTO_JSON *back = NULL;
        const char *text;

        memory_out_init(&memory, buffer_sizes[i]);
        json_out_text(&json, NULL, every);
        text = memory_out_text(&memory);
        assert_true(json_text_parse(text, strlen(text), &back, &err));
        assert_string_equal(json_object_get_string(back), every);
        memory_out_clear(&memory);
    }
}

static void
what_is_not_finite_is_null_or_its_name(void **state)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};
    const double values[] = {NAN, -NAN, INFINITY, -INFINITY, 1e300};

    (void)state;
    memory_out_init(&memory, 5);
    json_out_array(&json, NULL);
    for (size_t i = 0; i < COUNT_OF(values); i++)
        json_out_real(&json, NULL, values[i]);
    for (size_t i = 0; i < COUNT_OF(values); i++)
        json_out_real_exact(&json, NULL, values[i]);
    json_out_array_end(&json);
    assert_string_equal(memory_out_text(&memory),
                        "[null,null,null,null,1.0000000000000001e+300,"
                        "\"NaN\",\"NaN\",\"Infinity\",\"-Infinity\",1.0000000000000001e+300]");
    memory_out_clear(&memory);
}

static void
after_a_lost_write_nothing_more_is_written(void **state)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    (void)state;
    memory_out_init(&memory, 8);
    memory.size_max = 20;
    write_everything(&json);
    assert_true(memory.out.failed);
    assert_int_equal(memory.size, 16); /* two whole buffers, and the third did not fit */
    assert_memory_equal(memory.text, everything, 16);
    memory_out_clear(&memory);
}

static void
bytes_longer_than_the_buffer_go_through_in_pieces(void **state)
{
    char long_text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof long_text; i++)
        long_text[i] = (char)('a' + i % 26);
    for (size_t before = 0; before < 20; before++) {
        struct memory_out memory;

        memory_out_init(&memory, 16);
        out_bytes(&memory.out, long_text, before);
        out_bytes(&memory.out, long_text, sizeof long_text);
        out_char(&memory.out, '!');
        out_bytes(&memory.out, long_text, 0);
        memory_out_text(&memory);
        assert_int_equal(memory.size, before + sizeof long_text + 1);
        assert_memory_equal(memory.text, long_text, before);
        assert_memory_equal(memory.text + before, long_text, sizeof long_text);
        assert_int_equal(memory.text[memory.size - 1], '!');
        memory_out_clear(&memory);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_the_same_through_any_buffer),
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(what_is_not_finite_is_null_or_its_name),
        cmocka_unit_test(after_a_lost_write_nothing_more_is_written),
        cmocka_unit_test(bytes_longer_than_the_buffer_go_through_in_pieces),
    };

    return cmocka_run_group_tests_name("json_out", tests, NULL, NULL);
}
