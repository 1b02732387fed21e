/* test_episode_query.c - metrics=, sort= and where=: what is read, what matches, what is refused.
 */
#include "training/episode_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"
#include "fakes/episode_of.h"
#include "fakes/memory_out.h"

#include <math.h>
#include <stdio.h>

#define MAX EPISODE_NUMBER_MAX

static void
read_where(struct episode_query *query, const char *text)
{
    struct api_error err = {.id = API_OK};

    *query = (struct episode_query){.metric_count = 0};
    if (!episode_query_read_where(query, text, &err))
        fail_msg("%s: %s", text, err.message);
}

static void
a_comparison_is_read(void **state)
{
    static const struct {
        const char *text, *metric;
        enum episode_comparison comparison;
        double number;
    } cases[] = {
        {"steps<5", "steps", EPISODE_BELOW, 5},
        {"steps<=5", "steps", EPISODE_AT_MOST, 5},
        {"steps>-5", "steps", EPISODE_ABOVE, -5},
        {"steps>=1e3", "steps", EPISODE_AT_LEAST, 1000},
        {"steps=0.5", "steps", EPISODE_EQUAL, 0.5},
        {"steps!=+5", "steps", EPISODE_UNEQUAL, 5},
        {"  train/loss.a-b_c  >=  2E-2  ", "train/loss.a-b_c", EPISODE_AT_LEAST, 0.02},
        {"episode=9007199254740991", "episode", EPISODE_EQUAL, 9007199254740991},
        {"win=true", "win", EPISODE_EQUAL, 1},
        {"win!=false", "win", EPISODE_UNEQUAL, 0},
        {"x<Infinity", "x", EPISODE_BELOW, INFINITY},
        {"x>=-Infinity", "x", EPISODE_AT_LEAST, -INFINITY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct episode_query query;

        read_where(&query, cases[i].text);
        assert_int_equal(query.condition_count, 1);
        assert_string_equal(query.conditions[0].metric, cases[i].metric);
        assert_int_equal(query.conditions[0].comparison, cases[i].comparison);
        assert_true(query.conditions[0].number == cases[i].number);
    }
}

static void
what_is_no_comparison_is_refused(void **state)
{
    static const char *const texts[] = {
        "",         " ",        "steps",      "steps>",   ">5",       "=",
        "steps>5,", ",steps>5", "a>1,,b>1",   "steps>>5", "steps=>5", "steps==5",
        "steps<>5", "steps!5",  "steps > =5", "st eps>5", "a$b>5",    "x>0x10",
        "x>nan",    "x>inf",    "x>INFINITY", "x>NaN",    "x<=NaN",   "x>1e999",
        "x>1.2.3",  "x>1 2",    "x>e",        "x>.",      "x>-",      "x=true",
        "x=false",  "win=yes",  "win=True",   "x=\"5\"",  "x>5;y>5",  "x=+Infinity",
    };
    char text[300];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct episode_query query = {.metric_count = 0};
        struct api_error err = {.id = API_OK};

        if (episode_query_read_where(&query, texts[i], &err))
            fail_msg("taken: %s", texts[i]);
        assert_int_equal(err.status, 422);
        assert_string_equal(err.faults[0].field, "where");
    }
    for (int size = 64; size <= 65; size++) {
        struct episode_query query = {.metric_count = 0};
        struct api_error err = {.id = API_OK};

        snprintf(text, sizeof text, "%0*d>5", size, 0);
        assert_int_equal(episode_query_read_where(&query, text, &err), size == 64);
    }
}

static void
conditions_are_joined_and_counted(void **state)
{
    struct episode_query query = {.metric_count = 0};
    struct api_error err = {.id = API_OK};

    (void)state;
    assert_true(episode_query_read_where(&query, "a>1,b<2,a>1", &err));
    for (int i = 3; i < EPISODE_CONDITIONS_MAX; i++)
        assert_true(episode_query_read_where(&query, "c=3", &err));
    assert_int_equal(query.condition_count, EPISODE_CONDITIONS_MAX);
    assert_false(episode_query_read_where(&query, "c=3", &err));
    assert_int_equal(query.condition_count, EPISODE_CONDITIONS_MAX);
    assert_int_equal(err.fault_count, 1);
}

static void
an_episode_must_meet_all_conditions(void **state)
{
    static const struct {
        const char *where;
        bool matches;
    } cases[] = {
        {"steps>4", true},
        {"steps>5", false},
        {"steps>=5", true},
        {"steps<5", false},
        {"steps<=5", true},
        {"steps=5", true},
        {"steps!=5", false},
        {"steps!=6", true},
        {"win=true", true},
        {"win=1", true},
        {"win=false", false},
        {"reward_sum=-2.5", true},
        {"total_reward<0", true},
        {"none!=1", false},
        {"none<1", false},
        {"none=NaN", false},
        {"nan=NaN", true},
        {"nan!=NaN", false},
        {"nan!=1", true},
        {"nan<1", false},
        {"nan>=1", false},
        {"inf>1e308", true},
        {"inf=Infinity", true},
        {"inf<Infinity", false},
        {"inf>=Infinity", true},
        {"inf!=-Infinity", true},
        {"steps!=NaN", true},
        {"steps=NaN", false},
        {"episode=7", true},
        {"episode>6.5", true},
        {"episode!=7", false},
        {"episode=NaN", false},
        {"a.b=0", true},
        {"steps>4,win=true", true},
        {"steps>4,win=false", false},
        {"win=false,steps>4", false},
    };
    const struct episode episode =
        EPISODE(7, 1, WHOLE("steps", 5), BOOL("win", true), REAL("total_reward", -2.5),
                REAL("nan", NAN), REAL("inf", INFINITY), REAL("a.b", -0.0));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct episode_query query;

        read_where(&query, cases[i].where);
        if (episode_query_matches(&query, &episode) != cases[i].matches)
            fail_msg("%s", cases[i].where);
    }
}

static void
numbers_are_narrowed_and_none_is_lost(void **state)
{
    static const struct {
        const char *where;
        int64_t from, to;
    } cases[] = {
        {"steps>5", 1, MAX},
        {"episode>=10,episode<=20", 10, 20},
        {"episode>10,episode<20", 10, 20}, /* the ends do not match, but cost nothing */
        {"episode=15", 15, 15},
        {"episode=15.5", 15, 16},
        {"episode!=15", 1, MAX},
        {"episode>1e300", MAX, MAX},
        {"episode<=1e300", 1, MAX},
        {"episode<-1", 1, 0},
        {"episode>-1e300", 1, MAX},
        {"episode=NaN", 1, 0},
        {"episode<Infinity", 1, MAX},
        {"episode<=-Infinity", 1, 0},
        {"episode>30,episode<20", 30, 20},
        {"episode<=9007199254740990", 1, MAX - 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct episode_query query;
        int64_t from = 1, to = MAX;

        read_where(&query, cases[i].where);
        episode_query_narrow(&query, &from, &to);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(to, cases[i].to);
    }
}

static void
an_order_is_read(void **state)
{
    static const struct {
        const char *text;
        bool good;
        const char *sort;
        bool descending;
    } cases[] = {
        {"steps", true, "steps", false}, {"-steps", true, "steps", true},
        {"episode", true, "", false},    {"-episode", true, "", true},
        {"--x", true, "-x", true},       {"a.b/c_d", true, "a.b/c_d", false},
        {"", false, "", false},          {"-", false, "", false},
        {"a b", false, "", false},       {" steps", false, "", false},
        {"a,b", false, "", false},       {"$x", false, "", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct episode_query query = {.metric_count = 0};
        struct api_error err = {.id = API_OK};

        assert_int_equal(episode_query_read_sort(&query, cases[i].text, &err), cases[i].good);
        assert_string_equal(query.sort, cases[i].sort);
        assert_int_equal(query.descending, cases[i].descending);
        assert_int_equal(err.fault_count, cases[i].good ? 0 : 1);
    }
}

static void
metrics_are_chosen_once_each(void **state)
{
    struct episode_query query = {.metric_count = 0};
    struct api_error err = {.id = API_OK};
    char name[16];

    (void)state;
    assert_true(episode_query_read_metrics(&query, "steps, a.b ,steps,x/y", &err));
    assert_int_equal(query.metric_count, 3);
    assert_string_equal(query.metrics[1], "a.b");
    assert_false(episode_query_read_metrics(&query, "ok,a b,,c$", &err));
    assert_int_equal(err.fault_count, 3);
    assert_string_equal(err.faults[0].field, "metrics");
    for (size_t i = query.metric_count; i < EPISODE_CHOICE_MAX; i++) {
        snprintf(name, sizeof name, "m%zu", i);
        assert_true(episode_query_read_metrics(&query, name, &err));
    }
    assert_true(episode_query_read_metrics(&query, "m50", &err));
    assert_false(episode_query_read_metrics(&query, "more", &err));
}

static void
an_episode_shows_what_was_chosen(void **state)
{
    static const struct {
        const char *metrics, *expected;
    } cases[] = {
        {NULL, "{\"episode\":7,\"total_reward\":-2.5,\"reward_sum\":-2.5,\"win\":true,"
               "\"loss\":\"NaN\",\"session_id\":null,\"created_at\":\"1970-01-01T00:00:00.001Z\"}"},
        {"win", "{\"episode\":7,\"win\":true,"
                "\"session_id\":null,\"created_at\":\"1970-01-01T00:00:00.001Z\"}"},
        {"reward_sum,loss", "{\"episode\":7,\"reward_sum\":-2.5,\"loss\":\"NaN\","
                            "\"session_id\":null,\"created_at\":\"1970-01-01T00:00:00.001Z\"}"},
        {"steps", "{\"episode\":7,"
                  "\"session_id\":null,\"created_at\":\"1970-01-01T00:00:00.001Z\"}"},
    };
    const struct episode episode =
        EPISODE(7, 1, REAL("total_reward", -2.5), BOOL("win", true), REAL("loss", NAN));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct episode_query query = {.metric_count = 0};
        struct api_error err = {.id = API_OK};
        struct memory_out memory;
        struct json_out json = {.out = &memory.out};

        if (cases[i].metrics != NULL)
            assert_true(episode_query_read_metrics(&query, cases[i].metrics, &err));
        memory_out_init(&memory, 32);
        episode_query_write(&query, &episode, &json);
        assert_string_equal(memory_out_text(&memory), cases[i].expected);
        memory_out_clear(&memory);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comparison_is_read),
        cmocka_unit_test(what_is_no_comparison_is_refused),
        cmocka_unit_test(conditions_are_joined_and_counted),
        cmocka_unit_test(an_episode_must_meet_all_conditions),
        cmocka_unit_test(numbers_are_narrowed_and_none_is_lost),
        cmocka_unit_test(an_order_is_read),
        cmocka_unit_test(metrics_are_chosen_once_each),
        cmocka_unit_test(an_episode_shows_what_was_chosen),
    };

    return cmocka_run_group_tests_name("episode_query", tests, NULL, NULL);
}
