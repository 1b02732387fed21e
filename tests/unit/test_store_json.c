/* test_store_json.c - any BSON as JSON. */
#include "store/store_json.h"

#include "base/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/bson_of.h"

/* The member "v" of a document, as JSON text; NULL and *why when it has none. */
static json_object *
value_of(const bson_t *doc, bool *good, const char **why)
{
    json_object *value = NULL;
    bson_iter_t at;

    assert_true(bson_iter_init_find(&at, doc, "v"));
    *good = store_json_read(&at, &value, why);
    return value;
}

static void
every_type_has_its_form_and_numbers_read_back_the_same(void **state)
{
    static const char *const values[] = {
        "null",
        "true",
        "-7",
        "9223372036854775807",
        "1.0",
        "0.0003",
        "1e-07",
        "1.7976931348623157e+308",
        "4.94065645841247e-324",
        "-0.0",
        "\"text with \\u0000 and \xc3\xa4\"",
        "{\"\":1,\"a.b\":{\"$c\":[]}}",
        "[1,[2.5,null],{}]",
        "{\"$date\":\"2024-01-01T00:00:00.500Z\"}",
        "{\"$oid\":\"65920080a1b2c3d4e5f60718\"}",
        "{\"$numberDecimal\":\"1.10\"}",
        "{\"$numberDouble\":\"NaN\"}",
        "{\"$numberDouble\":\"-Infinity\"}",
        "{\"$binary\":{\"base64\":\"AAE=\",\"subType\":\"05\"}}",
        "{\"$regularExpression\":{\"pattern\":\"^a\",\"options\":\"i\"}}",
        "{\"$timestamp\":{\"t\":5,\"i\":6}}",
        "{\"$minKey\":1}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        bson_t *doc = bson_of("{\"v\":%s}", values[i]);
        const char *why = "";
        bool good;
        json_object *value = value_of(doc, &good, &why);

        assert_true(good);
        if (strcmp(json_text_of(value), values[i]) != 0)
            fail_msg("%s became %s", values[i], json_text_of(value));
        json_object_put(value);
        bson_destroy(doc);
    }
}

static void
what_has_no_form_is_refused_with_a_reason(void **state)
{
    bson_t doc = BSON_INITIALIZER, inside;
    const char *why = "";
    bool good;

    (void)state;
    bson_append_utf8(&doc, "v", 1, "\xff", 1);
    assert_null(value_of(&doc, &good, &why));
    assert_false(good);
    assert_string_equal(why, "holds text that is not UTF-8");

    bson_reinit(&doc);
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "v", &inside);
    BSON_APPEND_INT32(&inside, "a", 1);
    BSON_APPEND_INT32(&inside, "a", 2);
    bson_append_document_end(&doc, &inside);
    assert_null(value_of(&doc, &good, &why));
    assert_false(good);
    assert_string_equal(why, "holds a member twice");

    bson_reinit(&doc);
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "v", &inside);
    bson_append_int32(&inside, "\xc3", 1, 1);
    bson_append_document_end(&doc, &inside);
    assert_null(value_of(&doc, &good, &why));
    assert_false(good);
    bson_destroy(&doc);
}

/* {"v": {"v": … 1}} of so many levels. */
static bson_t *
nested(int levels)
{
    bson_t *doc = BCON_NEW("v", BCON_INT32(1));

    for (int i = 1; i < levels; i++) {
        bson_t *outer = BCON_NEW("v", BCON_DOCUMENT(doc));

        bson_destroy(doc);
        doc = outer;
    }
    return doc;
}

static void
nesting_is_bounded_and_what_is_taken_can_be_read_back(void **state)
{
    (void)state;
    for (int levels = 1; levels < 3000; levels += levels < 80 ? 1 : 800) {
        bson_t *doc = nested(levels);
        struct api_error err = {.id = API_OK};
        json_object *back = NULL;
        const char *why = "";
        bool good;
        json_object *value = value_of(doc, &good, &why);
        const char *text = json_text_of(value);

        assert_int_equal(good, levels <= JSON_TEXT_LEVELS_MAX - 3);
        if (good && !json_text_parse(text, strlen(text), &back, &err))
            fail_msg("%d levels cannot be read back", levels);
        json_object_put(back);
        json_object_put(value);
        bson_destroy(doc);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_form_and_numbers_read_back_the_same),
        cmocka_unit_test(what_has_no_form_is_refused_with_a_reason),
        cmocka_unit_test(nesting_is_bounded_and_what_is_taken_can_be_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
