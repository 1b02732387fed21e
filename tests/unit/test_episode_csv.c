/* test_episode_csv.c - episodes as comma-separated values, to the byte. */
#include "training/episode_csv.h"

#include "base/auto.h"
#include "fakes/memory_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "fakes/episode_of.h"

#define UUID "123e4567-e89b-12d3-a456-426614174000"

struct fixture {
    struct episode_csv csv;
    struct memory_out memory;
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    fixture.csv = (struct episode_csv){.columns = NULL};
    memory_out_init(&fixture.memory, 64);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    episode_csv_clear(&f->csv);
    memory_out_clear(&f->memory);
    return 0;
}

static void
assert_written(struct fixture *f, const char *expected)
{
    assert_string_equal(memory_out_text(&f->memory), expected);
}

static void
add_all(struct fixture *f, const char *const *metrics, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(episode_csv_add_metric(&f->csv, metrics[i]));
}

static void
a_run_without_episodes_has_three_columns(void **state)
{
    struct fixture *f = *state;

    episode_csv_write_header(&f->csv, &f->memory.out);
    assert_written(f, "episode,created_at,session_id\r\n");
}

static void
the_named_come_in_their_order_and_custom_ones_by_bytes(void **state)
{
    static const char *const metrics[] = {
        "b",           "epsilon", "a/b",          "win",
        "Z",           "a.b",     "total_trades", "_",
        "a",           "-x",      "steps",        "sharpe_ratio",
        "0",           "a-b",     "roi_pct",      "max_drawdown_pct",
        "total_reward"};
    struct fixture *f = *state;

    for (int again = 0; again < 2; again++) /* a header and its tail tell of the same ones */
        add_all(f, metrics, COUNT_OF(metrics));
    episode_csv_write_header(&f->csv, &f->memory.out);
    assert_written(f, "episode,created_at,session_id,roi_pct,sharpe_ratio,max_drawdown_pct,"
                      "total_trades,reward_sum,total_reward,steps,win,epsilon,"
                      "-x,0,Z,_,a,a-b,a.b,a/b,b\r\n");
}

static void
a_value_stands_below_its_name_and_as_it_was_given(void **state)
{
    static const char *const metrics[] = {"roi_pct", "total_reward", "steps", "win", "x"};
    struct episode given =
        EPISODE(1, 1700000000123, REAL("x", -0.5), BOOL("win", true), WHOLE("steps", 7),
                REAL("total_reward", 1e-7), REAL("roi_pct", 3.0));
    const struct episode some = EPISODE(9007199254740991, 1000, REAL("win", 0.5));
    const struct episode other = EPISODE(3, 1000, WHOLE("win", 1), REAL("roi_pct", 0.1 + 0.2));
    const struct episode none = {.number = 4};
    struct fixture *f = *state;

    add_all(f, metrics, COUNT_OF(metrics));
    episode_csv_write_header(&f->csv, &f->memory.out);
    snprintf(given.session_id, sizeof given.session_id, "%s", UUID);
    episode_csv_write(&f->csv, &given, &f->memory.out);
    episode_csv_write(&f->csv, &some, &f->memory.out);
    episode_csv_write(&f->csv, &other, &f->memory.out);
    episode_csv_write(&f->csv, &none, &f->memory.out);
    assert_written(f,
                   "episode,created_at,session_id,roi_pct,reward_sum,total_reward,steps,win,x\r\n"
                   "1,2023-11-14T22:13:20.123Z," UUID
                   ",3.0,9.9999999999999995e-08,9.9999999999999995e-08,7,true,-0.5\r\n"
                   "9007199254740991,1970-01-01T00:00:01.000Z,,,,,,0.5,\r\n"
                   "3,1970-01-01T00:00:01.000Z,,0.30000000000000004,,,,1,\r\n"
                   "4,,,,,,,,\r\n");
}

static void
what_is_not_finite_is_a_word(void **state)
{
    const struct episode episode =
        EPISODE(1, 0, REAL("a", NAN), REAL("b", INFINITY), REAL("c", -INFINITY), REAL("d", -0.0));
    static const char *const metrics[] = {"a", "b", "c", "d"};
    struct fixture *f = *state;

    add_all(f, metrics, COUNT_OF(metrics));
    episode_csv_write_header(&f->csv, &f->memory.out);
    episode_csv_write(&f->csv, &episode, &f->memory.out);
    assert_written(f, "episode,created_at,session_id,a,b,c,d\r\n"
                      "1,,,NaN,Infinity,-Infinity,-0.0\r\n");
}

/* It was reported for the first time after the header was read. */
static void
a_metric_without_a_column_moves_no_other(void **state)
{
    const struct episode late = EPISODE(1, 0, REAL("late", 1.0), REAL("a", 2.0), REAL("zz", 3.0),
                                        REAL("total_reward", 4.0), REAL("b", 5.0));
    static const char *const metrics[] = {"b", "a"};
    struct fixture *f = *state;

    add_all(f, metrics, COUNT_OF(metrics));
    episode_csv_write_header(&f->csv, &f->memory.out);
    episode_csv_write(&f->csv, &late, &f->memory.out);
    episode_csv_write(&f->csv, &late, &f->memory.out);
    assert_written(f, "episode,created_at,session_id,a,b\r\n1,,,2.0,5.0\r\n1,,,2.0,5.0\r\n");
}

static void
without_any_column_a_line_still_tells_its_number(void **state)
{
    const struct episode episode = EPISODE(5, 0, REAL("late", 1.0));
    struct fixture *f = *state;

    episode_csv_write_header(&f->csv, &f->memory.out);
    episode_csv_write(&f->csv, &episode, &f->memory.out);
    assert_written(f, "episode,created_at,session_id\r\n5,,\r\n");
}

/* No such name comes through the API; a database may have seen other hands. */
static void
a_name_is_quoted_when_it_must_be(void **state)
{
    static const char *const metrics[] = {"a,b", "a\"b", "a\nb", "ab"};
    struct fixture *f = *state;

    add_all(f, metrics, COUNT_OF(metrics));
    episode_csv_write_header(&f->csv, &f->memory.out);
    assert_written(f, "episode,created_at,session_id,\"a\nb\",\"a\"\"b\",\"a,b\",ab\r\n");
}

#define MANY 300 /* more than are remembered from line to line */

static void
many_metrics_find_their_columns_whatever_their_order(void **state)
{
    static char names[MANY][16];
    struct metric_value values[MANY];
    struct fixture *f = *state;
    char expected[MANY * 8];
    size_t size;

    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "m%03d", i);
        assert_true(episode_csv_add_metric(&f->csv, names[i]));
    }
    episode_csv_write_header(&f->csv, &f->memory.out);
    for (size_t turn = 0; turn < 3; turn++) {
        const size_t size_before = strlen(memory_out_text(&f->memory));

        for (size_t i = 0; i < MANY; i++) {
            const size_t which = turn == 1 ? MANY - 1 - i : i;

            values[i] = WHOLE(names[which], (int64_t)(which + turn));
        }
        episode_csv_write(&f->csv,
                          &(struct episode){.number = 1, .values = values, .value_count = MANY},
                          &f->memory.out);
        size = (size_t)snprintf(expected, sizeof expected, "1,,");
        for (size_t i = 0; i < MANY; i++)
            size += (size_t)snprintf(expected + size, sizeof expected - size, ",%zu", i + turn);
        snprintf(expected + size, sizeof expected - size, "\r\n");
        assert_string_equal(memory_out_text(&f->memory) + size_before, expected);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_without_episodes_has_three_columns),
        TEST(the_named_come_in_their_order_and_custom_ones_by_bytes),
        TEST(a_value_stands_below_its_name_and_as_it_was_given),
        TEST(what_is_not_finite_is_a_word),
        TEST(a_metric_without_a_column_moves_no_other),
        TEST(without_any_column_a_line_still_tells_its_number),
        TEST(a_name_is_quoted_when_it_must_be),
        TEST(many_metrics_find_their_columns_whatever_their_order),
    };

    return cmocka_run_group_tests_name("episode_csv", tests, NULL, NULL);
}
