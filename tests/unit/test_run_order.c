/* test_run_order.c - the orders of a list by name, and cursors as text and back. */
#include "training/run_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static void
every_order_has_two_names(void **state)
{
    static const char *const bad[] = {"",         "-",         "notes",         "--episodes",
                                      "episode",  "episodes ", "-start_time_x", "EPISODES",
                                      "+episodes"};
    struct run_order order;

    (void)state;
    assert_true(run_order_find("-start_time", &order));
    assert_int_equal(order.sort, RUN_SORT_START_TIME);
    assert_false(order.ascending);
    assert_true(run_order_find("win_rate", &order));
    assert_int_equal(order.sort, RUN_SORT_WIN_RATE);
    assert_true(order.ascending);
    for (size_t i = 0; i < LENGTH(bad); i++)
        if (run_order_find(bad[i], &order))
            fail_msg("%s is taken for an order", bad[i]);
}

/* What a cursor says after it was written and read. */
static struct run_cursor
there_and_back(const struct run_cursor *cursor, struct run_order order)
{
    char text[RUN_CURSOR_SIZE];
    struct run_cursor again;

    run_cursor_write(cursor, order, text);
    assert_true(strlen(text) < RUN_CURSOR_SIZE - 1);
    assert_null(strpbrk(text, "&#%+ ?=<>\"")); /* it stands in a URL as it is */
    if (!run_cursor_read(text, order, &again))
        fail_msg("%s is not read", text);
    assert_string_equal(again.place.id, cursor->place.id);
    assert_int_equal(again.backwards, cursor->backwards);
    return again;
}

static void
a_whole_place_comes_back(void **state)
{
    static const int64_t values[] = {0, 1, -1, 1700000000123, INT64_MIN, INT64_MAX};
    struct run_cursor cursor = {.place.id = "a_b-c.d"};

    (void)state;
    for (size_t i = 0; i < LENGTH(values); i++)
        for (int up = 0; up < 2; up++) {
            cursor.backwards = up == 0;
            cursor.place.whole = values[i];
            for (enum run_sort sort = RUN_SORT_START_TIME; sort <= RUN_SORT_EPISODES; sort++)
                assert_true(there_and_back(&cursor, (struct run_order){sort, up}).place.whole ==
                            values[i]);
        }
}

static void
a_figure_comes_back_to_the_last_bit(void **state)
{
    static const double values[] = {0.0, 0.1, -1.0 / 3, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, 1e-300};
    const struct run_order order = {RUN_SORT_AVG_REWARD, true};
    struct run_cursor cursor = {.backwards = true};

    (void)state;
    memset(cursor.place.id, 'x', RUN_ID_MAX);
    for (size_t i = 0; i < LENGTH(values); i++) {
        double again;

        cursor.place.figure = values[i];
        again = there_and_back(&cursor, order).place.figure;
        assert_memory_equal(&again, &values[i], sizeof again);
    }
    cursor.place.figure = NAN;
    assert_true(isnan(there_and_back(&cursor, order).place.figure));
}

static void
what_is_no_cursor_of_the_order_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "n",
        "x-episodes:1_r",
        "n-episodes",
        "n-episodes:",
        "n-episodes:_r",
        "n-episodes:1",
        "n-episodes:1_",
        "n-episodes:1_a b",
        "n-episodes:1_-r",
        "n-episodes:--1_r",
        "n-episodes:-_r",
        "n-episodes:+1_r",
        "n-episodes: 1_r",
        "n-episodes:1x_r",
        "n-episodes:9223372036854775808_r",
        "nepisodes:1_r",
        "n-start_time:1_r",
        "n-avg_reward:none_r",
        "n-episodes:1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    static const char *const bad_figures[] = {
        "n-win_rate:0.5_r",
        "n-win_rate:nan_r",
        "n-win_rate:3fe000000000000_r",
        "n-win_rate:3fe00000000000000_r",
        "n-win_rate:3FE0000000000000_r",
        "n-win_rate:7ff0000000000000_r",
        "n-win_rate:7ff8000000000000_r",
        "n-win_rate:nonesuch_r",
    };
    struct run_cursor cursor;

    (void)state;
    assert_true(
        run_cursor_read("n-episodes:1_r", (struct run_order){RUN_SORT_EPISODES, false}, &cursor));
    for (size_t i = 0; i < LENGTH(bad); i++)
        if (run_cursor_read(bad[i], (struct run_order){RUN_SORT_EPISODES, false}, &cursor))
            fail_msg("%s is taken for a cursor", bad[i]);
    for (size_t i = 0; i < LENGTH(bad_figures); i++)
        if (run_cursor_read(bad_figures[i], (struct run_order){RUN_SORT_WIN_RATE, false}, &cursor))
            fail_msg("%s is taken for a cursor", bad_figures[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_has_two_names),
        cmocka_unit_test(a_whole_place_comes_back),
        cmocka_unit_test(a_figure_comes_back_to_the_last_bit),
        cmocka_unit_test(what_is_no_cursor_of_the_order_is_refused),
    };

    return cmocka_run_group_tests_name("run_order", tests, NULL, NULL);
}
