/* test_episode.c - what a client may report of an episode, and how it is shown. */
#include "training/episode.h"

#include "base/auto.h"
#include "fakes/memory_out.h"

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

#define ARRIVED_MS INT64_C(1700000000123) /* 2023-11-14T22:13:20.123Z */
#define BATCH_MAX 5

struct fixture {
    json_object *body;
    struct episode_list list;
    struct api_error err;
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.body = NULL};
    *state = &fixture;
    return 0;
}

static void
forget(struct fixture *f)
{
    episode_list_clear(&f->list);
    json_object_put(f->body);
    *f = (struct fixture){.body = NULL};
}

static int
tear_down(void **state)
{
    forget(*state);
    return 0;
}

static bool
take(struct fixture *f, const char *body, enum episode_form form)
{
    forget(f);
    f->body = json_of(body);
    return episode_list_from_json(f->body, form, BATCH_MAX, ARRIVED_MS, &f->list, &f->err);
}

/* The body is refused and this field named; nothing else is. */
static void
assert_fault(struct fixture *f, const char *body, enum episode_form form, const char *field)
{
    if (take(f, body, form))
        fail_msg("taken: %s", body);
    if (f->err.status != 422 || f->err.fault_count != 1 ||
        strcmp(f->err.faults[0].field, field) != 0)
        fail_msg("%s: %d, %zu faults, field %s", body, f->err.status, f->err.fault_count,
                 f->err.faults[0].field);
    assert_true(strlen(f->err.faults[0].message) > 5);
}

static void
assert_written(const struct fixture *f, size_t item,
               void (*write)(const struct episode *, struct json_out *), const char *expected)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    memory_out_init(&memory, 7);
    write(&f->list.items[item], &json);
    assert_json_equal(memory_out_text(&memory), expected);
    memory_out_clear(&memory);
}

static void
a_report_of_seed_000_is_shown_in_both_forms(void **state)
{
    struct fixture *f = *state;

    assert_true(
        take(f,
             "{\"episode_number\":7,\"roi_pct\":3.7,\"sharpe_ratio\":1,"
             "\"max_drawdown_pct\":-12.5,\"total_trades\":42.0,\"reward_sum\":245.3,"
             "\"session_id\":\"123E4567-E89B-12D3-A456-426614174000\",\"extra\":{\"x\":[]}}",
             EPISODE_ONE));
    assert_int_equal(f->list.count, 1);
    assert_int_equal(f->list.reported, 1);
    assert_written(
        f, 0, episode_write_nested,
        "{\"episode_number\":7,\"metrics\":{\"roi_pct\":3.7,\"sharpe_ratio\":1.0,"
        "\"max_drawdown_pct\":-12.5,\"total_trades\":42,\"reward_sum\":245.3,"
        "\"total_reward\":245.3},\"session_id\":\"123e4567-e89b-12d3-a456-426614174000\","
        "\"created_at\":\"2023-11-14T22:13:20.123Z\"}");
    assert_written(f, 0, episode_write_flat,
                   "{\"episode\":7,\"roi_pct\":3.7,\"sharpe_ratio\":1.0,"
                   "\"max_drawdown_pct\":-12.5,\"total_trades\":42,\"reward_sum\":245.3,"
                   "\"total_reward\":245.3,\"session_id\":\"123e4567-e89b-12d3-a456-426614174000\","
                   "\"created_at\":\"2023-11-14T22:13:20.123Z\"}");
}

static void
a_report_of_seed_004_is_shown_in_both_forms(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f,
                     "{\"episode\":1,\"total_reward\":-1,\"steps\":200,\"win\":true,"
                     "\"epsilon\":0.05,\"metrics\":{\"train/loss\":\"NaN\",\"a.b\":1e300}}",
                     EPISODE_EITHER));
    assert_written(f, 0, episode_write_flat,
                   "{\"episode\":1,\"total_reward\":-1.0,\"reward_sum\":-1.0,\"steps\":200,"
                   "\"win\":true,\"epsilon\":0.05,\"train/loss\":\"NaN\",\"a.b\":1e300,"
                   "\"session_id\":null,\"created_at\":\"2023-11-14T22:13:20.123Z\"}");
    assert_written(
        f, 0, episode_write_nested,
        "{\"episode_number\":1,\"metrics\":{\"total_reward\":-1.0,\"reward_sum\":-1.0,"
        "\"steps\":200,\"win\":true,\"epsilon\":0.05,\"train/loss\":\"NaN\","
        "\"a.b\":1e300},\"session_id\":null,\"created_at\":\"2023-11-14T22:13:20.123Z\"}");
}

static void
a_number_alone_is_a_report(void **state)
{
    static const struct {
        const char *body;
        int64_t number;
    } cases[] = {
        {"{\"episode_number\":1}", 1},
        {"{\"episode\":1}", 1},
        {"{\"episode_number\":42.0}", 42},
        {"{\"episode_number\":1e3}", 1000},
        {"{\"episode_number\":3,\"episode\":3.0}", 3},
        {"{\"episode_number\":3,\"episode\":null}", 3},
        {"{\"episode_number\":9007199254740991}", INT64_C(9007199254740991)},
        {"{\"episode_number\":9007199254740991.0}", INT64_C(9007199254740991)},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (!take(f, cases[i].body, EPISODE_ONE))
            fail_msg("%s: %s", cases[i].body, f->err.message);
        assert_int_equal(f->list.items[0].number, cases[i].number);
        assert_int_equal(f->list.items[0].created_ms, ARRIVED_MS);
        assert_int_equal(f->list.items[0].value_count, 0);
    }
}

static void
a_wrong_number_is_a_fault(void **state)
{
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"{}", "episode_number"},
        {"{\"episode_number\":null}", "episode_number"},
        {"{\"episode_number\":0}", "episode_number"},
        {"{\"episode_number\":-1}", "episode_number"},
        {"{\"episode_number\":42.5}", "episode_number"},
        {"{\"episode_number\":\"1\"}", "episode_number"},
        {"{\"episode_number\":true}", "episode_number"},
        {"{\"episode_number\":[1]}", "episode_number"},
        {"{\"episode_number\":\"NaN\"}", "episode_number"},
        {"{\"episode_number\":9007199254740992}", "episode_number"},
        {"{\"episode_number\":9007199254740992.0}", "episode_number"},
        {"{\"episode_number\":9223372036854775807}", "episode_number"},
        {"{\"episode_number\":9223372036854775808}", "episode_number"},
        {"{\"episode_number\":18446744073709551615}", "episode_number"},
        {"{\"episode_number\":1e300}", "episode_number"},
        {"{\"episode\":0}", "episode"},
        {"{\"episode\":\"x\"}", "episode"},
        {"{\"episode_number\":3,\"episode\":4}", "episode"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_fault(f, cases[i].body, EPISODE_ONE, cases[i].field);
}

static void
a_metric_is_kept_as_it_was_written(void **state)
{
    static const struct {
        const char *member, *name;
        enum metric_type type;
        double real;
    } cases[] = {
        {"\"roi_pct\":3", "roi_pct", METRIC_IS_REAL, 3.0},
        {"\"roi_pct\":-1e-300", "roi_pct", METRIC_IS_REAL, -1e-300},
        {"\"roi_pct\":18446744073709551615", "roi_pct", METRIC_IS_REAL, 18446744073709551615.0},
        {"\"roi_pct\":\"NaN\"", "roi_pct", METRIC_IS_REAL, NAN},
        {"\"sharpe_ratio\":\"Infinity\"", "sharpe_ratio", METRIC_IS_REAL, INFINITY},
        {"\"max_drawdown_pct\":\"-Infinity\"", "max_drawdown_pct", METRIC_IS_REAL, -INFINITY},
        {"\"epsilon\":0", "epsilon", METRIC_IS_REAL, 0.0},
        {"\"reward_sum\":7", "total_reward", METRIC_IS_REAL, 7.0},
        {"\"total_reward\":7", "total_reward", METRIC_IS_REAL, 7.0},
        {"\"reward_sum\":7,\"total_reward\":7.0", "total_reward", METRIC_IS_REAL, 7.0},
        {"\"reward_sum\":\"NaN\",\"total_reward\":\"NaN\"", "total_reward", METRIC_IS_REAL, NAN},
        {"\"reward_sum\":null,\"total_reward\":7", "total_reward", METRIC_IS_REAL, 7.0},
        {"\"steps\":0", "steps", METRIC_IS_WHOLE, 0.0},
        {"\"steps\":42.0", "steps", METRIC_IS_WHOLE, 42.0},
        {"\"total_trades\":9007199254740993", "total_trades", METRIC_IS_WHOLE, 9007199254740992.0},
        {"\"steps\":9223372036854775807", "steps", METRIC_IS_WHOLE, 9223372036854775808.0},
        {"\"win\":true", "win", METRIC_IS_BOOL, 1.0},
        {"\"win\":false", "win", METRIC_IS_BOOL, 0.0},
        {"\"win\":0.5", "win", METRIC_IS_REAL, 0.5},
        {"\"win\":1.0", "win", METRIC_IS_REAL, 1.0},
        {"\"win\":1", "win", METRIC_IS_WHOLE, 1.0},
        {"\"win\":0", "win", METRIC_IS_WHOLE, 0.0},
        {"\"metrics\":{\"loss\":1}", "loss", METRIC_IS_REAL, 1.0},
        {"\"metrics\":{\"loss\":null,\"x\":2}", "x", METRIC_IS_REAL, 2.0},
        {"\"metrics\":{\"win_rate\":\"Infinity\"}", "win_rate", METRIC_IS_REAL, INFINITY},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];
        const struct metric_value *value;

        snprintf(body, sizeof body, "{\"episode\":1,%s}", cases[i].member);
        if (!take(f, body, EPISODE_ONE))
            fail_msg("%s: %s", body, f->err.message);
        assert_int_equal(f->list.items[0].value_count, 1);
        value = episode_metric(&f->list.items[0], cases[i].name);
        assert_non_null(value);
        assert_int_equal(value->type, cases[i].type);
        if (isnan(cases[i].real) ? !isnan(value->real) : value->real != cases[i].real)
            fail_msg("%s: %g", body, value->real);
    }
}

static void
null_means_not_given(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f,
                     "{\"episode\":1,\"roi_pct\":null,\"steps\":null,\"win\":null,"
                     "\"metrics\":null,\"session_id\":null,\"total_reward\":null}",
                     EPISODE_ONE));
    assert_int_equal(f->list.items[0].value_count, 0);
    assert_string_equal(f->list.items[0].session_id, "");
    assert_null(episode_metric(&f->list.items[0], "roi_pct"));
}

static void
a_wrong_metric_is_a_fault(void **state)
{
    static const struct {
        const char *member, *field;
    } cases[] = {
        {"\"roi_pct\":\"x\"", "roi_pct"},
        {"\"roi_pct\":\"3.7\"", "roi_pct"},
        {"\"roi_pct\":\"nan\"", "roi_pct"},
        {"\"roi_pct\":\"NaN \"", "roi_pct"},
        {"\"roi_pct\":\"NaN\\u0000\"", "roi_pct"},
        {"\"roi_pct\":true", "roi_pct"},
        {"\"roi_pct\":[]", "roi_pct"},
        {"\"epsilon\":{}", "epsilon"},
        {"\"steps\":-1", "steps"},
        {"\"steps\":42.5", "steps"},
        {"\"steps\":\"42\"", "steps"},
        {"\"steps\":\"NaN\"", "steps"},
        {"\"steps\":9223372036854775808", "steps"},
        {"\"steps\":1e300", "steps"},
        {"\"total_trades\":true", "total_trades"},
        {"\"win\":1.5", "win"},
        {"\"win\":-0.1", "win"},
        {"\"win\":2", "win"},
        {"\"win\":\"true\"", "win"},
        {"\"win\":\"NaN\"", "win"},
        {"\"reward_sum\":1,\"total_reward\":2", "total_reward"},
        {"\"total_reward\":1,\"reward_sum\":1.0000000000000002", "reward_sum"},
        {"\"total_reward\":\"NaN\",\"reward_sum\":0", "reward_sum"},
        {"\"total_reward\":\"Infinity\",\"reward_sum\":\"-Infinity\"", "reward_sum"},
        {"\"session_id\":\"s1\"", "session_id"},
        {"\"session_id\":\"\"", "session_id"},
        {"\"session_id\":7", "session_id"},
        {"\"session_id\":\"123e4567-e89b-12d3-a456-426614174000\\u0000\"", "session_id"},
        {"\"metrics\":[]", "metrics"},
        {"\"metrics\":7", "metrics"},
        {"\"metrics\":{\"loss\":\"x\"}", "metrics.loss"},
        {"\"metrics\":{\"loss\":true}", "metrics.loss"},
        {"\"metrics\":{\"loss\":{}}", "metrics.loss"},
        {"\"metrics\":{\"\":1}", "metrics."},
        {"\"metrics\":{\"a b\":1}", "metrics.a b"},
        {"\"metrics\":{\"$a\":1}", "metrics.$a"},
        {"\"metrics\":{\"a:b\":1}", "metrics.a:b"},
        {"\"metrics\":{\"\xC3\xA9\":1}", "metrics.\xC3\xA9"},
        {"\"metrics\":{\"a b\":null}", "metrics.a b"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];

        snprintf(body, sizeof body, "{\"episode\":1,%s}", cases[i].member);
        assert_fault(f, body, EPISODE_ONE, cases[i].field);
    }
}

static void
a_custom_metric_takes_no_name_of_an_episodes(void **state)
{
    static const char *const names[] = {
        "roi_pct",
        "sharpe_ratio",
        "max_drawdown_pct",
        "total_trades",
        "reward_sum",
        "total_reward",
        "steps",
        "win",
        "epsilon",
        "episode",
        "session_id",
        "created_at",
        "metrics",
        "episode_number",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char body[128], field[64];

        snprintf(body, sizeof body, "{\"episode\":1,\"metrics\":{\"%s\":1}}", names[i]);
        snprintf(field, sizeof field, "metrics.%s", names[i]);
        assert_fault(f, body, EPISODE_ONE, field);
    }
}

/* {"episode":1,"metrics":{"m0":0,"m1":1,…}} */
static char *
with_custom(char *body, int count, int name_length)
{
    char *at = body + sprintf(body, "{\"episode\":1,\"metrics\":{");

    for (int i = 0; i < count; i++)
        at += sprintf(at, "%s\"m%0*d\":%d", i == 0 ? "" : ",", name_length - 1, i, i);
    strcpy(at, "}}");
    return body;
}

static void
sixty_four_custom_metrics_with_names_of_sixty_four_fit(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(10000);

    assert_true(take(f, with_custom(body, 64, 64), EPISODE_ONE));
    assert_int_equal(f->list.items[0].value_count, 64);
    assert_fault(f, with_custom(body, 65, 64), EPISODE_ONE, "metrics");
    assert_fault(f, with_custom(body, 1, 65), EPISODE_ONE,
                 "metrics.m0000000000000000000000000000000000000000000000000000000000000000");
    free(body);
}

static void
every_fault_of_a_report_is_listed(void **state)
{
    static const char *const fields[] = {"episode_number", "roi_pct", "steps", "metrics.a b",
                                         "session_id"};
    struct fixture *f = *state;

    assert_false(take(f,
                      "{\"episode_number\":0,\"roi_pct\":\"x\",\"steps\":1.5,"
                      "\"metrics\":{\"a b\":1,\"ok\":1},\"session_id\":5}",
                      EPISODE_ONE));
    assert_int_equal(f->err.fault_count, COUNT_OF(fields));
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        assert_string_equal(f->err.faults[i].field, fields[i]);
}

static void
a_batch_comes_in_number_order_and_the_last_of_two_stands(void **state)
{
    struct fixture *f = *state;

    assert_true(
        take(f,
             "{\"episodes\":[{\"episode\":9,\"roi_pct\":1},{\"episode\":2,\"roi_pct\":2},"
             "{\"episode\":9,\"steps\":3},{\"episode\":4},{\"episode\":2.0,\"roi_pct\":5}]}",
             EPISODE_BATCH));
    assert_int_equal(f->list.reported, 5);
    assert_int_equal(f->list.count, 3);
    assert_int_equal(f->list.items[0].number, 2);
    assert_true(episode_metric(&f->list.items[0], "roi_pct")->real == 5.0);
    assert_int_equal(f->list.items[1].number, 4);
    assert_int_equal(f->list.items[2].number, 9);
    assert_null(episode_metric(&f->list.items[2], "roi_pct"));
    assert_int_equal(episode_metric(&f->list.items[2], "steps")->whole, 3);
}

static void
the_last_of_two_empty_reports_stands_too(void **state)
{
    struct fixture *f = *state;

    assert_true(
        take(f, "{\"episodes\":[{\"episode\":1,\"roi_pct\":1},{\"episode\":1}]}", EPISODE_BATCH));
    assert_int_equal(f->list.count, 1);
    assert_int_equal(f->list.items[0].value_count, 0);
    assert_true(
        take(f, "{\"episodes\":[{\"episode\":1},{\"episode\":1,\"roi_pct\":1}]}", EPISODE_BATCH));
    assert_int_equal(f->list.items[0].value_count, 1);
}

static void
a_fault_in_a_batch_names_its_index(void **state)
{
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"{\"episodes\":[{\"episode\":1},{\"episode\":0}]}", "episodes[1].episode"},
        {"{\"episodes\":[{}]}", "episodes[0].episode_number"},
        {"{\"episodes\":[{\"episode\":1},{\"episode\":2},{\"episode\":3,\"roi_pct\":\"x\"}]}",
         "episodes[2].roi_pct"},
        {"{\"episodes\":[{\"episode\":1,\"metrics\":{\"a b\":1}}]}", "episodes[0].metrics.a b"},
        {"{\"episodes\":[{\"episode\":1},7]}", "episodes[1]"},
        {"{\"episodes\":[null]}", "episodes[0]"},
        {"{\"episodes\":[[]]}", "episodes[0]"},
        {"{\"episodes\":[]}", "episodes"},
        {"{\"episodes\":{}}", "episodes"},
        {"{\"episodes\":\"x\"}", "episodes"},
        {"{\"episodes\":null}", "episodes"},
        {"{}", "episodes"},
        {"{\"episodes\":[{\"episode\":1},{\"episode\":1},{\"episode\":1},{\"episode\":1},"
         "{\"episode\":1},{\"episode\":1}]}",
         "episodes"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_fault(f, cases[i].body, EPISODE_BATCH, cases[i].field);
}

static void
a_route_takes_one_a_batch_or_either(void **state)
{
    static const struct {
        const char *body;
        enum episode_form form;
        bool good;
    } cases[] = {
        {"{\"episode\":1}", EPISODE_ONE, true},
        {"{\"episode\":1}", EPISODE_EITHER, true},
        {"{\"episode\":1}", EPISODE_BATCH, false},
        {"{\"episodes\":[{\"episode\":1}]}", EPISODE_ONE, false},
        {"{\"episodes\":[{\"episode\":1}]}", EPISODE_EITHER, true},
        {"{\"episodes\":[{\"episode\":1}]}", EPISODE_BATCH, true},
        {"{\"episodes\":null,\"episode\":1}", EPISODE_EITHER, true},
        {"[{\"episode\":1}]", EPISODE_EITHER, false},
        {"[{\"episode\":1}]", EPISODE_BATCH, false},
        {"\"episode\"", EPISODE_ONE, false},
        {"7", EPISODE_EITHER, false},
        {"null", EPISODE_EITHER, false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (take(f, cases[i].body, cases[i].form) != cases[i].good)
            fail_msg("%s as %d", cases[i].body, cases[i].form);
}

static void
values_that_are_not_finite_come_back_as_their_names(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f,
                     "{\"episode\":1,\"roi_pct\":\"NaN\",\"metrics\":{\"a\":\"Infinity\","
                     "\"b\":\"-Infinity\"},\"win\":0.5}",
                     EPISODE_ONE));
    assert_written(f, 0, episode_write_flat,
                   "{\"episode\":1,\"roi_pct\":\"NaN\",\"a\":\"Infinity\",\"b\":\"-Infinity\","
                   "\"win\":0.5,\"session_id\":null,\"created_at\":\"2023-11-14T22:13:20.123Z\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_report_of_seed_000_is_shown_in_both_forms),
        TEST(a_report_of_seed_004_is_shown_in_both_forms),
        TEST(a_number_alone_is_a_report),
        TEST(a_wrong_number_is_a_fault),
        TEST(a_metric_is_kept_as_it_was_written),
        TEST(null_means_not_given),
        TEST(a_wrong_metric_is_a_fault),
        TEST(a_custom_metric_takes_no_name_of_an_episodes),
        TEST(sixty_four_custom_metrics_with_names_of_sixty_four_fit),
        TEST(every_fault_of_a_report_is_listed),
        TEST(a_batch_comes_in_number_order_and_the_last_of_two_stands),
        TEST(the_last_of_two_empty_reports_stands_too),
        TEST(a_fault_in_a_batch_names_its_index),
        TEST(a_route_takes_one_a_batch_or_either),
        TEST(values_that_are_not_finite_come_back_as_their_names),
    };

    return cmocka_run_group_tests_name("episode", tests, NULL, NULL);
}
