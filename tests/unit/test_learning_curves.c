/* test_learning_curves.c - all metrics' rolling means of window 10, in one pass. */
#include "training/learning_curves.h"

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

static void
a_metric_has_a_point_for_every_episode_that_has_it(void **state)
{
    const struct episode episodes[] = {
        EPISODE(1, 1, REAL("roi_pct", 1.0), REAL("total_reward", 4.0)),
        EPISODE(2, 1, REAL("total_reward", 8.0)),
        EPISODE(3, 1, REAL("train/loss", NAN), REAL("roi_pct", 2.0), BOOL("win", true)),
        EPISODE(7, 1, REAL("roi_pct", INFINITY), WHOLE("steps", 3)),
        EPISODE(8, 1, REAL("roi_pct", 6.0)),
    };
    struct learning_curves curves = {.count = 0};
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    (void)state;
    memory_out_init(&memory, 3);
    for (size_t i = 0; i < COUNT_OF(episodes); i++)
        assert_true(learning_curves_add(&curves, &episodes[i]));
    json_out_object(&json, NULL);
    assert_true(learning_curves_write(&curves, &json, "learning_curve"));
    json_out_object_end(&json);
    assert_json_equal(memory_out_text(&memory),
                      "{\"learning_curve\":{\"roi_pct\":[1.0,1.5,null,3.0],"
                      "\"total_reward\":[4.0,6.0],\"reward_sum\":[4.0,6.0],"
                      "\"train/loss\":[null],\"win\":[1.0],\"steps\":[3.0]}}");
    learning_curves_clear(&curves);
    memory_out_clear(&memory);
}

static void
no_episode_makes_an_empty_object(void **state)
{
    struct learning_curves curves = {.count = 0};
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    (void)state;
    memory_out_init(&memory, 3);
    assert_true(learning_curves_write(&curves, &json, NULL));
    assert_string_equal(memory_out_text(&memory), "{}");
    learning_curves_clear(&curves);
    memory_out_clear(&memory);
}

#define EPISODES 3000 /* their text is beyond a curve's memory */
#define METRICS 20

static void
a_long_run_is_smoothed_over_ten(void **state)
{
    static double values[METRICS][EPISODES];
    struct learning_curves curves = {.count = 0};
    struct api_error err = {.id = API_OK};
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};
    AUTO_JSON *written = NULL;
    uint64_t seed = 41;

    (void)state;
    memory_out_init(&memory, 4096);
    for (int64_t n = 0; n < EPISODES; n++) {
        char names[METRICS][8];
        struct metric_value read[METRICS];
        const struct episode episode = {.number = n + 1, .values = read, .value_count = METRICS};

        for (size_t m = 0; m < METRICS; m++) {
            snprintf(names[m], sizeof names[m], "m%zu", m);
            values[m][n] = random_real(&seed, 10.0);
            read[m] = REAL(names[m], values[m][n]);
        }
        assert_true(learning_curves_add(&curves, &episode));
    }
    assert_true(learning_curves_write(&curves, &json, NULL));
    memory_out_text(&memory);
    assert_true(json_text_parse(memory.text, memory.size, &written, &err));
    assert_int_equal(json_object_object_length(written), METRICS);
    for (size_t m = 0; m < METRICS; m++) {
        char name[8];
        json_object *curve;

        snprintf(name, sizeof name, "m%zu", m);
        curve = json_object_object_get(written, name);
        assert_int_equal(json_object_array_length(curve), EPISODES);
        for (size_t i = 0; i < EPISODES; i++) {
            const size_t from = i < 9 ? 0 : i - 9;
            double sum = 0.0;

            for (size_t j = from; j <= i; j++)
                sum += values[m][j];
            assert_true(fabs(json_object_get_double(json_object_array_get_idx(curve, i)) -
                             sum / (double)(i - from + 1)) < 1e-13);
        }
    }
    learning_curves_clear(&curves);
    memory_out_clear(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metric_has_a_point_for_every_episode_that_has_it),
        cmocka_unit_test(no_episode_makes_an_empty_object),
        cmocka_unit_test(a_long_run_is_smoothed_over_ten),
    };

    return cmocka_run_group_tests_name("learning_curves", tests, NULL, NULL);
}
