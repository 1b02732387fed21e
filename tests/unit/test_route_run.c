/* test_route_run.c - /api/v1/training/runs and one of them, against a fake store. */
#include "fakes/episode_of.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "fakes/serve.h"

#define RUNS "/api/v1/training/runs"

/* The run that `create` makes, as it is shown. */
#define CREATED(status, completed_at)                                                          \
    "{\"run_id\":\"r1\",\"status\":\"" status "\",\"config\":{\"b\":1.0,\"a\":[1e-7]},"        \
    "\"strategy_id\":null,\"strategy_label\":\"L\",\"agent_id\":\"L\",\"algorithm\":\"PPO\","  \
    "\"episodes_total\":null,\"started_at\":\"2023-11-14T22:23:20.000Z\",\"completed_"         \
    "at\":" completed_at ",\"last_reported_at\":\"2023-11-14T22:23:20.000Z\",\"stale\":false," \
    "\"episodes_completed\":0,\"total_episodes\":0,\"avg_roi_pct\":0.0,\"avg_sharpe\":0.0}"

#define BODY                                                                        \
    "{\"run_id\":\"r1\",\"config\":{\"b\":1.0,\"a\":[1e-7]},\"algorithm\":\"PPO\"," \
    "\"strategy_label\":\"L\"}"

static void
create_keeps_a_good_run(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    assert_served(f, 201, CREATED("running", "null"));
    assert_non_null(strstr(f->wire.text, "\r\nLocation: /api/v1/training/runs/r1\r\n"));
    assert_int_equal(f->store.inserts, 1);
}

static void
create_again_gives_the_stored_run(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    assert_int_equal(serve(f, "POST", RUNS, BODY), 201);
    assert_int_equal(serve(f, "POST", RUNS "/", "{\"run_id\":\"r1\"}"), 201);
    assert_served(f, 201, CREATED("running", "null"));
    assert_int_equal(f->store.inserts, 1);
    serve(f, "POST", RUNS, "{\"run_id\":\"r1\",\"config\":{}}");
    assert_refused(f, 409, "run_differs", NULL);
    f->store.runs[0].deleted_ms = 5;
    serve(f, "POST", RUNS, BODY);
    assert_refused(f, 409, "run_deleted", NULL);
}

static void
create_refuses_a_bad_body(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code, *field;
    } cases[] = {
        {NULL, 400, "body_missing", NULL},
        {"{", 400, "body_not_json", NULL},
        {"{\"run_id\":NaN}", 400, "body_not_json", NULL},
        {"[]", 422, "validation_failed", ""},
        {"{}", 422, "validation_failed", "run_id"},
        {"{\"run_id\":null}", 422, "validation_failed", "run_id"},
        {"{\"run_id\":\"a b\"}", 422, "validation_failed", "run_id"},
        {"{\"run_id\":\"r1\",\"config\":[]}", 422, "validation_failed", "config"},
        {"{\"run_id\":\"r1\",\"config\":{\"a\":18446744073709551616}}", 422, "validation_failed",
         NULL},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "POST", RUNS, cases[i].body);
        assert_refused(f, cases[i].status, cases[i].code, cases[i].field);
        assert_int_equal(f->store.inserts, 0); /* nothing was kept */
    }
}

static void
a_uuid_is_one_run_in_any_case(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, "{\"run_id\":\"123E4567-E89B-12D3-A456-426614174000\"}");
    assert_string_equal(served_member(f, "run_id"), "\"123e4567-e89b-12d3-a456-426614174000\"");
    assert_int_equal(serve(f, "GET", RUNS "/123E4567-e89b-12d3-A456-426614174000", NULL), 200);
}

static void
complete_ends_a_run_once(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    serve(f, "POST", RUNS "/r1/complete", NULL);
    assert_served(f, 200, CREATED("completed", "\"2023-11-14T22:23:20.000Z\""));
    serve(f, "POST", RUNS "/r1/complete/", "anything {");
    assert_served(f, 200, CREATED("completed", "\"2023-11-14T22:23:20.000Z\""));
    f->store.runs[0].status = RUN_FAILED;
    serve(f, "POST", RUNS "/r1/complete", NULL);
    assert_refused(f, 409, "run_ended", NULL);
    serve(f, "POST", RUNS "/r2/complete", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
}

static void
show_aggregates_over_the_episodes(void **state)
{
    const struct episode episodes[] = {
        EPISODE(1, INT64_C(1700000000000), REAL("roi_pct", 1.0), REAL("sharpe_ratio", NAN)),
        EPISODE(3, INT64_C(1700000001000), REAL("roi_pct", 4.0), REAL("sharpe_ratio", 2.0)),
    };
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    f->store.episodes = episodes;
    f->store.episode_count = COUNT_OF(episodes);
    assert_int_equal(serve(f, "GET", RUNS "/r1", NULL), 200);
    assert_string_equal(served_member(f, "episodes_completed"), "2");
    assert_string_equal(served_member(f, "total_episodes"), "2");
    assert_string_equal(served_member(f, "avg_roi_pct"), "2.5");
    assert_string_equal(served_member(f, "avg_sharpe"), "2.0");
    assert_string_equal(served_member(f, "config"), "{\"b\":1.0,\"a\":[1e-7]}");
    assert_json_equal(served_member(f, "learning_curve"),
                      "{\"roi_pct\":[1.0,2.5],\"sharpe_ratio\":[null,2.0]}");
    assert_json_equal(served_member(f, "aggregate_stats"),
                      "{\"total_episodes\":2,\"avg_roi_pct\":2.5,\"min_roi_pct\":1.0,"
                      "\"max_roi_pct\":4.0,\"avg_sharpe_ratio\":2.0,\"min_sharpe_ratio\":2.0,"
                      "\"max_sharpe_ratio\":2.0,\"avg_sharpe\":2.0,\"best_roi_pct\":4.0,"
                      "\"worst_roi_pct\":1.0,\"nonfinite\":{\"sharpe_ratio\":1}}");
    assert_json_equal(served_member(f, "episodes"),
                      "[{\"episode_number\":1,\"metrics\":{\"roi_pct\":1.0,\"sharpe_ratio\":"
                      "\"NaN\"},\"session_id\":null,\"created_at\":\"2023-11-14T22:13:20.000Z\"},"
                      "{\"episode_number\":3,\"metrics\":{\"roi_pct\":4.0,\"sharpe_ratio\":2.0},"
                      "\"session_id\":null,\"created_at\":\"2023-11-14T22:13:21.000Z\"}]");
}

static void
show_of_a_run_without_episodes_has_nulls(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    assert_int_equal(serve(f, "GET", RUNS "/r1", NULL), 200);
    assert_string_equal(served_member(f, "learning_curve"), "null");
    assert_string_equal(served_member(f, "aggregate_stats"), "null");
    assert_string_equal(served_member(f, "episodes"), "[]");
    assert_string_equal(served_member(f, "avg_roi_pct"), "null");
}

static void
head_is_get_without_its_body(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    assert_int_equal(serve(f, "HEAD", RUNS "/r1", NULL), 200);
    assert_true(f->whole);
    assert_string_equal(memory_wire_body(&f->wire), "");
}

static void
no_id_that_a_run_cannot_have_is_looked_for(void **state)
{
    static const char *const targets[] = {
        RUNS "/_x",
        RUNS "/a b",
        RUNS "/..",
        RUNS "/$where",
        RUNS "/01234567890123456789012345678901234567890123456789012345678901234",
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        serve(f, "GET", targets[i], NULL);
        assert_refused(f, 404, "run_not_found", NULL);
    }
    assert_int_equal(f->store.calls, 0);
}

static void
a_store_that_is_down_is_503_on_every_route(void **state)
{
    static const struct {
        const char *method, *target, *body;
    } cases[] = {
        {"POST", RUNS, BODY},
        {"GET", RUNS, NULL},
        {"GET", RUNS "/r1", NULL},
        {"POST", RUNS "/r1/complete", NULL},
        {"POST", RUNS "/r1/episodes", "{\"episode_number\":1}"},
        {"POST", RUNS "/r1/episodes", "{}"},
        {"POST", RUNS "/r1/episodes/batch", "{\"episodes\":[{\"episode_number\":1}]}"},
        {"GET", RUNS "/r1/learning-curve", NULL},
        {"GET", "/api/v1/training/compare?run_ids=r1", NULL},
        {"GET", "/api/training-runs", NULL},
        {"POST", "/api/training-runs", "{}"},
        {"GET", "/api/training-runs/r1", NULL},
        {"PATCH", "/api/training-runs/r1", "{\"notes\":\"n\"}"},
        {"POST", "/api/training-runs/r1/episodes", "{\"episode\":1}"},
        {"POST", "/api/training-runs/r1/checkpoints", "{\"episode\":1,\"path\":\"p\"}"},
        {"GET", "/api/training-runs/agents/list", NULL},
    };
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    f->store.fail_with = API_STORE_UNAVAILABLE;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (serve(f, cases[i].method, cases[i].target, cases[i].body) != 503)
            fail_msg("%s %s: %d", cases[i].method, cases[i].target, f->status);
        assert_refused(f, 503, "store_unavailable", NULL);
        assert_non_null(strstr(f->wire.text, "\r\nRetry-After: 1\r\n"));
    }
}

static void
a_store_that_goes_away_midway_is_noticed(void **state)
{
    static struct metric_value value[1];
    static struct episode episodes[20000];
    struct served *f = *state;

    serve(f, "POST", RUNS, BODY);
    value[0] = REAL("roi_pct", 1.0);
    for (int64_t n = 0; n < 20000; n++)
        episodes[n] =
            (struct episode){.number = n + 1, .created_ms = 1, .values = value, .value_count = 1};
    f->store.episodes = episodes;
    f->store.episode_count = 20000;
    f->store.fail_after = 10; /* while the answer is still here: an error */
    serve(f, "GET", RUNS "/r1", NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
    f->store.fail_after = 15000; /* part of it is gone: it must not look whole */
    assert_int_equal(serve(f, "GET", RUNS "/r1", NULL), 200);
    assert_false(f->whole);
    f->store.fail_after = 0;
    serve(f, "GET", RUNS "/r1", NULL);
    assert_true(f->whole);
    assert_string_equal(served_member(f, "episodes_completed"), "20000");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(create_keeps_a_good_run),
        SERVE_TEST(create_again_gives_the_stored_run),
        SERVE_TEST(create_refuses_a_bad_body),
        SERVE_TEST(a_uuid_is_one_run_in_any_case),
        SERVE_TEST(complete_ends_a_run_once),
        SERVE_TEST(show_aggregates_over_the_episodes),
        SERVE_TEST(show_of_a_run_without_episodes_has_nulls),
        SERVE_TEST(head_is_get_without_its_body),
        SERVE_TEST(no_id_that_a_run_cannot_have_is_looked_for),
        SERVE_TEST(a_store_that_is_down_is_503_on_every_route),
        SERVE_TEST(a_store_that_goes_away_midway_is_noticed),
    };

    return cmocka_run_group_tests_name("route_run", tests, NULL, NULL);
}
