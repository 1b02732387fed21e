/* test_statistics.c - aggregates against ones computed by hand or in the plainest way. */
#include "training/statistics.h"

#include "base/auto.h"
#include "fakes/episode_of.h"
#include "fakes/memory_out.h"
#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fakes/json_check.h"

#define EPISODES 1000

static int
set_up(void **state)
{
    static struct statistics statistics;

    statistics_init(&statistics);
    *state = &statistics;
    return 0;
}

static int
tear_down(void **state)
{
    statistics_clear(*state);
    return 0;
}

static void
add(struct statistics *statistics, int64_t number, const char *metric, double value)
{
    const struct episode episode = EPISODE(number, 1, REAL(metric, value));

    assert_true(statistics_add(statistics, &episode));
}

static bool
near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance;
}

static void
assert_shown(const struct statistics *statistics, const char *expected)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    memory_out_init(&memory, 7);
    json_out_object(&json, NULL);
    statistics_write(statistics, &json, "aggregate_stats");
    json_out_object_end(&json);
    assert_json_equal(memory_out_text(&memory), expected);
    memory_out_clear(&memory);
}

static void
figures_are_those_of_the_values(void **state)
{
    struct statistics *statistics = *state;
    uint64_t seed = 21;
    long double sum = 0.0L;
    double least = INFINITY, most = -INFINITY;
    const struct metric_statistics *metric;

    for (int64_t n = 1; n <= EPISODES; n++) {
        const double value = random_real(&seed, 50.0);

        sum += value;
        least = fmin(least, value);
        most = fmax(most, value);
        add(statistics, n, "roi_pct", value);
    }
    metric = statistics_find(statistics, "roi_pct");
    assert_int_equal(statistics->episodes, EPISODES);
    assert_int_equal(metric->count, EPISODES);
    assert_true(near(metric_mean(metric), (double)(sum / EPISODES), 1e-14));
    assert_true(metric->min == least && metric->max == most);
}

static void
small_values_beside_giants_are_not_lost(void **state)
{
    static const struct {
        double values[6];
        size_t count;
        double mean;
    } cases[] = {
        {{1.0, 1e100, 1.0, -1e100}, 4, 0.5}, /* Neumaier's own example: the sum is 2 */
        {{1e100, 1.0, 1.0, -1e100}, 4, 0.5}, {{1.7e308, 1.7e308}, 2, 1.7e308},
        {{-1.7e308, 1.7e308, 3.0}, 3, 1.0},  {{1.7e308, 1.7e308, -1.7e308, -1.7e308, 4.0}, 5, 0.8},
        {{5e-324, 5e-324}, 2, 5e-324},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct statistics *statistics = *state;

        for (size_t v = 0; v < cases[i].count; v++)
            add(statistics, (int64_t)v + 1, "x", cases[i].values[v]);
        if (metric_mean(statistics_find(statistics, "x")) != cases[i].mean)
            fail_msg("case %zu: %.17g", i, metric_mean(statistics_find(statistics, "x")));
        statistics_clear(statistics);
        statistics_init(statistics);
    }
}

static void
what_is_not_finite_is_counted_and_left_out(void **state)
{
    struct statistics *statistics = *state;

    add(statistics, 1, "total_reward", 4.0);
    add(statistics, 2, "total_reward", NAN);
    add(statistics, 3, "total_reward", INFINITY);
    add(statistics, 4, "total_reward", -2.0);
    add(statistics, 5, "loss", -INFINITY);
    assert_shown(statistics,
                 "{\"aggregate_stats\":{\"total_episodes\":5,\"avg_total_reward\":1.0,"
                 "\"min_total_reward\":-2.0,\"max_total_reward\":4.0,\"avg_reward_sum\":1.0,"
                 "\"min_reward_sum\":-2.0,\"max_reward_sum\":4.0,\"avg_loss\":null,"
                 "\"min_loss\":null,\"max_loss\":null,"
                 "\"nonfinite\":{\"total_reward\":2,\"reward_sum\":2,\"loss\":1}}}");
}

static void
figures_have_all_the_names_that_clients_use(void **state)
{
    struct statistics *statistics = *state;

    for (int64_t n = 1; n <= 2; n++) {
        const double x = (double)n;
        const struct episode episode = EPISODE(n, 1, REAL("roi_pct", x), REAL("sharpe_ratio", -x),
                                               BOOL("win", n == 1), REAL("train/loss", 0.5));

        assert_true(statistics_add(statistics, &episode));
    }
    assert_shown(statistics,
                 "{\"aggregate_stats\":{\"total_episodes\":2,\"avg_roi_pct\":1.5,"
                 "\"min_roi_pct\":1.0,\"max_roi_pct\":2.0,\"avg_sharpe_ratio\":-1.5,"
                 "\"min_sharpe_ratio\":-2.0,\"max_sharpe_ratio\":-1.0,\"avg_win\":0.5,"
                 "\"min_win\":0.0,\"max_win\":1.0,\"avg_train/loss\":0.5,\"min_train/loss\":0.5,"
                 "\"max_train/loss\":0.5,\"avg_sharpe\":-1.5,\"best_roi_pct\":2.0,"
                 "\"worst_roi_pct\":1.0,\"nonfinite\":{}}}");
}

static void
no_name_is_written_twice(void **state)
{
    struct statistics *statistics = *state;
    const struct episode episode =
        EPISODE(1, 1, REAL("sharpe_ratio", 1.0), REAL("sharpe", 3.0), REAL("roi_pct", 2.0));

    assert_true(statistics_add(statistics, &episode));
    assert_shown(statistics, /* assert_shown refuses a name that occurs twice */
                 "{\"aggregate_stats\":{\"total_episodes\":1,\"avg_sharpe_ratio\":1.0,"
                 "\"min_sharpe_ratio\":1.0,\"max_sharpe_ratio\":1.0,\"avg_sharpe\":3.0,"
                 "\"min_sharpe\":3.0,\"max_sharpe\":3.0,\"avg_roi_pct\":2.0,\"min_roi_pct\":2.0,"
                 "\"max_roi_pct\":2.0,\"best_roi_pct\":2.0,\"worst_roi_pct\":2.0,"
                 "\"nonfinite\":{}}}");
}

static void
without_an_episode_there_is_nothing(void **state)
{
    struct statistics *statistics = *state;

    assert_shown(statistics, "{\"aggregate_stats\":null}");
    assert_true(isnan(statistics->final_win_rate));
    assert_null(statistics_find(statistics, "roi_pct"));
    assert_true(isnan(metric_mean(NULL)));
}

static void
the_win_rate_is_over_the_newest_hundred_that_have_it(void **state)
{
    struct statistics *statistics = *state;
    uint64_t seed = 22;
    double wins[EPISODES];
    size_t count = 0;

    for (int64_t n = 1; n <= EPISODES; n++) {
        const double win = (double)random_below(&seed, 3) / 2.0;
        const struct episode with = EPISODE(n, 1, REAL("win", win));
        const struct episode without = EPISODE(n, 1, REAL("roi_pct", 1.0));
        const bool has = random_below(&seed, 2) == 0;
        double sum = 0.0;

        assert_true(statistics_add(statistics, has ? &with : &without));
        if (!has)
            continue;
        wins[count++] = win;
        for (size_t i = count < 100 ? 0 : count - 100; i < count; i++)
            sum += wins[i]; /* halves: exact */
        assert_true(statistics->final_win_rate == sum / (double)(count < 100 ? count : 100));
    }
    assert_int_equal(statistics->win_count, count);
}

static void
taking_out_what_was_added_leaves_the_rest(void **state)
{
    struct statistics *statistics = *state;
    uint64_t seed = 23;
    static double values[EPISODES];

    for (size_t i = 0; i < EPISODES; i++) {
        values[i] = random_real(&seed, 100.0);
        add(statistics, (int64_t)i + 1, "x", values[i]);
    }
    for (size_t out = 0; out < 500; out++) {
        const struct episode episode = EPISODE((int64_t)out + 1, 1, REAL("x", values[out]));
        const struct metric_statistics *metric;
        double least = INFINITY, most = -INFINITY;
        long double sum = 0.0L;

        for (size_t i = out + 1; i < EPISODES; i++) {
            sum += values[i];
            least = fmin(least, values[i]);
            most = fmax(most, values[i]);
        }
        if (!statistics_take_out(statistics, &episode))
            assert_true(values[out] < least || values[out] > most ||
                        fabs(values[out]) > fabs((double)sum) * 1e6);
        metric = statistics_find(statistics, "x");
        assert_int_equal(metric->count, EPISODES - out - 1);
        assert_true(near(metric_mean(metric), (double)(sum / (EPISODES - out - 1)), 1e-12));
        if (values[out] < least || values[out] > most)
            break; /* an extreme has gone: nothing is promised of min and max any more */
        assert_true(metric->min == least && metric->max == most);
    }
}

static void
taking_out_is_uncertain_when_the_figures_cannot_tell(void **state)
{
    static const struct {
        double values[3], out;
        bool certain;
    } cases[] = {
        {{1, 2, 3}, 2, true},  {{1, 2, 3}, 1, false},       {{1, 2, 3}, 3, false},
        {{1, 1, 3}, 1, false}, {{2, 2, 2}, 2, false},       {{1, NAN, 3}, NAN, true},
        {{-4, 1, 5}, 1, true}, {{-4, 1e-3, 5}, 1e-3, true},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct statistics *statistics = *state;
        const struct episode out = EPISODE(1, 1, REAL("x", cases[i].out));

        for (size_t v = 0; v < 3; v++)
            add(statistics, (int64_t)v + 1, "x", cases[i].values[v]);
        if (statistics_take_out(statistics, &out) != cases[i].certain)
            fail_msg("case %zu", i);
        statistics_clear(statistics);
        statistics_init(statistics);
    }
}

static void
a_sum_that_has_lost_its_digits_is_not_trusted(void **state)
{
    struct statistics *statistics = *state;
    const struct episode giant = EPISODE(3, 1, REAL("x", 1e30));

    add(statistics, 1, "x", -2e30);
    add(statistics, 2, "x", 2e30);
    add(statistics, 3, "x", 1e30);
    add(statistics, 4, "x", 1.0);
    assert_false(statistics_take_out(statistics, &giant)); /* 1 would be left of 1e30 */
}

static void
many_metrics_are_told_apart(void **state)
{
    struct statistics *statistics = *state;

    for (int i = 0; i < 300; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%d", i % 100);
        add(statistics, i + 1, name, i);
    }
    assert_int_equal(statistics->metric_count, 100);
    for (int i = 0; i < 100; i++) {
        char name[16];
        const struct metric_statistics *metric;

        snprintf(name, sizeof name, "m%d", i);
        metric = statistics_find(statistics, name);
        assert_int_equal(metric->count, 3);
        assert_true(metric_mean(metric) == i + 100.0);
        assert_ptr_equal(statistics_metric(statistics, name), metric);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(figures_are_those_of_the_values),
        TEST(small_values_beside_giants_are_not_lost),
        TEST(what_is_not_finite_is_counted_and_left_out),
        TEST(figures_have_all_the_names_that_clients_use),
        TEST(no_name_is_written_twice),
        TEST(without_an_episode_there_is_nothing),
        TEST(the_win_rate_is_over_the_newest_hundred_that_have_it),
        TEST(taking_out_what_was_added_leaves_the_rest),
        TEST(taking_out_is_uncertain_when_the_figures_cannot_tell),
        TEST(a_sum_that_has_lost_its_digits_is_not_trusted),
        TEST(many_metrics_are_told_apart),
    };

    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
