/* test_store_tail.c - the newest reports in a run's header, and an episode as a document. */
#include "store/store_tail.h"

#include "fakes/episode_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "fakes/bson_of.h"

#define UUID "123e4567-e89b-12d3-a456-426614174000"

static void
assert_same_episode(const struct episode *a, const struct episode *b)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_string_equal(a->session_id, b->session_id);
    assert_int_equal(a->value_count, b->value_count);
    for (size_t i = 0; i < a->value_count; i++) {
        assert_string_equal(a->values[i].name, b->values[i].name);
        assert_int_equal(a->values[i].type, b->values[i].type);
        assert_memory_equal(&a->values[i].real, &b->values[i].real, sizeof(double));
        if (a->values[i].type == METRIC_IS_WHOLE)
            assert_true(a->values[i].whole == b->values[i].whole);
    }
}

static void
an_episode_is_a_document_and_comes_back(void **state)
{
    struct episode episode = EPISODE(
        INT64_C(9007199254740991), INT64_C(1700000000123), REAL("roi_pct", -0.0),
        REAL("max_drawdown_pct", 5e-324), REAL("sharpe_ratio", NAN), REAL("epsilon", -INFINITY),
        REAL("total_reward", 1.7976931348623157e308), WHOLE("steps", INT64_MAX),
        WHOLE("total_trades", 0), BOOL("win", true), REAL("train/a.b", 1.0));
    struct metric_value values[EPISODE_VALUES_MAX];
    AUTO_BSON doc = BSON_INITIALIZER;
    struct episode back;
    bson_oid_t run;

    (void)state;
    strcpy(episode.session_id, UUID);
    bson_oid_init(&run, NULL);
    episode_doc_append(&doc, &run, &episode);
    assert_true(episode_doc_read(&doc, &back, values));
    assert_same_episode(&back, &episode);
}

static void
the_document_has_the_shape_of_the_schema(void **state)
{
    struct episode episode = EPISODE(7, INT64_C(1700000000123), REAL("total_reward", 2.0),
                                     WHOLE("steps", 3), BOOL("win", false));
    AUTO_BSON doc = BSON_INITIALIZER;
    AUTO_BSON tail = BSON_INITIALIZER;
    bson_oid_t run;

    (void)state;
    bson_oid_init_from_string(&run, "0123456789abcdef01234567");
    episode_doc_append(&doc, &run, &episode);
    assert_bson_equal(&doc, "{\"_id\":{\"run\":{\"$oid\":\"0123456789abcdef01234567\"},\"n\":7},"
                            "\"created_at\":{\"$date\":{\"$numberLong\":\"1700000000123\"}},"
                            "\"metrics\":{\"total_reward\":2.0,\"steps\":3,\"win\":false}}");
    strcpy(episode.session_id, UUID);
    tail_append(&tail, "0", &episode, false);
    assert_bson_equal(&tail, "{\"0\":{\"n\":7,"
                             "\"created_at\":{\"$date\":{\"$numberLong\":\"1700000000123\"}},"
                             "\"session_id\":\"" UUID "\","
                             "\"metrics\":{\"total_reward\":2.0,\"steps\":3,\"win\":false}}}");
}

static void
what_is_no_episode_is_not_read(void **state)
{
    static const char *const docs[] = {
        "{}",          "{\"n\":0}",     "{\"_id\":{\"n\":-1}}",
        "{\"_id\":7}", "{\"n\":\"x\"}", "{\"metrics\":{\"a\":1}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(docs); i++) {
        struct metric_value values[EPISODE_VALUES_MAX];
        struct episode episode;
        bson_t *doc = bson_of("%s", docs[i]);

        assert_false(episode_doc_read(doc, &episode, values));
        bson_destroy(doc);
    }
}

static void
more_values_than_an_episode_holds_are_cut(void **state)
{
    struct metric_value values[EPISODE_VALUES_MAX];
    AUTO_BSON doc = BSON_INITIALIZER;
    struct episode episode;
    bson_t metrics;

    (void)state;
    BSON_APPEND_INT32(&doc, "n", 1);
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "metrics", &metrics);
    for (int i = 0; i < EPISODE_VALUES_MAX + 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%d", i);
        BSON_APPEND_DOUBLE(&metrics, name, i);
    }
    bson_append_document_end(&doc, &metrics);
    assert_true(episode_doc_read(&doc, &episode, values));
    assert_int_equal(episode.value_count, EPISODE_VALUES_MAX);
}

/* A header whose tail has these numbers, in this order. */
static void
header_with(bson_t *header, const int64_t *numbers, size_t count)
{
    bson_t array;

    BSON_APPEND_INT64(header, "episodes", (int64_t)count);
    BSON_APPEND_ARRAY_BEGIN(header, "tail", &array);
    for (size_t i = 0; i < count; i++) {
        const struct episode episode =
            EPISODE(numbers[i], 1000 + numbers[i], REAL("roi_pct", (double)numbers[i]));
        char text[16];
        const char *key;

        bson_uint32_to_string((uint32_t)i, &key, text, sizeof text);
        tail_append(&array, key, &episode, false);
    }
    bson_append_array_end(header, &array);
}

static void
a_tail_is_read_in_number_order(void **state)
{
    static const int64_t numbers[] = {5, INT64_C(3000000000), 1, 4, 2};
    static const int64_t sorted[] = {1, 2, 4, 5, INT64_C(3000000000)};
    AUTO_BSON header = BSON_INITIALIZER;
    struct tail *tail;

    (void)state;
    header_with(&header, numbers, 5);
    tail = tail_read(&header);
    assert_int_equal(tail->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(tail->items[i].number, sorted[i]);
        assert_int_equal(tail->items[i].created_ms, 1000 + sorted[i]);
        assert_true(episode_metric(&tail->items[i], "roi_pct")->real == (double)sorted[i]);
        assert_ptr_equal(tail_find(tail, sorted[i]), &tail->items[i]);
    }
    assert_null(tail_find(tail, 3));
    tail_free(tail);
}

static void
no_tail_is_none(void **state)
{
    static const char *const headers[] = {"{}", "{\"tail\":[]}", "{\"tail\":null}", "{\"tail\":7}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        bson_t *header = bson_of("%s", headers[i]);

        assert_null(tail_read(header));
        bson_destroy(header);
    }
    assert_null(tail_find(NULL, 1));
    tail_free(NULL);
}

static void
a_full_tail_is_read_whole(void **state)
{
    int64_t numbers[TAIL_MAX];
    AUTO_BSON header = BSON_INITIALIZER;
    struct tail *tail;

    (void)state;
    for (int i = 0; i < TAIL_MAX; i++)
        numbers[i] = 2 * TAIL_MAX - i;
    header_with(&header, numbers, TAIL_MAX);
    tail = tail_read(&header);
    assert_int_equal(tail->count, TAIL_MAX);
    assert_int_equal(tail->items[0].number, TAIL_MAX + 1);
    assert_int_equal(tail->items[TAIL_MAX - 1].number, 2 * TAIL_MAX);
    tail_free(tail);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_episode_is_a_document_and_comes_back),
        cmocka_unit_test(the_document_has_the_shape_of_the_schema),
        cmocka_unit_test(what_is_no_episode_is_not_read),
        cmocka_unit_test(more_values_than_an_episode_holds_are_cut),
        cmocka_unit_test(a_tail_is_read_in_number_order),
        cmocka_unit_test(no_tail_is_none),
        cmocka_unit_test(a_full_tail_is_read_whole),
    };

    return cmocka_run_group_tests_name("store_tail", tests, NULL, NULL);
}
