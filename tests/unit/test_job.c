/* test_job.c - what may be asked of a training, and what becomes of it. */
#include "training/job.h"

#include "base/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fakes/json_check.h"

static bool
read_request(const char *text, struct job_request *request, struct api_error *err,
             json_object **body)
{
    *body = json_of(text);
    *err = (struct api_error){.id = API_OK};
    return job_request_from_json(*body, request, err);
}

static void
what_is_not_given_has_its_default(void **state)
{
    static const char *const bodies[] = {
        "{\"scenario_name\":\"a\"}",
        "{\"scenario_name\":\"a\",\"num_episodes\":null,\"save_interval\":null,"
        "\"eval_episodes\":null,\"seed\":null,\"unknown\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct job_request request;
        struct api_error err;
        AUTO_JSON *body = NULL;

        assert_true(read_request(bodies[i], &request, &err, &body));
        assert_string_equal(request.scenario, "a");
        assert_int_equal(request.num_episodes, 1000);
        assert_int_equal(request.save_interval, 100);
        assert_int_equal(request.eval_episodes, 10);
        assert_int_equal(request.seed, JOB_NO_SEED);
    }
}

static void
each_number_has_its_bounds(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } cases[] = {
        {"num_episodes", "0", false},
        {"num_episodes", "1", true},
        {"num_episodes", "1000000", true},
        {"num_episodes", "1000001", false},
        {"num_episodes", "42.0", true},
        {"num_episodes", "42.5", false},
        {"num_episodes", "\"42\"", false},
        {"num_episodes", "true", false},
        {"num_episodes", "1e300", false},
        {"num_episodes", "-9223372036854775808", false},
        {"save_interval", "0", false},
        {"save_interval", "1", true},
        {"save_interval", "1000000", true},
        {"save_interval", "1000001", false},
        {"eval_episodes", "0", false},
        {"eval_episodes", "1", true},
        {"eval_episodes", "10000", true},
        {"eval_episodes", "10001", false},
        {"seed", "-1", false},
        {"seed", "0", true},
        {"seed", "4294967295", true},
        {"seed", "4294967296", false},
        {"seed", "[]", false},
        {"seed", "9223372036854775807", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct job_request request;
        struct api_error err;
        AUTO_JSON *body = NULL;
        char text[160];

        snprintf(text, sizeof text, "{\"scenario_name\":\"a\",\"%s\":%s}", cases[i].name,
                 cases[i].value);
        if (read_request(text, &request, &err, &body) != cases[i].good)
            fail_msg("%s", text);
        if (!cases[i].good)
            assert_string_equal(err.faults[0].field, cases[i].name);
    }
}

static void
every_fault_is_told_and_the_name_kept(void **state)
{
    struct job_request request;
    struct api_error err;
    AUTO_JSON *body = NULL;

    (void)state;
    assert_false(read_request("{\"scenario_name\":\"x\",\"num_episodes\":0,\"save_interval\":0,"
                              "\"eval_episodes\":0,\"seed\":-1}",
                              &request, &err, &body));
    assert_int_equal(err.fault_count, 4);
    assert_string_equal(request.scenario, "x");
}

static void
the_name_must_be_a_string(void **state)
{
    static const char *const bodies[] = {"{}",
                                         "{\"scenario_name\":null}",
                                         "{\"scenario_name\":7}",
                                         "{\"scenario_name\":\"a\\u0000b\"}",
                                         "[]",
                                         "7",
                                         "null"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct job_request request;
        struct api_error err;
        AUTO_JSON *body = NULL;

        assert_false(read_request(bodies[i], &request, &err, &body));
        assert_null(request.scenario);
        assert_int_equal(err.status, 422);
    }
}

static void
a_scenario_is_never_a_path_nor_an_option(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } cases[] = {
        {"bologna_coppia", true},
        {"a", true},
        {"7-b_C", true},
        {"", false},
        {"-x", false},
        {"--help", false},
        {"_x", false},
        {".", false},
        {"..", false},
        {"a/b", false},
        {"../a", false},
        {"a.yaml", false},
        {"a b", false},
        {"a;b", false},
        {"a\nb", false},
        {"$(id)", false},
        {"\xc3\xa9", false},
        {"a%00", false},
        {"/etc/x", false},
        {"a\\b", false},
    };
    char name[JOB_SCENARIO_MAX + 2];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (job_scenario_is_valid(cases[i].name) != cases[i].good)
            fail_msg("%s", cases[i].name);
    memset(name, 'a', sizeof name);
    name[JOB_SCENARIO_MAX + 1] = '\0';
    assert_false(job_scenario_is_valid(name));
    name[JOB_SCENARIO_MAX] = '\0';
    assert_true(job_scenario_is_valid(name));
}

static void
an_end_is_judged_by_the_exit_and_the_run(void **state)
{
    static const struct {
        int code;
        const char *signal;
        bool asked, forced;
        enum run_status run;
        enum job_state outcome;
    } cases[] = {
        /* by itself */
        {0, "", false, false, RUN_COMPLETED, JOB_COMPLETED},
        {0, "", false, false, RUN_RUNNING, JOB_COMPLETED},
        {0, "", false, false, RUN_STOPPED, JOB_STOPPED},
        {0, "", false, false, RUN_FAILED, JOB_FAILED},
        {0, "", false, false, RUN_STATUS_NONE, JOB_FAILED},
        {1, "", false, false, RUN_RUNNING, JOB_FAILED},
        {1, "", false, false, RUN_COMPLETED, JOB_FAILED},
        {-1, "SIGSEGV", false, false, RUN_RUNNING, JOB_FAILED},
        {-1, "SIGKILL", false, false, RUN_RUNNING, JOB_FAILED},
        {-1, "SIGTERM", false, false, RUN_RUNNING, JOB_FAILED},
        {143, "", false, false, RUN_STOPPED, JOB_STOPPED},
        {143, "", false, false, RUN_RUNNING, JOB_FAILED},
        {-1, "", false, false, RUN_RUNNING, JOB_FAILED},
        /* told to */
        {0, "", true, false, RUN_STOPPED, JOB_STOPPED},
        {0, "", true, false, RUN_RUNNING, JOB_STOPPED},
        {0, "", true, false, RUN_STATUS_NONE, JOB_STOPPED},
        {0, "", true, false, RUN_COMPLETED, JOB_COMPLETED},
        {143, "", true, false, RUN_RUNNING, JOB_STOPPED},
        {-1, "SIGTERM", true, false, RUN_RUNNING, JOB_STOPPED},
        {1, "", true, false, RUN_RUNNING, JOB_FAILED},
        {-1, "SIGSEGV", true, false, RUN_RUNNING, JOB_FAILED},
        /* and killed */
        {-1, "SIGKILL", true, true, RUN_RUNNING, JOB_STOPPED},
        {-1, "SIGKILL", true, true, RUN_STATUS_NONE, JOB_STOPPED},
        {-1, "SIGKILL", true, true, RUN_COMPLETED, JOB_COMPLETED},
        {-1, "SIGKILL", true, true, RUN_FAILED, JOB_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct job_exit how = {
            .code = cases[i].code, .asked = cases[i].asked, .forced = cases[i].forced};

        snprintf(how.signal, sizeof how.signal, "%s", cases[i].signal);
        if (job_outcome(&how, cases[i].run) != cases[i].outcome)
            fail_msg("case %zu: %s", i, job_state_name(job_outcome(&how, cases[i].run)));
    }
    assert_int_equal(job_run_status(JOB_COMPLETED), RUN_COMPLETED);
    assert_int_equal(job_run_status(JOB_STOPPED), RUN_STOPPED);
    assert_int_equal(job_run_status(JOB_FAILED), RUN_FAILED);
}

static void
an_end_is_told_in_a_sentence(void **state)
{
    static const struct {
        struct job_exit how;
        enum job_state outcome;
        const char *text;
    } cases[] = {
        {{.code = 0}, JOB_COMPLETED, ""},
        {{.code = 143, .asked = true}, JOB_STOPPED, ""},
        {{.code = 3}, JOB_FAILED, "The trainer ended with exit code 3."},
        {{.code = -1, .signal = "SIGSEGV"}, JOB_FAILED, "The trainer was ended by SIGSEGV."},
        {{.code = -1}, JOB_FAILED, "The trainer is gone; nobody saw how it ended."},
        {{.code = 0}, JOB_FAILED, "The trainer ended without having logged its run as completed."},
        {{.code = -1, .signal = "SIGKILL", .asked = true, .forced = true},
         JOB_STOPPED,
         "The trainer did not end when it was told to, and was killed."},
    };
    char text[JOB_ERROR_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        job_describe_exit(&cases[i].how, cases[i].outcome, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
states_have_names_and_times_no_fraction(void **state)
{
    char text[JOB_TIME_TEXT_SIZE];

    (void)state;
    for (enum job_state s = JOB_QUEUED; s <= JOB_FAILED; s++)
        assert_int_equal(job_state_find(job_state_name(s)), s);
    assert_null(job_state_name(JOB_STATE_NONE));
    assert_int_equal(job_state_find(""), JOB_STATE_NONE);
    assert_string_equal(job_time(1762425000999, text), "2025-11-06T10:30:00Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(each_number_has_its_bounds),
        cmocka_unit_test(every_fault_is_told_and_the_name_kept),
        cmocka_unit_test(the_name_must_be_a_string),
        cmocka_unit_test(a_scenario_is_never_a_path_nor_an_option),
        cmocka_unit_test(an_end_is_judged_by_the_exit_and_the_run),
        cmocka_unit_test(an_end_is_told_in_a_sentence),
        cmocka_unit_test(states_have_names_and_times_no_fraction),
    };

    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
