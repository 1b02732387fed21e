/* test_route_curve.c - one run's curve and the comparison of several, against a fake store. */
#include "fakes/episode_of.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define CURVE "/api/v1/training/runs/r1/learning-curve"
#define COMPARE "/api/v1/training/compare"

static void
give_episodes(struct served *f)
{
    static struct metric_value values[4][3];
    static struct episode episodes[4];

    for (int64_t n = 0; n < 4; n++) {
        values[n][0] = REAL("roi_pct", (double)n);
        values[n][1] = REAL("total_reward", (double)(10 * n));
        values[n][2] = REAL("train/loss", 0.5);
        episodes[n] = (struct episode){
            .number = n + 1, .created_ms = 1, .values = values[n], .value_count = 3};
    }
    serve(f, "POST", "/api/v1/training/runs",
          "{\"run_id\":\"r1\",\"agent_id\":\"a\",\"algorithm\":\"x\"}");
    f->store.episodes = episodes;
    f->store.episode_count = 4;
}

static void
a_curve_is_drawn_as_asked(void **state)
{
    static const struct {
        const char *target, *metric, *window, *numbers, *smoothed;
    } cases[] = {
        {CURVE, "\"roi_pct\"", "10", "[1,2,3,4]", "[null,null,null,null]"},
        {CURVE "?window=2", "\"roi_pct\"", "2", "[1,2,3,4]", "[null,0.5,1.5,2.5]"},
        {CURVE "?window=2&from=2&to=3", "\"roi_pct\"", "2", "[2,3]", "[0.5,1.5]"},
        {CURVE "?metric=reward_sum&window=1", "\"reward_sum\"", "1", "[1,2,3,4]",
         "[0.0,10.0,20.0,30.0]"},
        {CURVE "/?metric=total_reward&window=1&from=4", "\"total_reward\"", "1", "[4]", "[30.0]"},
        {CURVE "?metric=train%2Floss&window=1&to=1", "\"train/loss\"", "1", "[1]", "[0.5]"},
        {CURVE "?metric=epsilon", "\"epsilon\"", "10", "[]", "[]"},
        {CURVE "?metric=&window=&max_points=4", "\"roi_pct\"", "10", "[1,2,3,4]",
         "[null,null,null,null]"},
    };
    struct served *f = *state;

    give_episodes(f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (serve(f, "GET", cases[i].target, NULL) != 200)
            fail_msg("%s: %d", cases[i].target, f->status);
        assert_string_equal(served_member(f, "run_id"), "\"r1\"");
        assert_string_equal(served_member(f, "metric"), cases[i].metric);
        assert_string_equal(served_member(f, "window"), cases[i].window);
        assert_string_equal(served_member(f, "episode_numbers"), cases[i].numbers);
        assert_string_equal(served_member(f, "smoothed_values"), cases[i].smoothed);
    }
}

static void
a_wrong_question_is_a_fault(void **state)
{
    static const struct {
        const char *target, *field;
    } cases[] = {
        {CURVE "?metric=nope", "metric"},
        {CURVE "?metric=a%20b", "metric"},
        {CURVE "?window=0", "window"},
        {CURVE "?window=101", "window"},
        {CURVE "?max_points=3", "max_points"},
        {CURVE "?from=0", "from"},
        {CURVE "?to=x", "to"},
        {CURVE "?from=3&to=2", "from"},
    };
    struct served *f = *state;

    give_episodes(f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "GET", cases[i].target, NULL);
        assert_refused(f, 422, "validation_failed", cases[i].field);
    }
    serve(f, "GET", CURVE "?window=0&max_points=1&metric=nope", NULL);
    assert_int_equal(f->err.fault_count, 3);
    serve(f, "GET", "/api/v1/training/runs/r2/learning-curve?window=0", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
}

static void
a_comparison_is_in_the_order_asked(void **state)
{
    struct served *f = *state;

    give_episodes(f);
    f->store.episode_count = 2;
    serve(f, "GET", COMPARE "?run_ids=zz,r1,_bad,r1", NULL);
    assert_int_equal(f->status, 200);
    assert_string_equal(served_member(f, "missing"), "[\"zz\",\"_bad\"]");
    assert_json_equal(served_member(f, "runs"),
#define ONE                                                                                      \
    "{\"run_id\":\"r1\",\"status\":\"running\",\"strategy_label\":null,\"agent_id\":\"a\","      \
    "\"algorithm\":\"x\",\"config\":null,\"episodes_completed\":2,\"aggregate_stats\":{"         \
    "\"total_episodes\":2,\"avg_roi_pct\":0.5,\"min_roi_pct\":0.0,\"max_roi_pct\":1.0,"          \
    "\"avg_total_reward\":5.0,\"min_total_reward\":0.0,\"max_total_reward\":10.0,"               \
    "\"avg_reward_sum\":5.0,\"min_reward_sum\":0.0,\"max_reward_sum\":10.0,"                     \
    "\"avg_train/loss\":0.5,\"min_train/loss\":0.5,\"max_train/loss\":0.5,\"best_roi_pct\":1.0," \
    "\"worst_roi_pct\":0.0,\"nonfinite\":{}},\"started_at\":\"2023-11-14T22:23:20.000Z\","       \
    "\"completed_at\":null}"
                      "[" ONE "," ONE "]");
}

static void
one_to_fifty_ids_can_be_compared(void **state)
{
    struct served *f = *state;
    char target[1000] = COMPARE "?run_ids=r1";

    give_episodes(f);
    serve(f, "GET", COMPARE, NULL);
    assert_refused(f, 422, "validation_failed", "run_ids");
    serve(f, "GET", COMPARE "?run_ids=", NULL);
    assert_refused(f, 422, "validation_failed", "run_ids");
    serve(f, "GET", COMPARE "?run_ids=,,", NULL);
    assert_refused(f, 422, "validation_failed", "run_ids");
    for (int i = 1; i < 50; i++)
        strcat(target, ",x");
    assert_int_equal(serve(f, "GET", target, NULL), 200);
    strcat(target, ",x");
    serve(f, "GET", target, NULL);
    assert_refused(f, 422, "validation_failed", "run_ids");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(a_curve_is_drawn_as_asked),
        SERVE_TEST(a_wrong_question_is_a_fault),
        SERVE_TEST(a_comparison_is_in_the_order_asked),
        SERVE_TEST(one_to_fifty_ids_can_be_compared),
    };

    return cmocka_run_group_tests_name("route_curve", tests, NULL, NULL);
}
