/* test_store_run_doc.c - a run's header as a document, and the run that is read from it. */
#include "store/store_run_doc.h"

#include "fakes/episode_of.h"
#include "store/store_counters.h"
#include "store/store_tail.h"

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

#define UUID "123e4567-e89b-12d3-a456-426614174000"
#define NOW_MS INT64_C(1700000000123)

/* The document of the run that this body opens; the caller destroys both. */
static bson_t *
open_run(const char *json, json_object **body)
{
    struct api_error err = {.id = API_OK};
    struct run_request request;
    bson_t *doc = bson_new();

    *body = json_of(json);
    assert_true(run_request_from_json(*body, 10000, &request, &err));
    run_doc_new(doc, "acme", &request, NOW_MS);
    return doc;
}

static void
a_new_run_has_every_member_of_the_schema(void **state)
{
    static const char *const members[] = {
        "_id",
        "account",
        "run_id",
        "status",
        "config",
        "config_json",
        "strategy_id",
        "strategy_label",
        "agent_id",
        "algorithm",
        "episodes_total",
        "started_at",
        "completed_at",
        "last_reported_at",
        "deleted_at",
        "metadata",
        "metadata_json",
        "tags",
        "notes",
        "checkpoint_paths",
        "edits",
        "episodes",
        "revision",
        "metrics",
        "metric_count",
        "wins",
        "summary_stale",
        "tail",
        "rows_max",
        "merges",
        "fence",
        "search",
        "rank",
    };
    json_object *body;
    bson_t *doc = open_run("{\"run_id\":\"r1\"}", &body);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (!bson_has_field(doc, members[i]))
            fail_msg("%s is missing", members[i]);
    bson_destroy(doc);
    json_object_put(body);
}

static void
a_bare_run_reads_back_bare(void **state)
{
    json_object *body;
    bson_t *doc = open_run("{\"run_id\":\"r1\"}", &body);
    struct run_held held = {.holder = NULL};

    (void)state;
    json_object_put(body);
    run_doc_hold(doc, &held);
    bson_destroy(doc); /* held has a copy */
    assert_int_equal(strlen(held.run.oid), 24);
    assert_string_equal(held.run.id, "r1");
    assert_int_equal(held.run.status, RUN_RUNNING);
    assert_null(held.run.config_json);
    assert_null(held.run.strategy_id);
    assert_null(held.run.strategy_label);
    assert_string_equal(held.run.agent_id, "unassigned");
    assert_string_equal(held.run.algorithm, "unknown");
    assert_int_equal(held.run.episodes_total, 0);
    assert_int_equal(held.run.started_ms, NOW_MS);
    assert_int_equal(held.run.reported_ms, NOW_MS);
    assert_int_equal(held.run.ended_ms, 0);
    assert_int_equal(held.run.deleted_ms, 0);
    assert_string_equal(held.run.metadata_json, "{}");
    assert_int_equal(held.run.tag_count, 0);
    assert_null(held.run.notes);
    assert_int_equal(held.run.checkpoint_count, 0);
    assert_int_equal(held.run.summary.episodes, 0);
    assert_true(isnan(held.run.summary.avg_roi_pct) && isnan(held.run.summary.final_win_rate));
    store_run_release(&held);
    assert_null(held.holder);
    store_run_release(&held); /* twice does no harm */
}

static void
what_a_client_gave_comes_back_as_given(void **state)
{
    static const char config[] = "{\"z\":1,\"a\":{\"lr\":1e-7,\"one\":1.0,\"\":[null]},"
                                 "\"a.b\":\"$x\",\"$set\":true,\"big\":18446744073709551615,"
                                 "\"nul\":\"a\\u0000b\",\"\xC3\xA9\":\"\xF0\x9F\x98\x80\"}";
    char text[1000];
    json_object *body;
    bson_t *doc;
    struct run_held held = {.holder = NULL};

    (void)state;
    snprintf(text, sizeof text,
             "{\"run_id\":\"r1\",\"config\":%s,\"strategy_id\":\"" UUID
             "\",\"strategy_label\":\"L\",\"agent_id\":\"A\",\"algorithm\":\"PPO\","
             "\"episodes_total\":9007199254740991,\"metadata\":{\"k\":1.50},"
             "\"tags\":[\"t1\",\"t2\"],\"notes\":\"# N\"}",
             config);
    doc = open_run(text, &body);
    json_object_put(body);
    run_doc_borrow(doc, &held);
    assert_string_equal(held.run.config_json, config);
    assert_string_equal(held.run.strategy_id, UUID);
    assert_string_equal(held.run.strategy_label, "L");
    assert_string_equal(held.run.agent_id, "A");
    assert_string_equal(held.run.algorithm, "PPO");
    assert_int_equal(held.run.episodes_total, RUN_EPISODES_MAX);
    assert_string_equal(held.run.metadata_json, "{\"k\":1.50}");
    assert_int_equal(held.run.tag_count, 2);
    assert_string_equal(held.run.tags[0], "t1");
    assert_string_equal(held.run.tags[1], "t2");
    assert_string_equal(held.run.notes, "# N");
    store_run_release(&held);
    bson_destroy(doc);
}

static void
a_header_of_an_ended_run_is_read_whole(void **state)
{
    bson_t *doc = bson_of(
        "{\"_id\":{\"$oid\":\"0123456789abcdef01234567\"},\"run_id\":\"r1\",\"status\":\"failed\","
        "\"agent_id\":\"a\",\"algorithm\":\"x\","
        "\"started_at\":{\"$date\":{\"$numberLong\":\"1000\"}},"
        "\"completed_at\":{\"$date\":{\"$numberLong\":\"2000\"}},"
        "\"last_reported_at\":{\"$date\":{\"$numberLong\":\"3000\"}},"
        "\"deleted_at\":{\"$date\":{\"$numberLong\":\"4000\"}},\"episodes\":12,"
        "\"checkpoint_paths\":[{\"episode\":0,\"path\":\"p0\"},"
        "{\"episode\":{\"$numberLong\":\"3000000000\"},\"path\":\"p1\"}],"
        "\"summary_stale\":true}");
    struct run_held held = {.holder = NULL};

    (void)state;
    assert_false(run_doc_in_step(doc));
    run_doc_borrow(doc, &held);
    assert_string_equal(held.run.oid, "0123456789abcdef01234567");
    assert_int_equal(held.run.status, RUN_FAILED);
    assert_int_equal(held.run.ended_ms, 2000);
    assert_int_equal(held.run.reported_ms, 3000);
    assert_int_equal(held.run.deleted_ms, 4000);
    assert_int_equal(held.run.summary.episodes, 12);
    assert_int_equal(held.run.checkpoint_count, 2);
    assert_string_equal(held.run.checkpoints[0].path, "p0");
    assert_int_equal(held.run.checkpoints[1].episode, INT64_C(3000000000));
    store_run_release(&held);
    bson_destroy(doc);
}

/* A header with one row's figures and two reports in its tail. */
static bson_t *
header_with_tail(void)
{
    const struct episode row =
        EPISODE(1, 1, REAL("total_reward", 4.0), REAL("old.metric", 1.0), BOOL("win", true));
    const struct episode waiting[] = {
        EPISODE(2, 1, REAL("total_reward", -2.0), REAL("new/metric", 1.0), BOOL("win", false)),
        EPISODE(3, 1, REAL("total_reward", 7.0), REAL("roi_pct", NAN)),
    };
    struct counters counters;
    bson_t *doc = bson_of("{\"run_id\":\"r1\",\"episodes\":3}"), array;

    assert_true(counters_read(doc, &counters));
    assert_true(counters_add(&counters, &row));
    counters_append(&counters, doc);
    counters_clear(&counters);
    BSON_APPEND_ARRAY_BEGIN(doc, "tail", &array);
    tail_append(&array, "0", &waiting[0], false);
    tail_append(&array, "1", &waiting[1], false);
    bson_append_array_end(doc, &array);
    return doc;
}

static void
a_summary_counts_rows_and_tail(void **state)
{
    bson_t *doc = header_with_tail();
    struct run_held held = {.holder = NULL};

    (void)state;
    assert_true(run_doc_in_step(doc));
    run_doc_borrow(doc, &held);
    assert_int_equal(held.run.summary.episodes, 3);
    assert_true(held.run.summary.avg_reward == 3.0);
    assert_true(held.run.summary.min_reward == -2.0);
    assert_true(held.run.summary.max_reward == 7.0);
    assert_true(held.run.summary.final_win_rate == 0.5);
    assert_true(isnan(held.run.summary.avg_roi_pct));
    store_run_release(&held);
    bson_destroy(doc);
}

static void
a_metric_is_known_from_rows_and_tail(void **state)
{
    static const struct {
        const char *name;
        bool has;
    } cases[] = {
        {"total_reward", true}, {"old.metric", true}, {"new/metric", true}, {"win", true},
        {"roi_pct", true},      {"old", false},       {"metric", false},    {"steps", false},
    };
    bson_t *doc = header_with_tail();
    struct run_held held = {.holder = NULL};

    (void)state;
    run_doc_borrow(doc, &held);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (store_run_has_metric(&held, cases[i].name) != cases[i].has)
            fail_msg("%s", cases[i].name);
    store_run_release(&held);
    bson_destroy(doc);
}

static void
the_highest_number_is_a_rows_or_the_tails(void **state)
{
    static const int64_t rows_max[] = {0, 1, 2, 4, INT64_C(9007199254740991)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows_max); i++) {
        bson_t *doc = header_with_tail();
        struct run_held held = {.holder = NULL};

        BSON_APPEND_INT64(doc, "rows_max", rows_max[i]);
        run_doc_borrow(doc, &held);
        assert_int_equal(store_run_highest(&held), rows_max[i] > 3 ? rows_max[i] : 3);
        store_run_release(&held);
        bson_destroy(doc);
    }
}

static void
a_run_without_reports_has_no_highest_number(void **state)
{
    json_object *body;
    bson_t *doc = open_run("{\"run_id\":\"r1\"}", &body);
    struct run_held held = {.holder = NULL};

    (void)state;
    run_doc_borrow(doc, &held);
    assert_int_equal(store_run_highest(&held), 0);
    store_run_release(&held);
    bson_destroy(doc);
    json_object_put(body);
}

struct names {
    char text[256];
    size_t most;
};

static bool
note_name(const char *metric, void *context)
{
    struct names *names = context;

    strcat(names->text, metric);
    strcat(names->text, " ");
    return --names->most > 0;
}

static void
every_metric_of_rows_and_tail_is_told(void **state)
{
    static const struct {
        const char *doc, *names;
    } cases[] = {
        {"{\"metrics\":{\"steps\":{\"count\":1},\"a:b/c\":{\"count\":1}},"
         "\"tail\":[{\"n\":1,\"metrics\":{\"win\":true,\"steps\":2}},"
         "{\"n\":2,\"metrics\":{\"x.y\":1.5}}]}",
         "steps a.b/c win steps x.y "},
        {"{\"metrics\":{\"x\":{\"count\":1}},\"tail\":[]}", "x "},
        {"{\"metrics\":{},\"tail\":[]}", ""},
        {"{}", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct run_held held = {.holder = NULL};
        struct names names = {.most = SIZE_MAX}, one = {.most = 1};
        bson_t *doc = bson_of("%s", cases[i].doc);

        run_doc_borrow(doc, &held);
        assert_true(store_run_each_metric(&held, note_name, &names));
        assert_string_equal(names.text, cases[i].names);
        assert_int_equal(store_run_each_metric(&held, note_name, &one), names.text[0] == '\0');
        store_run_release(&held);
        bson_destroy(doc);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_run_has_every_member_of_the_schema),
        cmocka_unit_test(a_bare_run_reads_back_bare),
        cmocka_unit_test(what_a_client_gave_comes_back_as_given),
        cmocka_unit_test(a_header_of_an_ended_run_is_read_whole),
        cmocka_unit_test(a_summary_counts_rows_and_tail),
        cmocka_unit_test(a_metric_is_known_from_rows_and_tail),
        cmocka_unit_test(the_highest_number_is_a_rows_or_the_tails),
        cmocka_unit_test(a_run_without_reports_has_no_highest_number),
        cmocka_unit_test(every_metric_of_rows_and_tail_is_told),
    };

    return cmocka_run_group_tests_name("store_run_doc", tests, NULL, NULL);
}
