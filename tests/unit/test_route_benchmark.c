/* test_route_benchmark.c - agents compared over their ended runs, against a fake store. */
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

#define PATH "/api/training-runs/benchmark"
#define GROUP(runs, score, rest)                                                \
    "{\"agent_id\":\"a\",\"algorithm\":\"x\",\"runs\":" runs ",\"best\":" score \
    ",\"median\":" score ",\"iqm\":" score ",\"ci95\":[" score "," score "]," rest "}"
#define ANSWER(metric, extra, groups) \
    "{\"metric\":\"" metric "\",\"window\":100," extra "\"groups\":[" groups "]}"

/* Two ended runs and one that runs, all with the same four episodes. */
static struct served *
with_runs(void **state)
{
    static struct metric_value values[4][2];
    static struct episode episodes[4];
    struct served *f = *state;
    static const enum run_status statuses[] = {RUN_COMPLETED, RUN_RUNNING, RUN_FAILED};

    for (int64_t n = 0; n < 4; n++) {
        values[n][0] = REAL("total_reward", n == 1 ? NAN : (double)n);
        values[n][1] = REAL("train/loss", 0.5);
        episodes[n] = (struct episode){
            .number = 10 * (n + 1), .created_ms = 1, .values = values[n], .value_count = 2};
    }
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        f->store.runs[i] =
            (struct run){.id = "r", .agent_id = "a", .algorithm = "x", .status = statuses[i]};
    f->store.run_count = COUNT_OF(statuses);
    f->store.episodes = episodes;
    f->store.episode_count = COUNT_OF(episodes);
    return f;
}

static void
ended_runs_are_compared(void **state)
{
    static const struct {
        const char *target, *answer;
    } cases[] = {
        {PATH, ANSWER("total_reward", "",
                      GROUP("2", "1.6666666666666667", "\"episodes_to_target\":null"))},
        {PATH "/?metric=reward_sum&agent_id=&target=",
         ANSWER("reward_sum", "", GROUP("2", "1.6666666666666667", "\"episodes_to_target\":null"))},
        {PATH "?metric=train%2Floss",
         ANSWER("train/loss", "", GROUP("2", "0.5", "\"episodes_to_target\":null"))},
        {PATH "?metric=train%2Floss&target=0.5",
         ANSWER("train/loss", "\"target\":0.5,",
                GROUP("2", "0.5", "\"episodes_to_target\":10.0,\"reached\":2"))},
        {PATH "?target=1",
         ANSWER("total_reward", "\"target\":1.0,",
                GROUP("2", "1.6666666666666667", "\"episodes_to_target\":30.0,\"reached\":2"))},
        {PATH "?target=2e0",
         ANSWER("total_reward", "\"target\":2.0,",
                GROUP("2", "1.6666666666666667", "\"episodes_to_target\":null,\"reached\":0"))},
        {PATH "?metric=epsilon", ANSWER("epsilon", "", "")},
    };
    struct served *f = with_runs(state);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "GET", cases[i].target, NULL);
        assert_served(f, 200, cases[i].answer);
    }
    serve(f, "GET", PATH "?agent_id=a%2Fb", NULL);
    assert_int_equal(f->store.query.limit, 1000);
}

static void
more_runs_than_were_looked_at_are_told(void **state)
{
    struct served *f = with_runs(state);

    f->store.run_count = 0;
    f->store.more = true;
    serve(f, "GET", PATH, NULL);
    assert_served(f, 200, ANSWER("total_reward", "\"truncated\":true,", ""));
}

static void
a_run_whose_values_are_none_does_not_count(void **state)
{
    const struct episode nothing[] = {EPISODE(1, 1, REAL("total_reward", INFINITY))};
    struct served *f = with_runs(state);

    f->store.episodes = nothing;
    f->store.episode_count = 1;
    serve(f, "GET", PATH, NULL);
    assert_served(f, 200, ANSWER("total_reward", "", ""));
}

static void
a_wrong_parameter_is_a_fault(void **state)
{
    static const struct {
        const char *target, *field;
    } cases[] = {
        {PATH "?metric=a%20b", "metric"}, {PATH "?metric=%24ne", "metric"},
        {PATH "?target=x", "target"},     {PATH "?target=nan", "target"},
        {PATH "?target=inf", "target"},   {PATH "?target=0x1p3", "target"},
        {PATH "?target=1e400", "target"}, {PATH "?target=1%202", "target"},
        {PATH "?target=-", "target"},     {PATH "?target=e5", "target"},
    };
    struct served *f = with_runs(state);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "GET", cases[i].target, NULL);
        assert_refused(f, 422, "validation_failed", cases[i].field);
        assert_int_equal(f->store.calls, 0);
    }
    serve(f, "GET", PATH "?metric=%24&target=x", NULL);
    assert_int_equal(f->err.fault_count, 2);
}

static void
a_store_that_fails_is_told(void **state)
{
    struct served *f = with_runs(state);

    f->store.fail_with = API_STORE_UNAVAILABLE;
    serve(f, "GET", PATH, NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(ended_runs_are_compared),
        SERVE_TEST(more_runs_than_were_looked_at_are_told),
        SERVE_TEST(a_run_whose_values_are_none_does_not_count),
        SERVE_TEST(a_wrong_parameter_is_a_fault),
        SERVE_TEST(a_store_that_fails_is_told),
    };

    return cmocka_run_group_tests_name("route_benchmark", tests, NULL, NULL);
}
