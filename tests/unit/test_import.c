/* test_import.c - episodes as an older logger embedded them: what is taken, what is told. */
#include "training/import.h"

#include "base/auto.h"
#include "base/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fakes/memory_out.h"

#define STARTED_MS INT64_C(1704105015250)

/* The members that were told, one after another: "steps;loss;". */
struct told {
    char members[1024];
};

static void
tell(const char *member, const char *why, void *context)
{
    struct told *told = context;
    const size_t used = strlen(told->members);

    assert_true(why[0] != '\0');
    snprintf(told->members + used, sizeof told->members - used, "%s;", member);
}

static json_object *
parsed(const char *text)
{
    struct api_error err = {.id = API_OK};
    json_object *value = NULL;

    if (!json_text_parse(text, strlen(text), &value, &err))
        fail_msg("the test's own JSON is malformed: %s", text);
    return value;
}

/* foreign becomes the episode that seed 004's form shows, and told names what was left out. */
static void
expect(const char *foreign, const char *shown, const char *members)
{
    AUTO_JSON *object = parsed(foreign);
    struct told told = {""};
    struct episode_list list = {.count = 0};
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    assert_true(import_episode(object, STARTED_MS, &list, tell, &told));
    assert_int_equal(list.count, 1);
    memory_out_init(&memory, 64);
    episode_write_flat(&list.items[0], &json);
    assert_string_equal(memory_out_text(&memory), shown);
    assert_string_equal(told.members, members);
    memory_out_clear(&memory);
    episode_list_clear(&list);
}

#define ORIGIN "\"session_id\":null,\"created_at\":\"2024-01-01T10:30:15.250Z\"}"

static void
what_is_fit_is_taken_as_it_is(void **state)
{
    (void)state;
    expect("{\"episode\":3,\"steps\":7,\"win\":1.0,\"epsilon\":0.5}",
           "{\"episode\":3,\"steps\":7,\"win\":1.0,\"epsilon\":0.5," ORIGIN, "");
    expect("{\"episode\":3,\"total_reward\":2.5}",
           "{\"episode\":3,\"total_reward\":2.5,\"reward_sum\":2.5," ORIGIN, "");
    expect("{\"episode_number\":4.0,\"win\":true,\"steps\":null}",
           "{\"episode\":4,\"win\":true," ORIGIN, "");
}

static void
members_of_their_own_become_custom_metrics(void **state)
{
    (void)state;
    expect("{\"episode\":1,\"loss\":0.25,\"done\":true,\"metrics\":{\"kl\":0.5,\"none\":null}}",
           "{\"episode\":1,\"loss\":0.25,\"done\":1.0,\"kl\":0.5," ORIGIN, "");
    expect("{\"episode\":1,\"loss\":{\"$numberDouble\":\"NaN\"},"
           "\"roi_pct\":{\"$numberDouble\":\"-Infinity\"}}",
           "{\"episode\":1,\"roi_pct\":\"-Infinity\",\"loss\":\"NaN\"," ORIGIN, "");
}

static void
a_time_of_its_own_is_kept(void **state)
{
    static const char *const forms[] = {
        "{\"episode\":1,\"created_at\":\"2024-01-02T00:00:00.5Z\"}",
        "{\"episode\":1,\"timestamp\":\"2024-01-02T00:00:00.500\"}",
        "{\"timestamp\":{\"$date\":\"2024-01-02T00:00:00.5Z\"},\"episode\":1}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        expect(forms[i],
               "{\"episode\":1,\"session_id\":null,\"created_at\":\"2024-01-02T00:00:00.500Z\"}",
               "");
    expect("{\"episode\":1,\"timestamp\":12.5}", "{\"episode\":1,\"timestamp\":12.5," ORIGIN, "");
}

static void
what_is_unfit_is_told_and_the_rest_is_taken(void **state)
{
    static const struct {
        const char *member, *told;
    } cases[] = {
        {"\"steps\":-1", "steps;"},
        {"\"steps\":1.5", "steps;"},
        {"\"win\":2", "win;"},
        {"\"win\":\"yes\"", "win;"},
        {"\"epsilon\":{\"a\":1}", "epsilon;"},
        {"\"loss\":\"low\"", "metrics.loss;"},
        {"\"loss\":{\"$numberDecimal\":\"1\"}", "metrics.loss;"},
        {"\"two words\":1", "two words;"},
        {"\"\":1", ";"},
        {"\"big\":9007199254740993", "big;"},
        {"\"session_id\":\"s\"", "session_id;"},
        {"\"created_at\":17", "created_at;"},
        {"\"metrics\":[1]", "metrics;"},
        {"\"metrics\":{\"win\":1,\"metrics\":2}", "win;metrics;"},
        {"\"total_trades\":\"a\",\"loss\":\"b\",\"x y\":1", "x y;total_trades;metrics.loss;"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char foreign[256];

        snprintf(foreign, sizeof foreign, "{\"episode\":1,%s,\"roi_pct\":4}", cases[i].member);
        expect(foreign, "{\"episode\":1,\"roi_pct\":4.0," ORIGIN, cases[i].told);
    }
}

static void
no_more_custom_metrics_than_an_episode_may_have(void **state)
{
    AUTO_JSON *object = json_object_new_object();
    struct told told = {""};
    struct episode_list list = {.count = 0};

    (void)state;
    json_object_object_add(object, "episode", json_object_new_int(1));
    for (int i = 0; i < METRIC_CUSTOM_MAX + 2; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%d", i);
        json_object_object_add(object, name, json_object_new_int(i));
    }
    assert_true(import_episode(object, STARTED_MS, &list, tell, &told));
    assert_int_equal(list.items[0].value_count, METRIC_CUSTOM_MAX);
    assert_string_equal(told.members, "m64;m65;");
    episode_list_clear(&list);
}

static void
every_fault_is_told_however_many_there_are(void **state)
{
    AUTO_JSON *object = json_object_new_object();
    struct told told = {""};
    struct episode_list list = {.count = 0};

    (void)state;
    for (size_t i = 0; i < metric_table_count; i++)
        json_object_object_add(object, metric_table[i].name, json_object_new_string("none"));
    for (int i = 0; i < METRIC_CUSTOM_MAX; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%d", i);
        json_object_object_add(object, name, json_object_new_string("none"));
    }
    json_object_object_add(object, "episode", json_object_new_int(1));
    assert_true(import_episode(object, STARTED_MS, &list, tell, &told));
    assert_int_equal(list.items[0].value_count, 0);
    assert_non_null(strstr(told.members, "metrics.m63;"));
    episode_list_clear(&list);
}

static void
without_a_number_there_is_no_episode(void **state)
{
    static const struct {
        const char *foreign, *told;
    } cases[] = {
        {"{\"steps\":1}", "episode_number;"},
        {"{\"episode\":0}", "episode;"},
        {"{\"episode\":\"1\"}", "episode;"},
        {"{\"episode\":1,\"episode_number\":2}", "episode;"},
        {"[1]", ";"},
        {"7", ";"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_JSON *object = parsed(cases[i].foreign);
        struct told told = {""};
        struct episode_list list = {.count = 0};

        assert_false(import_episode(object, STARTED_MS, &list, tell, &told));
        assert_string_equal(told.members, cases[i].told);
        assert_null(list.items);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_fit_is_taken_as_it_is),
        cmocka_unit_test(members_of_their_own_become_custom_metrics),
        cmocka_unit_test(a_time_of_its_own_is_kept),
        cmocka_unit_test(what_is_unfit_is_told_and_the_rest_is_taken),
        cmocka_unit_test(no_more_custom_metrics_than_an_episode_may_have),
        cmocka_unit_test(every_fault_is_told_however_many_there_are),
        cmocka_unit_test(without_a_number_there_is_no_episode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
