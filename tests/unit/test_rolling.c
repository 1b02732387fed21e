/* test_rolling.c - the rolling mean against one computed from scratch at every place. */
#include "training/rolling.h"

#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#define VALUES 5000

static const size_t windows[] = {1, 2, 3, 10, 37, 99, 100};

/* The mean of the last min(count, window) values, summed anew; values are all finite. */
static double
naive_mean(const double *values, size_t count, size_t window)
{
    const size_t held = count < window ? count : window;
    long double sum = 0.0L;

    for (size_t i = count - held; i < count; i++)
        sum += values[i];
    return (double)(sum / (long double)held);
}

static double
magnitude_in(const double *values, size_t count, size_t window)
{
    double most = 0.0;

    for (size_t i = count < window ? 0 : count - window; i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

/* Feed all values; every mean is within a rounding of the largest value in its window. */
static void
assert_means(const double *values, size_t count, size_t window)
{
    struct rolling rolling;

    rolling_init(&rolling, window);
    for (size_t i = 0; i < count; i++) {
        const double mean = rolling_add(&rolling, values[i]);
        const double expected = naive_mean(values, i + 1, window);
        const double most = magnitude_in(values, i + 1, window);

        if (!(fabs(mean - expected) <= most * 0x1p-52))
            fail_msg("window %zu, place %zu: %.17g, expected %.17g", window, i, mean, expected);
    }
}

static void
every_mean_is_that_of_its_window(void **state)
{
    static double values[VALUES];
    uint64_t seed = 11;

    (void)state;
    for (size_t i = 0; i < VALUES; i++)
        values[i] = random_real(&seed, 1000.0);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        assert_means(values, VALUES, windows[w]);
}

static void
a_giant_leaves_no_trace_once_it_is_out_of_the_window(void **state)
{
    static double values[VALUES];
    uint64_t seed = 12;

    (void)state;
    for (size_t i = 0; i < VALUES; i++)
        values[i] =
            random_below(&seed, 150) == 0 ? random_real(&seed, 1e300) : random_real(&seed, 1.0);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        assert_means(values, VALUES, windows[w]);
}

static void
the_largest_doubles_have_a_mean(void **state)
{
    static double values[400];

    (void)state;
    for (size_t i = 0; i < 400; i++)
        values[i] = i % 7 == 6 ? -1.7e308 : 1.7e308;
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        assert_means(values, 400, windows[w]);
}

static void
what_is_not_finite_is_as_if_it_were_not_there(void **state)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY};
    uint64_t seed = 13;

    (void)state;
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        struct rolling with, without;

        rolling_init(&with, windows[w]);
        rolling_init(&without, windows[w]);
        assert_true(isnan(rolling_add(&with, NAN))); /* the very first */
        for (int i = 0; i < 1000; i++) {
            const double value = random_real(&seed, 10.0);
            const double mean = rolling_add(&with, value), expected = rolling_add(&without, value);

            assert_true(mean == expected);
            for (uint64_t n = random_below(&seed, 3); n > 0; n--)
                assert_true(isnan(rolling_add(&with, odd[random_below(&seed, 3)])));
        }
    }
}

static void
small_windows_give_what_the_hand_does(void **state)
{
    static const double values[] = {1, 2, 6, 0, 4, 4};
    static const double expected[] = {1, 1.5, 3, 8.0 / 3, 10.0 / 3, 8.0 / 3};
    struct rolling rolling;

    (void)state;
    rolling_init(&rolling, 3);
    for (size_t i = 0; i < 6; i++)
        assert_true(rolling_add(&rolling, values[i]) == expected[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mean_is_that_of_its_window),
        cmocka_unit_test(a_giant_leaves_no_trace_once_it_is_out_of_the_window),
        cmocka_unit_test(the_largest_doubles_have_a_mean),
        cmocka_unit_test(what_is_not_finite_is_as_if_it_were_not_there),
        cmocka_unit_test(small_windows_give_what_the_hand_does),
    };

    return cmocka_run_group_tests_name("rolling", tests, NULL, NULL);
}
