/* test_json_text.c - what is JSON and what is not, and when two values are the same. */
#include "base/json_text.h"

#include "base/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWICE "The body is not JSON. An object has a key twice."

static void
assert_status(const char *text, size_t size, int status)
{
    struct api_error err = {.id = API_OK};
    json_object *untouched = json_object_new_null(), *parsed = untouched;
    const bool good = json_text_parse(text, size, &parsed, &err);

    if (good != (status == 0) || (!good && err.status != status))
        fail_msg("%s: got %d %s, expected %d", text, good ? 0 : err.status, err.message, status);
    if (good)
        json_object_put(parsed);
    else
        assert_ptr_equal(parsed, untouched);
}

static void
what_json_knows_is_taken(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " \t\r\n{ } \t\r\n",
        "\"\"",
        "0",
        "-0",
        "1.5",
        "-0.0",
        "1e-7",
        "1E+2",
        "0.0e0",
        "1e308",
        "1e-400", /* rounds to 0, as everywhere */
        "true",
        "false",
        "null",
        "[null,true,false,{\"\":{\"\":[]}}]",
        "{\"a\":1,\"A\":2,\"a \":3}",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":1}]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u00E9\"",
        "\"\\ud83d\\ude00\\uD83D\\uDE00\"",
        "\"\\u0000 in a value\"",
        "\"\x7f\"",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "-9223372036854775808",
        "{\"a.b\":1,\"$c\":2}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_status(texts[i], strlen(texts[i]), 0);
}

static void
what_json_does_not_know_is_refused(void **state)
{
    static const char *const texts[] = {
        /* values */
        "",
        " ",
        "NaN",
        "-NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "[NaN]",
        "{\"a\":Infinity}",
        "True",
        "nul",
        "nulll",
        "undefined",
        "'a'",
        "// x\n1",
        "/**/1",
        "\xEF\xBB\xBF{}",
        "\xC2\xA0{}",
        "\f{}",
        /* numbers */
        "01",
        "-01",
        "+1",
        ".5",
        "-.5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "1.5e-",
        "-",
        "--1",
        "0x10",
        "1_000",
        "1,5",
        "1e400",
        "-1e400",
        "1.8e308",
        "[1e999999999999]",
        /* strings */
        "\"a",
        "\"a\\",
        "\"a\\\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\U0041\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\x01\"",
        "\"\x1f\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"\\ude00\\ud83d\"",
        "{\"\\udc00\":1}",
        /* arrays and objects */
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1]",
        /* what follows */
        "{} {}",
        "{}x",
        "1 2",
        "null,",
        "[]]",
        "\"a\"\"b\"",
        /* keys twice */
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\\u00e9\":1,\"\xC3\xA9\":2}",
        "{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}",
        "{\"a/b\":1,\"a\\/b\":2}",
        "{\"\":1,\"\":2}",
        "[[{\"x\":{\"b\":null,\"c\":1,\"b\":null}}]]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_status(texts[i], strlen(texts[i]), 400);
}

static void
a_key_twice_is_told(void **state)
{
    struct api_error err = {.id = API_OK};
    json_object *parsed = NULL;
    const char *text = "{\"a\":1,\"\\u0061\":2}";

    (void)state;
    assert_false(json_text_parse(text, strlen(text), &parsed, &err));
    assert_string_equal(err.message, TWICE);
    assert_string_equal(err.code, "body_not_json");
}

static void
what_is_not_json_comes_before_what_cannot_be_kept(void **state)
{
    static const char *const texts[] = {
        "[18446744073709551616",
        "{\"a\\u0000\":NaN}",
        "{\"a\":18446744073709551616,\"a\":1}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_status(texts[i], strlen(texts[i]), 400);
}

static void
a_nul_byte_is_refused_wherever_it_stands(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"\0", 1},           {"{}\0", 3},      {"\0{}", 3},   {"\"a\0b\"", 5},
        {"{\"a\0b\":1}", 9}, {"[1,\0002]", 6}, {"1\0002", 3}, {"tru\0", 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_status(cases[i].text, cases[i].size, 400);
}

static void
what_cannot_be_kept_is_well_formed_but_wrong(void **state)
{
    static const char *const texts[] = {
        "18446744073709551616",           "-9223372036854775809", "123456789012345678901234567890",
        "{\"a\":[18446744073709551616]}", "{\"a\\u0000b\":1}",    "{\"\\u0000\":1}",
        "[{\"x\":{\"a\\u0000\":1}}]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_status(texts[i], strlen(texts[i]), 422);
}

/* open, so many times; then close, so many times. */
static void
nest(char *text, const char *open, const char *close, size_t level)
{
    text[0] = '\0';
    for (size_t i = 0; i < level; i++)
        strcat(text, open);
    if (strchr(open, ':') != NULL)
        strcat(text, "1");
    for (size_t i = 0; i < level; i++)
        strcat(text, close);
}

static void
sixty_four_levels_fit_and_sixty_five_do_not(void **state)
{
    static const struct {
        const char *open, *close;
        size_t level;
        int status;
    } cases[] = {
        {"[", "]", 64, 0},         {"[", "]", 65, 400},       {"{\"a\":", "}", 64, 0},
        {"{\"a\":", "}", 65, 400}, {"[{\"a\":", "}]", 32, 0}, {"[{\"a\":", "}]", 33, 400},
        {"[", "]", 1000, 400},
    };
    char text[8192];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        nest(text, cases[i].open, cases[i].close, cases[i].level);
        assert_status(text, strlen(text), cases[i].status);
    }
}

static void
only_what_is_nested_counts_as_a_level(void **state)
{
    char text[2000] = "[";

    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(text, i % 2 == 0 ? "[]," : "{},");
    strcat(text, "[{\"a\":{}}]]");
    assert_status(text, strlen(text), 0);
}

static void
a_quarter_of_a_million_values_fit(void **state)
{
    const size_t most = JSON_TEXT_VALUES_MAX;
    char *text = malloc(2 * most + 8);
    size_t size = 0;

    (void)state;
    assert_int_equal(most, 250000);
    text[size++] = '[';
    for (size_t i = 0; i < most - 1; i++) { /* the array itself is one */
        text[size++] = '7';
        text[size++] = ',';
    }
    text[size - 1] = ']';
    text[size] = '\0';
    assert_status(text, size, 0);
    memcpy(text + size - 1, ",7]", 4);
    assert_status(text, size + 2, 422);
    free(text);
}

/* Is this UTF-8? Decode, encode again by the other rule, compare. */
static bool
is_utf8_by_encoding(const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        const size_t length = bytes[0] < 0x80   ? 1
                              : bytes[0] < 0xC0 ? 0
                              : bytes[0] < 0xE0 ? 2
                              : bytes[0] < 0xF0 ? 3
                              : bytes[0] < 0xF8 ? 4
                                                : 0;
        uint32_t point;
        size_t shortest;

        if (length == 0 || length > size)
            return false;
        point = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);
        for (size_t i = 1; i < length; i++) {
            if ((bytes[i] & 0xC0) != 0x80)
                return false;
            point = point * 64 + (bytes[i] & 0x3F);
        }
        shortest = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        if (length != shortest || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
            return false;
        bytes += length;
        size -= length;
    }
    return true;
}

static void
check_bytes(const unsigned char *bytes, size_t size, size_t *good_ones)
{
    char text[16];
    const bool good = is_utf8_by_encoding(bytes, size);

    text[0] = '"';
    memcpy(text + 1, bytes, size);
    memcpy(text + 1 + size, "\"", 2);
    assert_status(text, size + 2, good ? 0 : 400);
    *good_ones += good;
}

static void
only_utf8_is_taken(void **state)
{
    static const unsigned char edges[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                          0xA0, 0xBF, 0xC0, 0xE0, 0xFF};
    size_t good_ones = 0;

    (void)state;
    for (unsigned first = 0x80; first <= 0xFF; first++)
        for (size_t a = 0; a < sizeof edges; a++)
            for (size_t b = 0; b < sizeof edges; b++)
                for (size_t c = 0; c < sizeof edges; c++) {
                    const unsigned char bytes[] = {(unsigned char)first, edges[a], edges[b],
                                                   edges[c]};

                    for (size_t size = 1; size <= sizeof bytes; size++)
                        check_bytes(bytes, size, &good_ones);
                }
    assert_true(good_ones > 10000); /* the check checked something */
}

static void
a_parsed_null_is_a_null_pointer(void **state)
{
    struct api_error err = {.id = API_OK};
    json_object *parsed = json_object_new_object(), *before = parsed;

    (void)state;
    assert_true(json_text_parse("null", 4, &parsed, &err));
    assert_null(parsed);
    json_object_put(before);
}

static void
values_are_the_same_whatever_their_writing(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [true, null], \"a\" : 1 }", true},
        {"1", "1.0", true},
        {"100", "1e2", true},
        {"-0", "0.0", true},
        {"[0.1]", "[1e-1]", true},
        {"\"\\u00e9\"", "\"\xC3\xA9\"", true},
        {"18446744073709551615", "18446744073709551615", true},
        {"9223372036854775807", "9223372036854775807", true},
        {"-9223372036854775808", "-9223372036854775808", true},
        {"null", "null", true},
        {"{}", "{}", true},
        {"\"a\\u0000b\"", "\"a\\u0000b\"", true},
        {"1", "2", false},
        {"1", "1.0000000000000002", false},
        {"18446744073709551615", "-1", false},
        {"18446744073709551615", "18446744073709551614", false},
        {"9223372036854775807", "9223372036854775808", false},
        {"9223372036854775808", "-9223372036854775808", false},
        {"9007199254740993", "9007199254740992", false},
        {"0", "-1", false},
        {"0", "false", false},
        {"1", "true", false},
        {"1", "\"1\"", false},
        {"0", "null", false},
        {"\"\"", "null", false},
        {"{}", "[]", false},
        {"{}", "null", false},
        {"true", "false", false},
        {"\"a\"", "\"A\"", false},
        {"\"a\\u0000b\"", "\"a\\u0000c\"", false},
        {"\"a\\u0000b\"", "\"a\"", false},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1,2,3]", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", false},
        {"{\"a\":null}", "{\"b\":null}", false},
        {"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":2}}", false},
        {"[[1]]", "[[1.5]]", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_JSON *a = NULL;
        AUTO_JSON *b = NULL;
        struct api_error err = {.id = API_OK};

        assert_true(json_text_parse(cases[i].a, strlen(cases[i].a), &a, &err));
        assert_true(json_text_parse(cases[i].b, strlen(cases[i].b), &b, &err));
        if (json_text_same(a, b) != cases[i].same || json_text_same(b, a) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

static void
a_value_is_written_as_the_client_wrote_it(void **state)
{
    static const char *const texts[] = {
        "{\"z\":1,\"a\":2,\"m\":{\"y\":[],\"x\":{}}}",
        "{\"lr\":1e-7,\"one\":1.0,\"big\":1E+2,\"third\":0.30000000000000004,\"m\":-0.0}",
        "[9223372036854775807,-9223372036854775808,18446744073709551615,0,-1]",
        "{\"\":{\"\":null},\"a.b\":true,\"$set\":false}",
        "[\"\xC3\xA9\xF0\x9F\x98\x80\",\"a/b\",\"\\\"\\\\\\n\\t\\u0001\",\"\\u0000x\"]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO_JSON *value = NULL;
        struct api_error err = {.id = API_OK};

        assert_true(json_text_parse(texts[i], strlen(texts[i]), &value, &err));
        assert_string_equal(json_text_of(value), texts[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_knows_is_taken),
        cmocka_unit_test(what_json_does_not_know_is_refused),
        cmocka_unit_test(a_key_twice_is_told),
        cmocka_unit_test(what_is_not_json_comes_before_what_cannot_be_kept),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(what_cannot_be_kept_is_well_formed_but_wrong),
        cmocka_unit_test(sixty_four_levels_fit_and_sixty_five_do_not),
        cmocka_unit_test(only_what_is_nested_counts_as_a_level),
        cmocka_unit_test(a_quarter_of_a_million_values_fit),
        cmocka_unit_test(only_utf8_is_taken),
        cmocka_unit_test(a_parsed_null_is_a_null_pointer),
        cmocka_unit_test(values_are_the_same_whatever_their_writing),
        cmocka_unit_test(a_value_is_written_as_the_client_wrote_it),
    };

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
