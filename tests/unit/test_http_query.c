/* test_http_query.c - the query string, decoded and asked by name. */
#include "http/http_query.h"

#include "base/auto.h"
#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void
a_parameter_is_found_by_its_name(void **state)
{
    static const struct {
        const char *raw, *name, *value; /* value NULL: absent */
    } cases[] = {
        {"a=1", "a", "1"},
        {"a=1&b=2", "b", "2"},
        {"a=1", "b", NULL},
        {"a=1", "A", NULL},
        {"", "a", NULL},
        {"a=", "a", NULL},
        {"a", "a", NULL},
        {"&&a=1&&", "a", "1"},
        {"=1", "", "1"},
        {"a=1&a=2", "a", "1"},
        {"a=&a=2", "a", NULL},
        {"a=b=c", "a", "b=c"},
        {"a=x+y%20z", "a", "x y z"},
        {"a=%2B%26%3D%25", "a", "+&=%"},
        {"%61%62=%63", "ab", "c"},
        {"q=%C3%A9%e2%82%ac%F0%9F%98%80", "q", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"q=\xC3\xA9", "q", "\xC3\xA9"},
        {"a=%0A%09", "a", "\n\t"},
        {"a=%2541", "a", "%41"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_error err = {.id = API_OK};
        struct http_query query;
        const char *value;

        if (!http_query_parse(cases[i].raw, &query, &err))
            fail_msg("%s: %s", cases[i].raw, err.message);
        value = http_query_text(&query, cases[i].name);
        if (cases[i].value == NULL)
            assert_null(value);
        else
            assert_string_equal(value, cases[i].value);
    }
}

static void
a_repeated_parameter_gives_all_its_values(void **state)
{
    static const char *const expected[] = {"1", "x=y", "3"};
    struct api_error err = {.id = API_OK};
    struct http_query query;
    size_t at = 0;

    (void)state;
    assert_true(http_query_parse("a=1&b=2&a=&a=x%3Dy&a&aa=4&a=3", &query, &err));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_string_equal(http_query_each(&query, "a", &at), expected[i]);
    assert_null(http_query_each(&query, "a", &at));
    assert_null(http_query_each(&query, "a", &at));
    at = 0;
    assert_null(http_query_each(&query, "c", &at));
}

static void
what_is_not_percent_encoded_utf8_is_refused(void **state)
{
    static const struct {
        const char *raw, *field;
    } cases[] = {
        {"a=%", "a"},
        {"a=%4", "a"},
        {"a=%4&b=1", "a"},
        {"a=%zz", "a"},
        {"a=%4g", "a"},
        {"a=%-1", "a"},
        {"a=%00", "a"},
        {"a=x%00y", "a"},
        {"%zz=1", "query"},
        {"%00=1", "query"},
        {"%", "query"},
        {"a=1&b=%FF", "b"},
        {"a=%C3", "a"},
        {"a=%C3x", "a"},
        {"a=%C0%AF", "a"},
        {"a=%E0%80%80", "a"},
        {"a=%ED%A0%80", "a"},
        {"a=%F4%90%80%80", "a"},
        {"a=%80", "a"},
        {"%FF=1", "query"},
        {"a=%F0%80%80%80", "a"},
        {"a=%F5%80%80%80", "a"},
        {"a=%E2%82", "a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_error err = {.id = API_OK};
        struct http_query query;

        if (http_query_parse(cases[i].raw, &query, &err))
            fail_msg("taken: %s", cases[i].raw);
        assert_int_equal(err.status, 422);
        assert_string_equal(err.faults[0].field, cases[i].field);
    }
}

static void
the_longest_query_fits_and_a_longer_one_is_refused(void **state)
{
    char raw[HTTP_QUERY_MAX + 2] = "a=";
    struct api_error err = {.id = API_OK};
    static struct http_query query;

    (void)state;
    memset(raw + 2, 'x', HTTP_QUERY_MAX - 3);
    assert_int_equal(strlen(raw), HTTP_QUERY_MAX - 1);
    assert_true(http_query_parse(raw, &query, &err));
    assert_int_equal(strlen(http_query_text(&query, "a")), HTTP_QUERY_MAX - 3);
    strcat(raw, "x");
    assert_false(http_query_parse(raw, &query, &err));
    assert_int_equal(err.status, 422);
}

static void
names_alone_fill_no_more_than_there_is_room_for(void **state)
{
    char raw[HTTP_QUERY_MAX] = "";
    struct api_error err = {.id = API_OK};
    static struct http_query query;

    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(raw, i % 2 == 0 ? "a&" : "b=1&");
    assert_true(http_query_parse(raw, &query, &err));
    assert_int_equal(query.count, HTTP_QUERY_PARAMS_MAX);
    assert_string_equal(http_query_text(&query, "b"), "1");
}

static void
an_integer_is_taken_within_its_range(void **state)
{
    static const struct {
        const char *raw;
        int64_t value; /* -77: absent */
    } good[] = {
        {"n=1", 1},  {"n=100", 100}, {"n=007", 7}, {"n=-5", -5},
        {"n=", -77}, {"m=5", -77},   {"n=0", 0},   {"n=%35", 5},
    };
    static const char *const bad[] = {
        "n=101",    "n=-6",
        "n=x",      "n=1x",
        "n=1.0",    "n=1e1",
        "n=+1",     "n=%201",
        "n=1%20",   "n=%0A1",
        "n=%0B1",   "n=%0D1",
        "n=%091",   "n=%2B1",
        "n=-",      "n=0x10",
        "n=--1",    "n=99999999999999999999",
        "n=%C3%A9", "n=9223372036854775808",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct api_error err = {.id = API_OK};
        struct http_query query;
        int64_t value = -77;

        assert_true(http_query_parse(good[i].raw, &query, &err));
        if (!http_query_whole(&query, "n", -5, 100, &value, &err) || value != good[i].value)
            fail_msg("%s: %lld", good[i].raw, (long long)value);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct api_error err = {.id = API_OK};
        struct http_query query;
        int64_t value = -77;

        assert_true(http_query_parse(bad[i], &query, &err));
        if (http_query_whole(&query, "n", -5, 100, &value, &err) || value != -77)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.status, 422);
        assert_string_equal(err.faults[0].field, "n");
    }
}

static void
the_whole_range_of_64_bits_can_be_asked_for(void **state)
{
    struct api_error err = {.id = API_OK};
    struct http_query query;
    int64_t low = 0, high = 0;

    (void)state;
    assert_true(http_query_parse("l=-9223372036854775808&h=9223372036854775807", &query, &err));
    assert_true(http_query_whole(&query, "l", INT64_MIN, INT64_MAX, &low, &err));
    assert_true(http_query_whole(&query, "h", INT64_MIN, INT64_MAX, &high, &err));
    assert_true(low == INT64_MIN && high == INT64_MAX);
}

static void
every_fault_of_a_query_is_listed(void **state)
{
    struct api_error err = {.id = API_OK};
    struct http_query query;
    int64_t value = 0;

    (void)state;
    assert_true(http_query_parse("a=x&b=1&c=y", &query, &err));
    http_query_whole(&query, "a", 0, 9, &value, &err);
    http_query_whole(&query, "b", 0, 9, &value, &err);
    http_query_whole(&query, "c", 0, 9, &value, &err);
    assert_int_equal(err.fault_count, 2);
    assert_string_equal(err.faults[1].field, "c");
}

static void
what_is_encoded_decodes_to_the_same(void **state)
{
    uint64_t seed = 51;

    (void)state;
    for (int round = 0; round < 500; round++) {
        char value[64] = "", raw[512] = "v=";
        struct api_error err = {.id = API_OK};
        struct http_query query;

        for (uint64_t n = 1 + random_below(&seed, 30); n > 0; n--)
            strcat(value, (const char *[]){"\xC3\xA9", "&", "=", "%", "+", " ", "a", "~", "/", "\"",
                                           "\xF0\x9F\x98\x80", "\n"}[random_below(&seed, 12)]);
        assert_true(http_query_encode(raw, sizeof raw, value));
        assert_int_equal(strspn(raw + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789-._~%"),
                         strlen(raw + 2));
        assert_true(http_query_parse(raw, &query, &err));
        assert_string_equal(http_query_text(&query, "v"), value);
    }
}

static void
encoding_stops_when_there_is_no_room(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size++) {
        char text[48];

        memset(text, '#', sizeof text);
        text[0] = '\0';
        if (http_query_encode(text, size, "a b&c d&e"))
            assert_string_equal(text, "a%20b%26c%20d%26e");
        else
            assert_true(size < 17 + 4 && text[0] == '\0'); /* 17 bytes, and room for one more */
        for (size_t i = size; i < sizeof text; i++)
            assert_int_equal(text[i], '#');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_is_found_by_its_name),
        cmocka_unit_test(a_repeated_parameter_gives_all_its_values),
        cmocka_unit_test(what_is_not_percent_encoded_utf8_is_refused),
        cmocka_unit_test(the_longest_query_fits_and_a_longer_one_is_refused),
        cmocka_unit_test(names_alone_fill_no_more_than_there_is_room_for),
        cmocka_unit_test(an_integer_is_taken_within_its_range),
        cmocka_unit_test(the_whole_range_of_64_bits_can_be_asked_for),
        cmocka_unit_test(every_fault_of_a_query_is_listed),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(encoding_stops_when_there_is_no_room),
    };

    return cmocka_run_group_tests_name("http_query", tests, NULL, NULL);
}
