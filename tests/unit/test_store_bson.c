/* test_store_bson.c - small pieces of BSON, written and read. */
#include "store/store_bson.h"

#include "training/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fakes/bson_of.h"
#include "fakes/json_check.h"

static void
a_metrics_name_makes_a_key_and_comes_back(void **state)
{
    static const struct {
        const char *name, *key;
    } cases[] = {
        {"roi_pct", "roi_pct"},           {"a.b", "a:b"}, {"...", ":::"},
        {"train/loss-1", "train/loss-1"}, {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char key[METRIC_NAME_MAX + 1], name[METRIC_NAME_MAX + 1];

        store_metric_key(cases[i].name, key, sizeof key);
        assert_string_equal(key, cases[i].key);
        store_metric_name(key, name, sizeof name);
        assert_string_equal(name, cases[i].name);
    }
}

static void
an_integer_takes_32_bits_where_it_fits(void **state)
{
    static const struct {
        int64_t value;
        bson_type_t type;
    } cases[] = {
        {0, BSON_TYPE_INT32},
        {-1, BSON_TYPE_INT32},
        {INT32_MAX, BSON_TYPE_INT32},
        {INT32_MIN, BSON_TYPE_INT32},
        {INT64_C(2147483648), BSON_TYPE_INT64},
        {INT64_C(-2147483649), BSON_TYPE_INT64},
        {INT64_MAX, BSON_TYPE_INT64},
        {INT64_MIN, BSON_TYPE_INT64},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_BSON doc = BSON_INITIALIZER;
        bson_iter_t at;

        store_append_whole(&doc, "n", cases[i].value);
        assert_true(bson_iter_init_find(&at, &doc, "n"));
        assert_int_equal(bson_iter_type(&at), cases[i].type);
        assert_true(store_read_whole(&doc, "n") == cases[i].value);
    }
}

static void
what_is_absent_is_null(void **state)
{
    AUTO_BSON doc = BSON_INITIALIZER;

    (void)state;
    store_append_text(&doc, "t", "x");
    store_append_text(&doc, "no t", NULL);
    store_append_time(&doc, "at", INT64_C(1700000000123));
    store_append_time(&doc, "no at", 0);
    assert_bson_equal(&doc, "{\"t\":\"x\",\"no t\":null,"
                            "\"at\":{\"$date\":{\"$numberLong\":\"1700000000123\"}},"
                            "\"no at\":null}");
}

static void
json_of_any_shape_becomes_bson(void **state)
{
    static const struct {
        const char *json, *bson;
    } cases[] = {
        {"{}", "{\"v\":{}}"},
        {"null", "{\"v\":null}"},
        {"{\"a\":[1,2.5,true,null,\"x\",{\"b\":[]}]}",
         "{\"v\":{\"a\":[1,2.5,true,null,\"x\",{\"b\":[]}]}}"},
        {"{\"z\":1,\"a\":2,\"\":3,\"a.b\":4,\"$c\":5}",
         "{\"v\":{\"z\":1,\"a\":2,\"\":3,\"a.b\":4,\"$c\":5}}"},
        {"{\"i\":9223372036854775807,\"j\":-9223372036854775808}",
         "{\"v\":{\"i\":{\"$numberLong\":\"9223372036854775807\"},"
         "\"j\":{\"$numberLong\":\"-9223372036854775808\"}}}"},
        {"{\"u\":18446744073709551615,\"w\":9223372036854775808}",
         "{\"v\":{\"u\":1.8446744073709552e19,\"w\":9.2233720368547758e18}}"},
        {"{\"one\":1.0,\"tiny\":1e-7}", "{\"v\":{\"one\":1.0,\"tiny\":1e-7}}"},
        {"\"\\u00e9\"", "{\"v\":\"\xC3\xA9\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_BSON doc = BSON_INITIALIZER;
        AUTO_JSON *value = json_of(cases[i].json);

        store_append_json(&doc, "v", value);
        assert_bson_equal(&doc, cases[i].bson);
        assert_true(bson_validate(&doc, BSON_VALIDATE_UTF8, NULL));
    }
}

static void
a_nul_in_a_string_ends_nothing(void **state)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    AUTO_JSON *value = json_object_new_string_len("a\0b", 3);
    bson_iter_t at;
    uint32_t size;
    const char *text;

    (void)state;
    store_append_json(&doc, "v", value);
    assert_true(bson_iter_init_find(&at, &doc, "v"));
    text = bson_iter_utf8(&at, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(text, "a\0b", 3);
}

static void
long_arrays_have_all_their_elements(void **state)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    AUTO_JSON *array = json_object_new_array();
    bson_iter_t at;
    int64_t next = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) /* beyond libbson's table of short keys */
        json_object_array_add(array, json_object_new_int(i));
    store_append_json(&doc, "v", array);
    assert_true(store_read_inside(&doc, "v", &at));
    for (; bson_iter_next(&at); next++) {
        char key[16];

        snprintf(key, sizeof key, "%d", (int)next);
        assert_string_equal(bson_iter_key(&at), key);
        assert_int_equal(bson_iter_as_int64(&at), next);
    }
    assert_int_equal(next, 2000);
}

static void
what_is_of_another_type_reads_as_absent(void **state)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    bson_iter_t at;

    (void)state;
    BCON_APPEND(&doc, "text", BCON_UTF8("x"), "number", BCON_DOUBLE(2.0), "bool", BCON_BOOL(true),
                "date", BCON_DATE_TIME(5), "null", BCON_NULL, "array", "[", BCON_INT32(1), "]",
                "object", "{", "}");
    assert_string_equal(store_read_text(&doc, "text"), "x");
    assert_null(store_read_text(&doc, "number"));
    assert_null(store_read_text(&doc, "null"));
    assert_null(store_read_text(&doc, "nothing"));
    assert_int_equal(store_read_whole(&doc, "number"), 2);
    assert_int_equal(store_read_whole(&doc, "text"), 0);
    assert_int_equal(store_read_whole(&doc, "date"), 0);
    assert_int_equal(store_read_time(&doc, "date"), 5);
    assert_int_equal(store_read_time(&doc, "number"), 0);
    assert_true(store_read_bool(&doc, "bool"));
    assert_false(store_read_bool(&doc, "number"));
    assert_false(store_read_bool(&doc, "nothing"));
    assert_true(store_read_inside(&doc, "array", &at));
    assert_true(store_read_inside(&doc, "object", &at));
    assert_false(store_read_inside(&doc, "text", &at));
    assert_false(store_read_inside(&doc, "nothing", &at));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metrics_name_makes_a_key_and_comes_back),
        cmocka_unit_test(an_integer_takes_32_bits_where_it_fits),
        cmocka_unit_test(what_is_absent_is_null),
        cmocka_unit_test(json_of_any_shape_becomes_bson),
        cmocka_unit_test(a_nul_in_a_string_ends_nothing),
        cmocka_unit_test(long_arrays_have_all_their_elements),
        cmocka_unit_test(what_is_of_another_type_reads_as_absent),
    };

    return cmocka_run_group_tests_name("store_bson", tests, NULL, NULL);
}
