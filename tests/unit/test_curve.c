/* test_curve.c - a metric's curve: its arrays, its smoothing, and what thinning keeps. */
#include "training/curve.h"

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
#include <stdlib.h>
#include <string.h>

#include "fakes/json_check.h"

#define EVERY INT64_MAX

/* Episode i has the number numbers[i] and the value values[i]; the caller owns the object. */
static json_object *
draw(const int64_t *numbers, const double *values, size_t count, const struct curve *range,
     int64_t max_points)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};
    struct curve curve;
    struct api_error err = {.id = API_OK};
    json_object *drawn = NULL;
    const char *text;

    memory_out_init(&memory, 4096);
    curve_init(&curve, range->mean.window, range->from, range->to);
    for (size_t i = 0; i < count; i++)
        assert_true(curve_add(&curve, numbers[i], values[i]));
    json_out_object(&json, NULL);
    assert_true(curve_write(&curve, max_points, &json));
    json_out_object_end(&json);
    curve_clear(&curve);
    text = memory_out_text(&memory);
    if (!json_text_parse(text, strlen(text), &drawn, &err))
        fail_msg("%s: %s", err.message, text);
    memory_out_clear(&memory);
    return drawn;
}

static struct curve
range(size_t window, int64_t from, int64_t to)
{
    return (struct curve){.mean = {.window = window}, .from = from, .to = to};
}

static void
assert_drawn(json_object *drawn, const char *expected)
{
    AUTO_JSON *theirs = json_of(expected);

    if (!json_object_equal(drawn, theirs))
        fail_msg("\n  got      %s\n  expected %s", json_text_of(drawn), expected);
}

static const int64_t some_numbers[] = {2, 3, 5, 8, 9};
static const double some_values[] = {1, 3, -1, 4, 0};

static void
a_curve_has_the_arrays_of_both_seeds(void **state)
{
    const struct curve all = range(3, 1, EVERY);
    AUTO_JSON *drawn = draw(some_numbers, some_values, 5, &all, 0);

    (void)state;
    assert_drawn(drawn, "{\"episode_numbers\":[2,3,5,8,9],\"raw_values\":[1.0,3.0,-1.0,4.0,0.0],"
                        "\"smoothed_values\":[null,null,1.0,2.0,1.0],"
                        "\"curve\":[{\"episode\":2,\"value\":1.0,\"smoothed\":1.0},"
                        "{\"episode\":3,\"value\":3.0,\"smoothed\":2.0},"
                        "{\"episode\":5,\"value\":-1.0,\"smoothed\":1.0},"
                        "{\"episode\":8,\"value\":4.0,\"smoothed\":2.0},"
                        "{\"episode\":9,\"value\":0.0,\"smoothed\":1.0}],"
                        "\"points_total\":5,\"points_returned\":5}");
}

static void
a_part_is_smoothed_over_what_comes_before_it(void **state)
{
    const struct curve part = range(2, 3, 8);
    AUTO_JSON *drawn = draw(some_numbers, some_values, 5, &part, 0);

    (void)state;
    assert_drawn(drawn, "{\"episode_numbers\":[3,5,8],\"raw_values\":[3.0,-1.0,4.0],"
                        "\"smoothed_values\":[2.0,1.0,1.5],"
                        "\"curve\":[{\"episode\":3,\"value\":3.0,\"smoothed\":2.0},"
                        "{\"episode\":5,\"value\":-1.0,\"smoothed\":1.0},"
                        "{\"episode\":8,\"value\":4.0,\"smoothed\":1.5}],"
                        "\"points_total\":3,\"points_returned\":3}");
}

static void
a_window_of_one_is_the_values_themselves(void **state)
{
    const struct curve all = range(1, 1, EVERY);
    AUTO_JSON *drawn = draw(some_numbers, some_values, 2, &all, 0);

    (void)state;
    assert_drawn(drawn, "{\"episode_numbers\":[2,3],\"raw_values\":[1.0,3.0],"
                        "\"smoothed_values\":[1.0,3.0],"
                        "\"curve\":[{\"episode\":2,\"value\":1.0,\"smoothed\":1.0},"
                        "{\"episode\":3,\"value\":3.0,\"smoothed\":3.0}],"
                        "\"points_total\":2,\"points_returned\":2}");
}

static void
no_points_are_empty_arrays(void **state)
{
    const struct curve none = range(10, 10, 20);
    AUTO_JSON *drawn = draw(some_numbers, some_values, 5, &none, 4);

    (void)state;
    assert_drawn(drawn, "{\"episode_numbers\":[],\"raw_values\":[],\"smoothed_values\":[],"
                        "\"curve\":[],\"points_total\":0,\"points_returned\":0}");
}

static void
what_is_not_finite_is_null_and_left_out_of_means(void **state)
{
    static const double values[] = {1, NAN, INFINITY, 3, -INFINITY};
    const struct curve all = range(2, 1, EVERY);
    AUTO_JSON *drawn = draw(some_numbers, values, 5, &all, 0);

    (void)state;
    assert_drawn(drawn, "{\"episode_numbers\":[2,3,5,8,9],\"raw_values\":[1.0,null,null,3.0,null],"
                        "\"smoothed_values\":[null,null,null,2.0,null],"
                        "\"curve\":[{\"episode\":2,\"value\":1.0,\"smoothed\":1.0},"
                        "{\"episode\":3,\"value\":null,\"smoothed\":null},"
                        "{\"episode\":5,\"value\":null,\"smoothed\":null},"
                        "{\"episode\":8,\"value\":3.0,\"smoothed\":2.0},"
                        "{\"episode\":9,\"value\":null,\"smoothed\":null}],"
                        "\"points_total\":5,\"points_returned\":5}");
}

/* A run long enough for the spool's file, and its smoothing by the plainest way. */
#define LONG 9000
struct long_run {
    int64_t numbers[LONG];
    double values[LONG];
    double smoothed[LONG];
};

static struct long_run *
long_run(size_t window, double odd_ones)
{
    struct long_run *run = calloc(1, sizeof *run);
    uint64_t seed = 31 + window;
    int64_t number = 0;
    double recent[100];
    size_t finite = 0;

    for (size_t i = 0; i < LONG; i++) {
        long double sum = 0.0L;
        size_t held;

        run->numbers[i] = number += 1 + (int64_t)random_below(&seed, 3);
        run->values[i] = random_real(&seed, 1.0) < -1.0 + odd_ones ? NAN : random_real(&seed, 100);
        run->smoothed[i] = NAN;
        if (isnan(run->values[i]))
            continue;
        recent[finite++ % window] = run->values[i];
        held = finite < window ? finite : window;
        for (size_t j = 0; j < held; j++)
            sum += recent[j];
        run->smoothed[i] = (double)(sum / (long double)held);
    }
    return run;
}

static double
number_in(json_object *array, size_t i)
{
    json_object *value = json_object_array_get_idx(array, i);

    return value == NULL ? NAN : json_object_get_double(value);
}

static bool
same(double a, double b)
{
    return isnan(a) ? isnan(b) : fabs(a - b) <= 1e-12;
}

/* The three parallel arrays and the curve tell one story, and it is the run's. */
static void
assert_points_are_the_runs(json_object *drawn, const struct long_run *run, size_t window)
{
    json_object *numbers = json_object_object_get(drawn, "episode_numbers");
    json_object *raw = json_object_object_get(drawn, "raw_values");
    json_object *smoothed = json_object_object_get(drawn, "smoothed_values");
    json_object *curve = json_object_object_get(drawn, "curve");
    const size_t count = json_object_array_length(numbers);
    size_t place = 0;

    assert_int_equal(json_object_array_length(raw), count);
    assert_int_equal(json_object_array_length(smoothed), count);
    assert_int_equal(json_object_array_length(curve), count);
    assert_int_equal(json_object_get_int64(json_object_object_get(drawn, "points_returned")),
                     count);
    for (size_t i = 0; i < count; i++, place++) {
        json_object *point = json_object_array_get_idx(curve, i);
        json_object *number = json_object_array_get_idx(numbers, i);
        json_object *mean = json_object_object_get(point, "smoothed");

        while (place < LONG && run->numbers[place] != json_object_get_int64(number))
            place++; /* forward only: in order, each once */
        assert_true(place < LONG);
        assert_true(json_object_equal(json_object_object_get(point, "episode"), number));
        assert_true(same(number_in(raw, i), run->values[place]));
        assert_true(json_object_equal(json_object_object_get(point, "value"),
                                      json_object_array_get_idx(raw, i)));
        assert_true(same(mean == NULL ? NAN : json_object_get_double(mean), run->smoothed[place]));
        assert_true(same(number_in(smoothed, i), place < window - 1 ? NAN : run->smoothed[place]));
    }
}

static size_t
place_of(const double *values, size_t from, size_t to, int sign)
{
    size_t best = from;

    for (size_t i = from; i < to; i++)
        if (isnan(values[best]) || (double)sign * values[i] > (double)sign * values[best])
            best = i;
    return best;
}

static bool
has_number(json_object *drawn, int64_t number)
{
    json_object *numbers = json_object_object_get(drawn, "episode_numbers");

    for (size_t i = 0; i < json_object_array_length(numbers); i++)
        if (json_object_get_int64(json_object_array_get_idx(numbers, i)) == number)
            return true;
    return false;
}

static void
assert_keeps(json_object *drawn, const struct long_run *run, int64_t max_points)
{
    const int signs[] = {1, -1};

    assert_true(has_number(drawn, run->numbers[0]));
    assert_true(has_number(drawn, run->numbers[LONG - 1]));
    for (size_t s = 0; s < 2; s++) {
        assert_true(has_number(drawn, run->numbers[place_of(run->values, 0, LONG, signs[s])]));
        if (max_points >= 6)
            assert_true(
                has_number(drawn, run->numbers[place_of(run->smoothed, 0, LONG, signs[s])]));
    }
}

static void
thinning_keeps_ends_and_extremes(void **state)
{
    static const int64_t limits[] = {4, 5, 6, 7, 10, 50, 500, 1000, 8999, 9000, 100000, 0};
    static const size_t windows[] = {1, 10, 100};

    (void)state;
    for (size_t w = 0; w < COUNT_OF(windows); w++)
        for (size_t i = 0; i < COUNT_OF(limits); i++) {
            struct long_run *run = long_run(windows[w], i % 2 == 0 ? 0.0 : 0.2);
            const struct curve all = range(windows[w], 1, EVERY);
            AUTO_JSON *drawn = draw(run->numbers, run->values, LONG, &all, limits[i]);
            const int64_t returned =
                json_object_get_int64(json_object_object_get(drawn, "points_returned"));

            assert_int_equal(json_object_get_int64(json_object_object_get(drawn, "points_total")),
                             LONG);
            if (limits[i] >= LONG || limits[i] == 0)
                assert_int_equal(returned, LONG);
            else
                assert_in_range(returned, 4, limits[i]);
            assert_points_are_the_runs(drawn, run, windows[w]);
            assert_keeps(drawn, run, limits[i]);
            free(run);
        }
}

static void
thinning_leaves_no_long_gap(void **state)
{
    struct long_run *run = long_run(10, 0.0);
    const struct curve all = range(10, 1, EVERY);
    AUTO_JSON *drawn = draw(run->numbers, run->values, LONG, &all, 402);
    json_object *numbers = json_object_object_get(drawn, "episode_numbers");
    int64_t before = run->numbers[0];

    (void)state;
    /* 100 buckets of 90 points, each with at least one of its own: gaps of two buckets at most. */
    for (size_t i = 1; i < json_object_array_length(numbers); i++) {
        const int64_t number = json_object_get_int64(json_object_array_get_idx(numbers, i));

        assert_in_range(number - before, 1, 2 * 91 * 3);
        before = number;
    }
    free(run);
}

static void
a_thinned_curve_of_nothing_finite_has_its_ends(void **state)
{
    static double values[100];
    static int64_t numbers[100];
    const struct curve all = range(10, 1, EVERY);

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        numbers[i] = (int64_t)i + 1;
        values[i] = NAN;
    }
    AUTO_JSON *drawn = draw(numbers, values, 100, &all, 10);
    assert_drawn(drawn, "{\"episode_numbers\":[1,2,100],\"raw_values\":[null,null,null],"
                        "\"smoothed_values\":[null,null,null],"
                        "\"curve\":[{\"episode\":1,\"value\":null,\"smoothed\":null},"
                        "{\"episode\":2,\"value\":null,\"smoothed\":null},"
                        "{\"episode\":100,\"value\":null,\"smoothed\":null}],"
                        "\"points_total\":100,\"points_returned\":3}");
}

static void
a_value_that_is_not_finite_is_not_thinned_away(void **state)
{
    static const int64_t limits[] = {7, 8, 100, 999};
    struct long_run *run = long_run(10, 0.0);
    const size_t lone = 4321;

    (void)state;
    run->values[lone] = INFINITY;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        const struct curve all = range(10, 1, EVERY);
        AUTO_JSON *drawn = draw(run->numbers, run->values, LONG, &all, limits[i]);

        assert_true(has_number(drawn, run->numbers[lone]));
        assert_in_range(json_object_get_int64(json_object_object_get(drawn, "points_returned")), 3,
                        limits[i]);
    }
    free(run);
}

static void
a_short_curve_is_thinned_as_well(void **state)
{
    struct long_run *run = long_run(3, 0.0);

    (void)state;
    for (size_t count = 5; count < 25; count++)
        for (int64_t limit = 4; limit < (int64_t)count; limit++) {
            const struct curve part = range(3, 1, EVERY);
            AUTO_JSON *drawn = draw(run->numbers, run->values, count, &part, limit);

            assert_in_range(json_object_get_int64(json_object_object_get(drawn, "points_returned")),
                            2, limit);
            assert_points_are_the_runs(drawn, run, 3);
            assert_true(has_number(drawn, run->numbers[0]));
            assert_true(has_number(drawn, run->numbers[count - 1]));
            assert_true(has_number(drawn, run->numbers[place_of(run->values, 0, count, 1)]));
            assert_true(has_number(drawn, run->numbers[place_of(run->values, 0, count, -1)]));
        }
    free(run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_has_the_arrays_of_both_seeds),
        cmocka_unit_test(a_part_is_smoothed_over_what_comes_before_it),
        cmocka_unit_test(a_window_of_one_is_the_values_themselves),
        cmocka_unit_test(no_points_are_empty_arrays),
        cmocka_unit_test(what_is_not_finite_is_null_and_left_out_of_means),
        cmocka_unit_test(thinning_keeps_ends_and_extremes),
        cmocka_unit_test(thinning_leaves_no_long_gap),
        cmocka_unit_test(a_thinned_curve_of_nothing_finite_has_its_ends),
        cmocka_unit_test(a_value_that_is_not_finite_is_not_thinned_away),
        cmocka_unit_test(a_short_curve_is_thinned_as_well),
    };

    return cmocka_run_group_tests_name("curve", tests, NULL, NULL);
}
