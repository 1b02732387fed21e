/*
 * test_benchmark.c - scores, groups and the bootstrap's interval. The figures of small cases are
 * worked out by hand; that the intervals agree with NumPy and SciPy is
 * tests/e2e/test_benchmark.py's.
 */
#include "training/benchmark.h"

#include "base/auto.h"
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

static void
quantiles_lie_between_neighbours(void **state)
{
    static const double values[] = {1, 2, 4, 8, 16};
    static const struct {
        size_t count;
        double q, expected;
    } cases[] = {
        {5, 0.0, 1},   {5, 0.25, 2},   {5, 0.5, 4},     {5, 1.0, 16},
        {5, 0.375, 3}, {5, 0.875, 12}, {4, 0.5, 3.0},   {4, 0.25, 1.75},
        {2, 0.5, 1.5}, {1, 0.5, 1.0},  {1, 0.975, 1.0},
    };
    static const double giants[] = {-1.7e308, 1.7e308};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(benchmark_quantile(values, cases[i].count, cases[i].q) == cases[i].expected);
    assert_true(benchmark_quantile(giants, 2, 0.5) == 0.0);
}

static void
the_middle_half_is_what_scipy_leaves(void **state)
{
    static const double values[] = {1, 2, 3, 10, 20, 30, 100, 200, 1000};
    static const double expected[] = {1, 1.5, 2, 2.5, 5, 8.75, 13, 15.75, 32.6};

    (void)state;
    for (size_t count = 1; count <= COUNT_OF(values); count++)
        if (!(fabs(benchmark_iqm(values, count) - expected[count - 1]) < 1e-12))
            fail_msg("%zu values: %.17g", count, benchmark_iqm(values, count));
}

static void
a_score_is_the_mean_of_at_most_a_hundred_finite_values(void **state)
{
    struct benchmark_mean mean = {.count = 0};

    (void)state;
    assert_true(benchmark_mean_add(&mean, NAN));
    assert_true(benchmark_mean_add(&mean, -INFINITY));
    assert_int_equal(mean.count, 0);
    assert_true(benchmark_mean_add(&mean, 4.0));
    assert_true(benchmark_mean_add(&mean, INFINITY));
    assert_true(benchmark_mean_add(&mean, 1.0));
    assert_true(benchmark_mean_of(&mean) == 2.5);
    for (int i = 2; i < BENCHMARK_WINDOW - 1; i++)
        assert_true(benchmark_mean_add(&mean, 0.0));
    assert_false(benchmark_mean_add(&mean, 0.0)); /* the hundredth */
    assert_true(benchmark_mean_of(&mean) == 0.05);
    mean = (struct benchmark_mean){.count = 0};
    benchmark_mean_add(&mean, 1.7e308);
    benchmark_mean_add(&mean, 1.7e308);
    assert_true(benchmark_mean_of(&mean) == 1.7e308);
}

static void
runs_that_are_all_alike_leave_no_interval(void **state)
{
    static const size_t one_task[50] = {0};
    double values[50], ends[2];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = 0.1;
    for (size_t count = 1; count <= COUNT_OF(values); count++) {
        benchmark_interval(values, one_task, count, ends);
        assert_true(ends[0] == 0.1 && ends[1] == 0.1);
    }
}

static void
each_task_keeps_its_share_of_a_resample(void **state)
{
    static const double values[] = {0, 0, 0, 0, 1, 1, 1, 1, 9, 9};
    static const size_t tasks[] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2};
    static const size_t one_task[COUNT_OF(values)] = {0};
    double apart[2], together[2];

    (void)state;
    benchmark_interval(values, tasks, COUNT_OF(values), apart);
    assert_true(apart[0] == benchmark_iqm(values, COUNT_OF(values)) && apart[1] == apart[0]);
    benchmark_interval(values, one_task, COUNT_OF(values), together);
    assert_true(together[0] < apart[0] && together[1] > apart[1]);
}

static void
the_same_values_give_the_same_interval(void **state)
{
    static const double values[] = {-3, -1, 0, 2, 5, 8, 13};
    static const size_t tasks[] = {0, 1, 0, 1, 2, 0, 1};
    double first[2], again[2];

    (void)state;
    benchmark_interval(values, tasks, COUNT_OF(values), first);
    benchmark_interval(values, tasks, COUNT_OF(values), again);
    assert_true(first[0] == again[0] && first[1] == again[1]);
    assert_true(first[0] >= -3 && first[0] < first[1] && first[1] <= 13);
}

static int
by_value(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/*
 * Of samples from a symmetric distribution the true interquartile mean is its centre. A percentile
 * interval of 20 runs is known to be a little narrow, so 95 % becomes 88 to 97 here: four standard
 * deviations of 600 trials, 4 * sqrt(0.92 * 0.08 / 600), about 92.5 %.
 */
static void
nineteen_of_twenty_intervals_hold_the_truth(void **state)
{
    enum { TRIALS = 600, RUNS = 20 };
    static const size_t one_task[RUNS] = {0};
    uint64_t seed = 7;
    size_t held = 0;

    (void)state;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        double values[RUNS], ends[2];

        for (size_t i = 0; i < RUNS; i++)
            values[i] = random_real(&seed, 1) + random_real(&seed, 1) + random_real(&seed, 1);
        qsort(values, RUNS, sizeof values[0], by_value);
        benchmark_interval(values, one_task, RUNS, ends);
        held += ends[0] <= 0.0 && 0.0 <= ends[1];
    }
    if (held < TRIALS * 88 / 100 || held > TRIALS * 97 / 100)
        fail_msg("%zu of %d intervals hold the truth", held, TRIALS);
}

static void
add(struct benchmark *benchmark, const char *agent_id, const char *algorithm, double score,
    int64_t reached)
{
    struct benchmark_run run = {.score = score, .reached = reached};

    snprintf(run.agent_id, sizeof run.agent_id, "%s", agent_id);
    snprintf(run.algorithm, sizeof run.algorithm, "%s", algorithm);
    benchmark_add(benchmark, &run);
}

static void
assert_written(struct benchmark *benchmark, bool with_target, const char *expected)
{
    struct memory_out memory;
    struct json_out json;

    memory_out_init(&memory, 16);
    json = (struct json_out){.out = &memory.out};
    json_out_object(&json, NULL);
    benchmark_write(benchmark, with_target, &json);
    json_out_object_end(&json);
    assert_json_equal(memory_out_text(&memory), expected);
    memory_out_clear(&memory);
}

static void
groups_are_told_by_agent_and_algorithm(void **state)
{
    struct benchmark benchmark = {.count = 0};

    (void)state;
    assert_written(&benchmark, false, "{\"groups\":[]}");
    add(&benchmark, "b", "y", 5.5, 0);
    add(&benchmark, "b", "x", 1.5, 30);
    add(&benchmark, "a", "y", -2.25, 7);
    add(&benchmark, "b", "x", 1.5, 11);
    add(&benchmark, "b", "x", 1.5, 0);
    assert_written(
        &benchmark, false,
        "{\"groups\":["
        "{\"agent_id\":\"a\",\"algorithm\":\"y\",\"runs\":1,\"best\":-2.25,\"median\":-2.25,"
        "\"iqm\":-2.25,\"ci95\":[-2.25,-2.25],\"episodes_to_target\":null},"
        "{\"agent_id\":\"b\",\"algorithm\":\"x\",\"runs\":3,\"best\":1.5,\"median\":1.5,"
        "\"iqm\":1.5,\"ci95\":[1.5,1.5],\"episodes_to_target\":null},"
        "{\"agent_id\":\"b\",\"algorithm\":\"y\",\"runs\":1,\"best\":5.5,\"median\":5.5,"
        "\"iqm\":5.5,\"ci95\":[5.5,5.5],\"episodes_to_target\":null}]}");
    assert_written(
        &benchmark, true,
        "{\"groups\":["
        "{\"agent_id\":\"a\",\"algorithm\":\"y\",\"runs\":1,\"best\":-2.25,\"median\":-2.25,"
        "\"iqm\":-2.25,\"ci95\":[-2.25,-2.25],\"episodes_to_target\":7.0,\"reached\":1},"
        "{\"agent_id\":\"b\",\"algorithm\":\"x\",\"runs\":3,\"best\":1.5,\"median\":1.5,"
        "\"iqm\":1.5,\"ci95\":[1.5,1.5],\"episodes_to_target\":20.5,\"reached\":2},"
        "{\"agent_id\":\"b\",\"algorithm\":\"y\",\"runs\":1,\"best\":5.5,\"median\":5.5,"
        "\"iqm\":5.5,\"ci95\":[5.5,5.5],\"episodes_to_target\":null,\"reached\":0}]}");
    benchmark_clear(&benchmark);
    assert_int_equal(benchmark.count, 0);
}

/* Scores that are equal in runs of different tasks must not make the answer a matter of luck. */
static void
the_order_of_the_runs_does_not_matter(void **state)
{
    char texts[2][4096];

    (void)state;
    for (size_t way = 0; way < 2; way++) {
        struct benchmark benchmark = {.count = 0};
        struct memory_out memory;
        struct json_out json;

        for (size_t i = 0; i < 200; i++) {
            const size_t n = way == 0 ? i : 199 - i;
            struct benchmark_run run = {.agent_id = "a", .algorithm = "x"};

            run.score = (double)(n % 7);
            snprintf(run.task, sizeof run.task, "task %zu", n % 3);
            benchmark_add(&benchmark, &run);
        }
        memory_out_init(&memory, 16);
        json = (struct json_out){.out = &memory.out};
        benchmark_write(&benchmark, true, &json);
        snprintf(texts[way], sizeof texts[way], "%s", memory_out_text(&memory));
        memory_out_clear(&memory);
        benchmark_clear(&benchmark);
    }
    assert_string_equal(texts[0], texts[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_lie_between_neighbours),
        cmocka_unit_test(the_middle_half_is_what_scipy_leaves),
        cmocka_unit_test(a_score_is_the_mean_of_at_most_a_hundred_finite_values),
        cmocka_unit_test(runs_that_are_all_alike_leave_no_interval),
        cmocka_unit_test(each_task_keeps_its_share_of_a_resample),
        cmocka_unit_test(the_same_values_give_the_same_interval),
        cmocka_unit_test(nineteen_of_twenty_intervals_hold_the_truth),
        cmocka_unit_test(groups_are_told_by_agent_and_algorithm),
        cmocka_unit_test(the_order_of_the_runs_does_not_matter),
    };

    return cmocka_run_group_tests_name("benchmark", tests, NULL, NULL);
}
