/* test_store_counters.c - what a header counts stays what its episodes give. */
#include "store/store_counters.h"

#include "fakes/episode_of.h"
#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fakes/bson_of.h"

/* Write the counters into a header and read them back, as between two requests. */
static void
pass_through_a_header(struct counters *counters)
{
    AUTO_BSON header = BSON_INITIALIZER;

    counters_append(counters, &header);
    counters_clear(counters);
    assert_true(counters_read(&header, counters));
}

static void
start(struct counters *counters)
{
    AUTO_BSON empty = BSON_INITIALIZER;

    assert_true(counters_read(&empty, counters));
    assert_int_equal(counters->win_count, 0);
    assert_int_equal(counters->figures.metric_count, 0);
    assert_false(counters->stale);
}

static void
a_header_keeps_every_figure(void **state)
{
    const struct episode one =
        EPISODE(1, 1, REAL("roi_pct", 1.5), REAL("a.b", -2.0), BOOL("win", true));
    const struct episode two = EPISODE(2, 1, REAL("roi_pct", NAN), REAL("total_reward", 4.0));
    struct counters counters;
    AUTO_BSON set = BSON_INITIALIZER;

    (void)state;
    start(&counters);
    assert_true(counters_add(&counters, &one));
    assert_true(counters_add(&counters, &two));
    pass_through_a_header(&counters);
    counters_append(&counters, &set);
    assert_bson_equal(
        &set,
        "{\"metrics\":{"
        "\"roi_pct\":{\"count\":{\"$numberLong\":\"1\"},\"nonfinite\":{\"$numberLong\":\"1\"},"
        "\"sum\":1.5,\"carry\":0.0,\"min\":1.5,\"max\":1.5},"
        "\"a:b\":{\"count\":{\"$numberLong\":\"1\"},\"sum\":-2.0,\"carry\":0.0,\"min\":-2.0,"
        "\"max\":-2.0},"
        "\"win\":{\"count\":{\"$numberLong\":\"1\"},\"sum\":1.0,\"carry\":0.0,\"min\":1.0,"
        "\"max\":1.0},"
        "\"total_reward\":{\"count\":{\"$numberLong\":\"1\"},\"sum\":4.0,\"carry\":0.0,"
        "\"min\":4.0,\"max\":4.0}},"
        "\"metric_count\":4,\"wins\":[{\"n\":1,\"win\":1.0}],\"summary_stale\":false}");
    counters_clear(&counters);
}

#define EPISODES 600

/* What the episodes give, in the plainest way; NAN values are "not given". */
struct truth {
    double reward[EPISODES + 1], win[EPISODES + 1]; /* by number */
    bool reported[EPISODES + 1];
};

static void
assert_true_to(const struct counters *counters, const struct truth *truth)
{
    struct run_summary summary = {.episodes = -1};
    long double sum = 0.0L;
    double least = INFINITY, most = -INFINITY, wins = 0.0;
    int64_t count = 0;
    int win_count = 0;

    for (int n = EPISODES; n > 0; n--) {
        if (truth->reported[n] && !isnan(truth->reward[n])) {
            sum += truth->reward[n];
            least = fmin(least, truth->reward[n]);
            most = fmax(most, truth->reward[n]);
            count++;
        }
        if (truth->reported[n] && !isnan(truth->win[n]) && win_count < 100) {
            wins += truth->win[n];
            win_count++;
        }
    }
    counters_summarise(counters, &summary);
    assert_int_equal(counters->win_count, win_count);
    if (win_count > 0)
        assert_true(summary.final_win_rate == wins / win_count);
    if (count == 0)
        return;
    assert_true(fabs(summary.avg_reward - (double)(sum / (long double)count)) < 1e-11);
    assert_true(summary.min_reward == least && summary.max_reward == most);
}

static void
add(struct counters *counters, struct truth *truth, int64_t n, uint64_t *seed)
{
    const double reward = random_real(seed, 100.0);
    const double win = (double)random_below(seed, 3) / 2.0;
    const bool has_win = random_below(seed, 3) > 0;
    const struct episode with = EPISODE(n, 1, REAL("total_reward", reward), REAL("win", win));
    const struct episode without = EPISODE(n, 1, REAL("total_reward", reward));

    assert_true(counters_add(counters, has_win ? &with : &without));
    truth->reported[n] = true;
    truth->reward[n] = reward;
    truth->win[n] = has_win ? win : NAN;
}

static void
counters_follow_episodes_in_any_order(void **state)
{
    static struct truth truth;
    struct counters counters;
    int64_t order[EPISODES];
    uint64_t seed = 61;

    (void)state;
    truth = (struct truth){.reward = {0}};
    start(&counters);
    for (int64_t i = 0; i < EPISODES; i++)
        order[i] = i + 1;
    for (size_t i = EPISODES - 1; i > 0; i--) {
        const size_t other = random_below(&seed, i + 1);
        const int64_t swap = order[i];

        order[i] = order[other];
        order[other] = swap;
    }
    for (size_t i = 0; i < EPISODES; i++) {
        add(&counters, &truth, order[i], &seed);
        if (i % 7 == 0)
            pass_through_a_header(&counters);
        assert_true_to(&counters, &truth);
        for (size_t w = 1; w < counters.win_count; w++)
            assert_true(counters.wins[w - 1].number < counters.wins[w].number);
    }
    assert_false(counters.stale);
    counters_clear(&counters);
}

static void
a_replacement_is_followed_or_marks_the_header_stale(void **state)
{
    static struct truth truth;
    struct counters counters;
    uint64_t seed = 62;
    int followed = 0;

    (void)state;
    for (int round = 0; round < 200; round++) {
        const int64_t n = 1 + (int64_t)random_below(&seed, 300);
        const double reward = random_real(&seed, 100.0);

        truth = (struct truth){.reward = {0}};
        start(&counters);
        for (int64_t i = 1; i <= 300; i++)
            add(&counters, &truth, i, &seed);
        {
            const double win = truth.win[n];
            const double new_win = random_below(&seed, 3) == 0 ? 0.25 : win;
            const struct metric_value old_values[] = {REAL("total_reward", truth.reward[n]),
                                                      REAL("win", win)};
            const struct metric_value new_values[] = {REAL("total_reward", reward),
                                                      REAL("win", new_win)};
            const struct episode old = {
                .number = n, .values = old_values, .value_count = isnan(win) ? 1 : 2};
            const struct episode new = {
                .number = n, .values = new_values, .value_count = isnan(new_win) ? 1 : 2};

            assert_true(counters_replace(&counters, &old, &new));
            truth.reward[n] = reward;
            truth.win[n] = new_win;
        }
        pass_through_a_header(&counters);
        if (!counters.stale) {
            assert_true_to(&counters, &truth);
            followed++;
        }
        counters_clear(&counters);
    }
    assert_true(followed > 100); /* it is not simply always stale */
}

/* Is the header stale after this replacement among episodes with wins 1..150 and reward n? */
static bool
stale_after(const struct episode *old, const struct episode *new)
{
    struct counters counters;
    bool stale;

    start(&counters);
    for (int64_t n = 1; n <= 150; n++) {
        const struct episode episode =
            EPISODE(n, 1, REAL("total_reward", (double)n), BOOL("win", n % 2 == 0));

        assert_true(counters_add(&counters, &episode));
    }
    assert_true(counters_replace(&counters, old, new));
    stale = counters.stale;
    counters_clear(&counters);
    return stale;
}

static void
the_header_is_stale_only_when_it_must_be(void **state)
{
    const struct {
        struct episode old, new;
        bool stale;
    } cases[] = {
        /* a retry, also of an extreme */
        {EPISODE(150, 1, REAL("total_reward", 150.0), BOOL("win", true)),
         EPISODE(150, 1, REAL("total_reward", 150.0), BOOL("win", true)), false},
        {EPISODE(1, 1, REAL("total_reward", 1.0), BOOL("win", false)),
         EPISODE(1, 1, BOOL("win", false), REAL("total_reward", 1.0)), false},
        /* from the middle, to anywhere */
        {EPISODE(75, 1, REAL("total_reward", 75.0), BOOL("win", false)),
         EPISODE(75, 1, REAL("total_reward", 76.0), BOOL("win", false)), false},
        {EPISODE(75, 1, REAL("total_reward", 75.0), BOOL("win", false)),
         EPISODE(75, 1, REAL("total_reward", 500.0), BOOL("win", false)), false},
        /* an extreme goes */
        {EPISODE(150, 1, REAL("total_reward", 150.0), BOOL("win", true)),
         EPISODE(150, 1, REAL("total_reward", 2.0), BOOL("win", true)), true},
        {EPISODE(1, 1, REAL("total_reward", 1.0), BOOL("win", false)),
         EPISODE(1, 1, REAL("total_reward", 2.0), BOOL("win", false)), true},
        /* a win within the newest hundred changes, comes or goes */
        {EPISODE(75, 1, REAL("total_reward", 75.0), BOOL("win", false)),
         EPISODE(75, 1, REAL("total_reward", 75.0), BOOL("win", true)), true},
        {EPISODE(51, 1, REAL("total_reward", 51.0), BOOL("win", false)),
         EPISODE(51, 1, REAL("total_reward", 51.0)), true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (stale_after(&cases[i].old, &cases[i].new) != cases[i].stale)
            fail_msg("case %zu", i);
}

static void
a_win_that_goes_from_before_the_newest_hundred_changes_nothing(void **state)
{
    struct counters counters;
    const struct episode old = EPISODE(20, 1, REAL("x", 20.0), REAL("win", 0.5));
    const struct episode new = EPISODE(20, 1, REAL("x", 20.0));

    (void)state;
    start(&counters);
    for (int64_t n = 1; n <= 150; n++) {
        const struct episode episode =
            EPISODE(n, 1, REAL("x", (double)n), REAL("win", (double)(n % 3) / 2.0));

        if (n != 20)
            assert_true(counters_add(&counters, &episode));
    }
    assert_true(counters_add(&counters, &old));
    assert_true(counters_replace(&counters, &old, &new));
    assert_false(counters.stale);
    assert_int_equal(counters.win_count, 100);
    assert_int_equal(counters.wins[0].number, 51);
    assert_int_equal(statistics_find(&counters.figures, "win")->count, 149);
    counters_clear(&counters);
}

static void
a_metric_that_is_replaced_away_is_kept_no_more(void **state)
{
    const struct episode old = EPISODE(1, 1, REAL("gone", 1.0));
    const struct episode new = EPISODE(1, 1, REAL("x", 1.0));
    struct counters counters;
    AUTO_BSON set = BSON_INITIALIZER;
    bson_iter_t at;

    (void)state;
    start(&counters);
    assert_true(counters_add(&counters, &old));
    assert_true(counters_replace(&counters, &old, &new));
    counters_append(&counters, &set);
    assert_false(bson_iter_init(&at, &set) && bson_iter_find_descendant(&at, "metrics.gone", &at));
    assert_true(bson_iter_init(&at, &set) && bson_iter_find_descendant(&at, "metrics.x", &at));
    assert_true(bson_iter_init_find(&at, &set, "metric_count"));
    assert_int_equal(bson_iter_int32(&at), 1);
    counters_clear(&counters);
}

static void
a_sum_beyond_a_double_marks_the_header_stale(void **state)
{
    const struct episode huge = EPISODE(1, 1, REAL("x", 1.7e308));
    const struct episode more = EPISODE(2, 1, REAL("x", 1.7e308));
    struct counters counters;

    (void)state;
    start(&counters);
    assert_true(counters_add(&counters, &huge));
    pass_through_a_header(&counters);
    assert_false(counters.stale);
    assert_true(counters_add(&counters, &more));
    pass_through_a_header(&counters);
    assert_true(counters.stale); /* a reader recomputes it */
    counters_clear(&counters);
}

static void
small_values_beside_giants_survive_the_header(void **state)
{
    static const double values[] = {1.0, 1e100, 1.0, -1e100};
    struct counters counters;

    (void)state;
    start(&counters);
    for (int64_t n = 1; n <= 4; n++) {
        const struct episode episode = EPISODE(n, 1, REAL("total_reward", values[n - 1]));

        assert_true(counters_add(&counters, &episode));
        pass_through_a_header(&counters);
    }
    assert_true(metric_mean(statistics_find(&counters.figures, "total_reward")) == 0.5);
    counters_clear(&counters);
}

static void
a_pass_over_the_episodes_gives_the_same(void **state)
{
    struct statistics pass;
    struct counters from_pass, counters;
    struct run_summary a, b;
    uint64_t seed = 63;

    (void)state;
    start(&counters);
    statistics_init(&pass);
    for (int64_t n = 1; n <= 250; n++) {
        const struct episode episode = EPISODE(n, 1, REAL("total_reward", random_real(&seed, 9.0)),
                                               REAL("roi_pct", random_real(&seed, 9.0)),
                                               REAL("sharpe_ratio", random_real(&seed, 9.0)),
                                               REAL("win", (double)random_below(&seed, 3) / 2.0));

        assert_true(counters_add(&counters, &episode));
        assert_true(statistics_add(&pass, &episode));
    }
    counters_from_pass(&pass, &from_pass);
    statistics_clear(&pass);
    counters_summarise(&counters, &a);
    counters_summarise(&from_pass, &b);
    assert_true(a.avg_reward == b.avg_reward && a.avg_roi_pct == b.avg_roi_pct);
    assert_true(a.avg_sharpe == b.avg_sharpe && a.min_reward == b.min_reward);
    assert_true(a.max_reward == b.max_reward && a.final_win_rate == b.final_win_rate);
    assert_int_equal(from_pass.win_count, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(from_pass.wins[i].number, 151 + i);
    counters_clear(&counters);
    counters_clear(&from_pass);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_keeps_every_figure),
        cmocka_unit_test(counters_follow_episodes_in_any_order),
        cmocka_unit_test(a_replacement_is_followed_or_marks_the_header_stale),
        cmocka_unit_test(the_header_is_stale_only_when_it_must_be),
        cmocka_unit_test(a_win_that_goes_from_before_the_newest_hundred_changes_nothing),
        cmocka_unit_test(a_metric_that_is_replaced_away_is_kept_no_more),
        cmocka_unit_test(a_sum_beyond_a_double_marks_the_header_stale),
        cmocka_unit_test(small_values_beside_giants_survive_the_header),
        cmocka_unit_test(a_pass_over_the_episodes_gives_the_same),
    };

    return cmocka_run_group_tests_name("store_counters", tests, NULL, NULL);
}
