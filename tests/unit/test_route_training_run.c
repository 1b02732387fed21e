/* test_route_training_run.c - one run as seed 004 knows it, against a fake store. */
#include "fakes/episode_of.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define RUNS "/api/training-runs"

static void
create_makes_an_id_where_none_is_given(void **state)
{
    struct served *f = *state;
    char location[128];

    assert_int_equal(serve(f, "POST", RUNS "/", "{}"), 201);
    assert_int_equal(strlen(f->store.id), 36);
    assert_true(ident_is_uuid(f->store.id));
    snprintf(location, sizeof location, "\r\nLocation: " RUNS "/%s\r\n", f->store.id);
    assert_non_null(strstr(f->wire.text, location));
    assert_string_equal(served_member(f, "status"), "\"running\"");
    assert_string_equal(served_member(f, "agent_id"), "\"unassigned\"");
    assert_json_equal(served_member(f, "metrics"), "{\"episodes\":[],\"rolling_win_rate\":[]}");
}

static void
show_has_episodes_win_rates_and_a_summary(void **state)
{
    const struct episode episodes[] = {
        EPISODE(1, 1000, REAL("total_reward", 2.0), BOOL("win", true)),
        EPISODE(2, 1000, REAL("total_reward", -1.0)),
        EPISODE(4, 1000, REAL("total_reward", 5.0), REAL("win", 0.5)),
    };
    struct served *f = *state;

    serve(f, "POST", RUNS, "{\"run_id\":\"r1\",\"config\":{\"lr\":1e-3}}");
    f->store.episodes = episodes;
    f->store.episode_count = COUNT_OF(episodes);
    f->store.runs[0].summary.episodes = 3;
    assert_int_equal(serve(f, "GET", RUNS "/r1/", NULL), 200);
    assert_json_equal(served_member(f, "summary"),
                      "{\"episodes\":3,\"avg_reward\":2.0,\"max_reward\":5.0,\"min_reward\":-1.0,"
                      "\"final_win_rate\":0.75}");
    assert_json_equal(
        served_member(f, "metrics"),
        "{\"episodes\":["
        "{\"episode\":1,\"total_reward\":2.0,\"reward_sum\":2.0,\"win\":true,\"session_id\":null,"
        "\"created_at\":\"1970-01-01T00:00:01.000Z\"},"
        "{\"episode\":2,\"total_reward\":-1.0,\"reward_sum\":-1.0,\"session_id\":null,"
        "\"created_at\":\"1970-01-01T00:00:01.000Z\"},"
        "{\"episode\":4,\"total_reward\":5.0,\"reward_sum\":5.0,\"win\":0.5,\"session_id\":null,"
        "\"created_at\":\"1970-01-01T00:00:01.000Z\"}],"
        "\"rolling_win_rate\":[{\"episode\":1,\"win_rate\":1.0},"
        "{\"episode\":4,\"win_rate\":0.75}]}");
    assert_null(strstr(memory_wire_body(&f->wire), "metrics_truncated"));
}

static void
an_answer_to_a_write_says_that_it_leaves_episodes_out(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}");
    f->store.runs[0].summary = (struct run_summary){.episodes = 7, .avg_reward = 1.5};
    assert_int_equal(serve(f, "PATCH", RUNS "/r1", "{\"notes\":\"n\"}"), 200);
    assert_string_equal(served_member(f, "metrics_truncated"), "true");
    assert_json_equal(served_member(f, "metrics"), "{\"episodes\":[],\"rolling_win_rate\":[]}");
    assert_json_equal(served_member(f, "summary"),
                      "{\"episodes\":7,\"avg_reward\":1.5,\"max_reward\":0.0,\"min_reward\":0.0,"
                      "\"final_win_rate\":0.0}");
}

static void
change_sets_what_it_names(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}");
    assert_int_equal(serve(f, "PATCH", RUNS "/r1",
                           "{\"status\":\"failed\",\"error_message\":\"boom\",\"tags\":[\"t\"]}"),
                     200);
    assert_string_equal(served_member(f, "status"), "\"failed\"");
    assert_string_equal(served_member(f, "end_time"), "\"2023-11-14T22:23:20.000Z\"");
    assert_int_equal(f->store.changes, 1);
    assert_true(f->store.change.sets_metadata && f->store.change.sets_tags);
    assert_false(f->store.change.sets_notes);
    assert_int_equal(serve(f, "PATCH", RUNS "/r1", "{\"status\":\"failed\"}"), 200);
    serve(f, "PATCH", RUNS "/r1", "{\"status\":\"completed\"}");
    assert_refused(f, 409, "run_ended", NULL);
    serve(f, "PATCH", RUNS "/r1", "{\"status\":\"done\",\"notes\":7}");
    assert_refused(f, 422, "validation_failed", "status");
    assert_int_equal(f->err.fault_count, 2);
    serve(f, "PATCH", RUNS "/r2", "{\"status\":\"done\"}");
    assert_refused(f, 404, "run_not_found", NULL);
    assert_int_equal(f->store.changes, 2);
}

static void
a_checkpoint_is_created_or_refused(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}");
    assert_int_equal(serve(f, "POST", RUNS "/r1/checkpoints", "{\"episode\":0,\"path\":\"p.pt\"}"),
                     201);
    assert_int_equal(f->store.checkpoints, 1);
    serve(f, "POST", RUNS "/r1/checkpoints", "{}");
    assert_refused(f, 422, "validation_failed", "episode");
    assert_int_equal(f->err.fault_count, 2);
    serve(f, "POST", RUNS "/r2/checkpoints", "{}");
    assert_refused(f, 404, "run_not_found", NULL);
    assert_int_equal(f->store.checkpoints, 1);
}

static void
the_agents_list_is_no_run(void **state)
{
    struct served *f = *state;

    serve(f, "POST", RUNS, "{\"run_id\":\"r1\",\"agent_id\":\"a \\\"1\\\"\"}");
    serve(f, "GET", RUNS "/agents/list/", NULL);
    assert_served(f, 200, "{\"agent_ids\":[\"a \\\"1\\\"\"]}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(create_makes_an_id_where_none_is_given),
        SERVE_TEST(show_has_episodes_win_rates_and_a_summary),
        SERVE_TEST(an_answer_to_a_write_says_that_it_leaves_episodes_out),
        SERVE_TEST(change_sets_what_it_names),
        SERVE_TEST(a_checkpoint_is_created_or_refused),
        SERVE_TEST(the_agents_list_is_no_run),
    };

    return cmocka_run_group_tests_name("route_training_run", tests, NULL, NULL);
}
