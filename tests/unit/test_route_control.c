/* test_route_control.c - trainings started, stopped and watched, against a fake store. */
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/episode_of.h"
#include "fakes/serve.h"

#define CONTROL "/api/training"
#define STARTED_MS INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

static const struct scenario scenarios[] = {{"alpha", "The first"}, {"beta", ""}};

static const struct fake_look launched[] = {{JOB_QUEUED, 0, NULL},
                                            {JOB_STARTING, STARTED_MS, NULL}};

/* Supervisors are there, and a job would be launched at the second look. */
static int
set_up(void **state)
{
    struct served *f;

    serve_set_up(state);
    f = *state;
    f->limits.start_wait_ms = 500;
    f->limits.stop_wait_ms = 500;
    f->store.control = (struct fake_control){.scenarios = scenarios,
                                             .scenario_count = 2,
                                             .alive = true,
                                             .ever = true,
                                             .looks = launched,
                                             .look_count = 2};
    return 0;
}

/* A job of the account, as the looks will show it. */
static void
have_job(struct served *f, enum job_state state_now, const struct fake_look *looks, size_t count)
{
    struct job *job = &f->store.control.job;

    *job = (struct job){.oid = "0123456789abcdef76543210",
                        .account = "local",
                        .scenario = "alpha",
                        .run_id = "r1",
                        .num_episodes = 1000,
                        .state = state_now,
                        .active = state_now <= JOB_STOPPING,
                        .requested_ms = STARTED_MS - 10000,
                        .started_ms = STARTED_MS,
                        .lease_until_ms = SERVE_NOW_MS + 1};
    f->store.control.has_job = f->store.control.taken = true;
    f->store.control.looks = looks;
    f->store.control.look_count = count;
    f->store.control.look = 0;
}

static void
have_run(struct served *f, const struct episode *episodes, size_t count)
{
    f->store.runs[0] = (struct run){.oid = "0123456789abcdef01234567",
                                    .id = "r1",
                                    .status = RUN_RUNNING,
                                    .summary.episodes = (int64_t)count};
    f->store.run_count = 1;
    f->store.episodes = episodes;
    f->store.episode_count = count;
}

/* ---- start ---- */

static void
start_answers_202_once_the_trainer_runs(void **state)
{
    struct served *f = *state;

    assert_int_equal(serve(f, "POST", CONTROL "/start",
                           "{\"scenario_name\":\"alpha\",\"num_episodes\":7,\"seed\":42}"),
                     202);
    assert_string_equal(served_member(f, "message"), "\"Training started successfully\"");
    assert_non_null(strstr(memory_wire_body(&f->wire),
                           "\"data\":{\"status\":\"started\",\"scenario_name\":\"alpha\","
                           "\"num_episodes\":7,\"start_time\":\"2023-11-14T22:13:20Z\","
                           "\"run_id\":\""));
    assert_non_null(strstr(memory_wire_body(&f->wire), f->store.control.job.run_id));
    assert_string_equal(f->store.control.job.account, "local");
    assert_int_equal(f->store.control.job.seed, 42);
    assert_int_equal(f->store.control.job.save_interval, 100);
}

static void
start_knows_only_listed_scenarios(void **state)
{
    static const char *const names[] = {"gamma",    "",           "alph",    "alpha/",
                                        "../alpha", "-alpha",     "alpha x", "al\\u0070ha ",
                                        "ALPHA",    "/etc/passwd"};
    struct served *f = *state;
    char body[128];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(body, sizeof body, "{\"scenario_name\":\"%s\",\"num_episodes\":0}", names[i]);
        serve(f, "POST", CONTROL "/start", body);
        assert_refused(f, 404, "scenario_not_found", NULL);
    }
    assert_int_equal(f->store.control.inserts, 0);
}

static void
start_lists_every_fault_of_a_known_one(void **state)
{
    struct served *f = *state;

    serve(f, "POST", CONTROL "/start",
          "{\"scenario_name\":\"alpha\",\"num_episodes\":0,\"seed\":-1}");
    assert_refused(f, 422, "validation_failed", "num_episodes");
    assert_int_equal(f->err.fault_count, 2);
    serve(f, "POST", CONTROL "/start", "{}");
    assert_refused(f, 422, "validation_failed", "scenario_name");
    serve(f, "POST", CONTROL "/start", "nonsense");
    assert_refused(f, 400, "body_not_json", NULL);
    assert_int_equal(f->store.control.inserts, 0);
}

static void
start_is_refused_while_one_is_in_progress(void **state)
{
    struct served *f = *state;

    have_job(f, JOB_RUNNING, NULL, 0);
    strcpy(f->store.control.job.account, "another");
    serve(f, "POST", CONTROL "/start", "{\"scenario_name\":\"alpha\"}");
    assert_refused(f, 400, "training_in_progress", NULL);
    assert_int_equal(f->store.control.lapses, 1); /* a lost supervisor is not in the way for long */
}

static void
start_tells_why_nothing_was_launched(void **state)
{
    static const struct fake_look failed[] = {
        {JOB_FAILED, 0, "The trainer could not be launched: No such file or directory."}};
    static const struct fake_look stopped[] = {{JOB_STOPPED, 0, NULL}};
    static const struct {
        const struct fake_look *looks;
        bool alive, ever, taken;
        const char *says;
    } cases[] = {
        {failed, true, true, true, "No such file or directory"},
        {stopped, true, true, true, "stopped before it was launched"},
        {NULL, true, true, false, "No training-supervisor took the job in time"},
        {NULL, false, true, false, "No training-supervisor is running"},
    };
    struct served *f = *state;

    f->limits.start_wait_ms = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f->store.control = (struct fake_control){.scenarios = scenarios,
                                                 .scenario_count = 2,
                                                 .alive = cases[i].alive,
                                                 .ever = cases[i].ever,
                                                 .taken = cases[i].taken,
                                                 .looks = cases[i].looks,
                                                 .look_count = cases[i].looks != NULL};
        serve(f, "POST", CONTROL "/start", "{\"scenario_name\":\"alpha\"}");
        assert_refused(f, 500, "training_not_started", NULL);
        assert_non_null(strstr(f->err.message, cases[i].says));
        assert_false(f->store.control.job.active);
    }
    f->store.control = (struct fake_control){.ever = false};
    serve(f, "POST", CONTROL "/start", "{\"scenario_name\":\"alpha\"}");
    assert_refused(f, 500, "training_not_started", NULL);
    assert_non_null(strstr(f->err.message, "ever"));
}

static void
start_leaves_a_job_that_was_taken_at_the_last_moment(void **state)
{
    struct served *f = *state;

    f->limits.start_wait_ms = 0;
    f->store.control.look_count = 0;
    f->store.control.taken = true;
    assert_int_equal(serve(f, "POST", CONTROL "/start", "{\"scenario_name\":\"alpha\"}"), 202);
    assert_non_null(strstr(memory_wire_body(&f->wire), "2023-11-14T22:23:20Z")); /* as asked for */
}

/* ---- stop ---- */

static void
stop_answers_200_once_it_has_ended(void **state)
{
    static const struct fake_look looks[] = {{JOB_RUNNING, STARTED_MS, NULL},
                                             {JOB_STOPPING, STARTED_MS, NULL},
                                             {JOB_STOPPED, STARTED_MS, NULL}};
    struct served *f = *state;

    have_job(f, JOB_RUNNING, looks, COUNT_OF(looks));
    have_run(f, NULL, 0);
    f->store.runs[0].summary.episodes = 450;
    serve(f, "POST", CONTROL "/stop", NULL);
    assert_served(f, 200,
                  "{\"message\":\"Training stopped successfully\",\"data\":{\"status\":\"stopped\","
                  "\"scenario_name\":\"alpha\",\"episodes_completed\":450,\"total_episodes\":1000,"
                  "\"run_id\":\"r1\"}}");
    assert_int_equal(f->store.control.job.stop_requested_ms, SERVE_NOW_MS);
    serve(f, "POST", CONTROL "/stop", NULL);
    assert_refused(f, 400, "no_training", NULL);
}

static void
stop_ends_a_job_that_nobody_has_taken(void **state)
{
    struct served *f = *state;

    have_job(f, JOB_QUEUED, NULL, 0);
    f->store.control.taken = false;
    serve(f, "POST", CONTROL "/stop", NULL);
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(memory_wire_body(&f->wire), "\"episodes_completed\":0"));
}

static void
stop_tells_when_it_could_not(void **state)
{
    static const struct fake_look crashed[] = {{JOB_FAILED, STARTED_MS, "It broke."}};
    struct served *f = *state;

    have_job(f, JOB_RUNNING, crashed, 1);
    serve(f, "POST", CONTROL "/stop", NULL);
    assert_refused(f, 500, "training_not_stopped", NULL);
    assert_non_null(strstr(f->err.message, "It broke."));
    have_job(f, JOB_RUNNING, NULL, 0);
    f->limits.stop_wait_ms = 0;
    serve(f, "POST", CONTROL "/stop", NULL);
    assert_refused(f, 500, "training_not_stopped", NULL);
}

static void
nobody_stops_anothers_training(void **state)
{
    struct served *f = *state;

    have_job(f, JOB_RUNNING, NULL, 0);
    strcpy(f->store.control.job.account, "another");
    serve(f, "POST", CONTROL "/stop", NULL);
    assert_refused(f, 400, "no_training", NULL);
    assert_int_equal(f->store.control.job.stop_requested_ms, 0);
}

/* ---- status, scenarios ---- */

#define IDLE                                                                  \
    "{\"is_training\":false,\"scenario_name\":null,\"current_episode\":null," \
    "\"total_episodes\":null,\"start_time\":null,\"latest_progress\":null,\"run_id\":null}"

static void
status_of_who_never_trained_is_null(void **state)
{
    struct served *f = *state;

    serve(f, "GET", CONTROL "/status", NULL);
    assert_served(f, 200, IDLE);
    have_job(f, JOB_RUNNING, NULL, 0);
    strcpy(f->store.control.job.account, "another");
    serve(f, "GET", CONTROL "/status/", NULL);
    assert_served(f, 200, IDLE);
}

static void
status_tells_how_far_it_is(void **state)
{
    const struct episode episodes[] = {
        EPISODE(1, STARTED_MS + 1000, REAL("total_reward", 1.0), WHOLE("steps", 120)),
        EPISODE(2, STARTED_MS + 2500, REAL("total_reward", 2.0), WHOLE("steps", 119)),
    };
    struct served *f = *state;

    have_job(f, JOB_RUNNING, NULL, 0);
    serve(f, "GET", CONTROL "/status", NULL); /* its run is not open yet */
    assert_served(f, 200,
                  "{\"is_training\":true,\"scenario_name\":\"alpha\",\"current_episode\":0,"
                  "\"total_episodes\":1000,\"start_time\":\"2023-11-14T22:13:20Z\","
                  "\"latest_progress\":null,\"run_id\":\"r1\"}");
    have_run(f, episodes, 2);
    serve(f, "GET", CONTROL "/status", NULL);
    assert_served(f, 200,
                  "{\"is_training\":true,\"scenario_name\":\"alpha\",\"current_episode\":2,"
                  "\"total_episodes\":1000,\"start_time\":\"2023-11-14T22:13:20Z\","
                  "\"latest_progress\":{\"episode\":2,\"total_episodes\":1000,\"avg_reward\":1.5,"
                  "\"avg_duration\":119.5,\"avg_cash\":null,\"avg_invested\":null,"
                  "\"stability\":null,\"goal_adherence\":null,\"elapsed_time\":2.5},"
                  "\"run_id\":\"r1\"}");
    f->store.control.job.active = false;
    serve(f, "GET", CONTROL "/status", NULL);
    assert_string_equal(served_member(f, "is_training"), "false");
    assert_string_equal(served_member(f, "current_episode"), "2");
    assert_int_equal(f->store.control.lapses, 0);
}

static void
status_looks_after_a_lost_supervisor(void **state)
{
    struct served *f = *state;

    have_job(f, JOB_RUNNING, NULL, 0);
    f->store.control.job.lease_until_ms = SERVE_NOW_MS - 1;
    serve(f, "GET", CONTROL "/status", NULL);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->store.control.lapses, 1);
}

static void
scenarios_are_listed(void **state)
{
    struct served *f = *state;

    serve(f, "GET", CONTROL "/scenarios", NULL);
    assert_served(f, 200,
                  "[{\"name\":\"alpha\",\"description\":\"The first\"},"
                  "{\"name\":\"beta\",\"description\":\"\"}]");
    f->store.control.scenario_count = 0;
    serve(f, "GET", CONTROL "/scenarios", NULL);
    assert_served(f, 200, "[]");
}

static void
without_the_database_everything_is_503(void **state)
{
    static const struct {
        const char *method, *target, *body;
    } cases[] = {
        {"POST", CONTROL "/start", "{\"scenario_name\":\"alpha\"}"},
        {"POST", CONTROL "/stop", NULL},
        {"GET", CONTROL "/status", NULL},
        {"GET", CONTROL "/scenarios", NULL},
    };
    struct served *f = *state;

    f->store.fail_with = API_STORE_UNAVAILABLE;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, cases[i].method, cases[i].target, cases[i].body);
        assert_refused(f, 503, "store_unavailable", NULL);
    }
}

#define CONTROL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, serve_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONTROL_TEST(start_answers_202_once_the_trainer_runs),
        CONTROL_TEST(start_knows_only_listed_scenarios),
        CONTROL_TEST(start_lists_every_fault_of_a_known_one),
        CONTROL_TEST(start_is_refused_while_one_is_in_progress),
        CONTROL_TEST(start_tells_why_nothing_was_launched),
        CONTROL_TEST(start_leaves_a_job_that_was_taken_at_the_last_moment),
        CONTROL_TEST(stop_answers_200_once_it_has_ended),
        CONTROL_TEST(stop_ends_a_job_that_nobody_has_taken),
        CONTROL_TEST(stop_tells_when_it_could_not),
        CONTROL_TEST(nobody_stops_anothers_training),
        CONTROL_TEST(status_of_who_never_trained_is_null),
        CONTROL_TEST(status_tells_how_far_it_is),
        CONTROL_TEST(status_looks_after_a_lost_supervisor),
        CONTROL_TEST(scenarios_are_listed),
        CONTROL_TEST(without_the_database_everything_is_503),
    };

    return cmocka_run_group_tests_name("route_control", tests, NULL, NULL);
}
