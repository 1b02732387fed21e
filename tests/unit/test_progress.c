/* test_progress.c - means over the last ten episodes, in whatever order they come. */
#include "training/progress.h"

#include "fakes/memory_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "fakes/episode_of.h"
#include "fakes/json_check.h"

static void
assert_written(const struct progress *progress, const char *expected)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    memory_out_init(&memory, 64);
    json_out_object(&json, NULL);
    progress_write(progress, 450, 1000, &json, "p");
    json_out_object_end(&json);
    assert_json_equal(memory_out_text(&memory), expected);
    memory_out_clear(&memory);
}

static void
add(struct progress *progress, int64_t number, double reward)
{
    progress_add(progress, &EPISODE(number, 1000 + number * 500, REAL("total_reward", reward)));
}

#define NO_REWARD_BUT(episode, reward, elapsed)                                          \
    "{\"p\":{\"episode\":" #episode ",\"total_episodes\":450,\"avg_reward\":" #reward    \
    ",\"avg_duration\":null,\"avg_cash\":null,\"avg_invested\":null,\"stability\":null," \
    "\"goal_adherence\":null,\"elapsed_time\":" #elapsed "}}"

static void
nothing_is_known_before_the_first_episode(void **state)
{
    const struct progress progress = {.count = 0};

    (void)state;
    assert_int_equal(progress_episode(&progress), 0);
    assert_written(&progress, "{\"p\":null}");
}

static void
all_six_are_means_of_what_is_finite(void **state)
{
    struct progress progress = {.count = 0};

    (void)state;
    progress_add(&progress,
                 &EPISODE(1, 2000, REAL("total_reward", 1), WHOLE("steps", 10), REAL("cash", 5),
                          REAL("invested", 7), REAL("stability", 0.5), REAL("goal_adherence", 1)));
    progress_add(&progress, &EPISODE(2, 4250, REAL("total_reward", 2), WHOLE("steps", 11),
                                     REAL("cash", NAN), REAL("stability", (double)INFINITY)));
    assert_written(&progress, "{\"p\":{\"episode\":2,\"total_episodes\":450,\"avg_reward\":1.5,"
                              "\"avg_duration\":10.5,\"avg_cash\":5.0,\"avg_invested\":7.0,"
                              "\"stability\":0.5,\"goal_adherence\":1.0,\"elapsed_time\":3.25}}");
}

static void
only_the_last_ten_count(void **state)
{
    static const int64_t orders[][14] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
        {14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1},
        {8, 1, 14, 3, 12, 5, 10, 7, 9, 6, 11, 4, 13, 2},
    };

    (void)state;
    for (size_t order = 0; order < 3; order++) {
        struct progress progress = {.count = 0};

        for (size_t i = 0; i < 14; i++)
            add(&progress, orders[order][i], (double)orders[order][i]);
        assert_int_equal(progress_episode(&progress), 14);
        assert_written(&progress, NO_REWARD_BUT(14, 9.5, 7.0));
    }
}

static void
of_two_of_one_number_the_first_counts(void **state)
{
    struct progress progress = {.count = 0};

    (void)state;
    add(&progress, 3, 1.0);
    add(&progress, 2, 3.0);
    add(&progress, 3, 100.0);
    add(&progress, 2, 100.0);
    assert_written(&progress, NO_REWARD_BUT(3, 2.0, 1.5));
}

static void
a_clock_that_went_back_makes_no_negative_time(void **state)
{
    struct progress progress = {.count = 0};

    (void)state;
    progress_add(&progress, &EPISODE(1, 999, REAL("total_reward", 1)));
    assert_written(&progress, NO_REWARD_BUT(1, 1.0, 0.0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_episode),
        cmocka_unit_test(all_six_are_means_of_what_is_finite),
        cmocka_unit_test(only_the_last_ten_count),
        cmocka_unit_test(of_two_of_one_number_the_first_counts),
        cmocka_unit_test(a_clock_that_went_back_makes_no_negative_time),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
