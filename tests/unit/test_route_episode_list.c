/* test_route_episode_list.c - pages of a run's episodes, and its gaps, against a fake store. */
#include "fakes/episode_of.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define LIST "/api/training-runs/r1/episodes"
#define GAPS "/api/training-runs/r1/gaps"

/* Episodes 1, 2, 4, 8, 16 with 10, 8, 6, 4, 2 steps; the last one also has a loss. */
static int
set_up(void **state)
{
    static struct metric_value values[5][2];
    static struct episode episodes[5];
    struct served *f;

    serve_set_up(state);
    f = *state;
    for (int i = 0; i < 5; i++) {
        values[i][0] = WHOLE("steps", 10 - 2 * i);
        values[i][1] = REAL("loss", 0.5);
        episodes[i] = (struct episode){.number = INT64_C(1) << i,
                                       .created_ms = 1,
                                       .values = values[i],
                                       .value_count = i == 4 ? 2 : 1};
    }
    serve(f, "POST", "/api/v1/training/runs", "{\"run_id\":\"r1\"}");
    f->store.runs[0].summary.episodes = 5;
    f->store.episodes = episodes;
    f->store.episode_count = 5;
    return 0;
}

/* The numbers on the page, such as "1,2,"; good until the next call. */
static const char *
numbers_served(const struct served *f)
{
    static char text[200];
    json_object *body = json_of(memory_wire_body(&f->wire));
    json_object *episodes = json_object_object_get(body, "episodes");
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < json_object_array_length(episodes); i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s,",
                                 json_object_get_string(json_object_object_get(
                                     json_object_array_get_idx(episodes, i), "episode")));
    json_object_put(body);
    return text;
}

static void
a_page_is_what_was_asked_for(void **state)
{
    static const struct {
        const char *query, *numbers, *next;
    } cases[] = {
        {"", "1,2,4,8,16,", "null"},
        {"?limit=5", "1,2,4,8,16,", "null"},
        {"?limit=4", "1,2,4,8,", "8"},
        {"?after=4", "8,16,", "null"},
        {"?after=3&limit=1", "4,", "4"},
        {"?sort=-episode&limit=2", "16,8,", "8"},
        {"?sort=-episode&after=8&limit=2", "4,2,", "2"},
        {"?sort=steps&limit=2", "16,8,", "8"},
        {"?sort=steps&limit=2&after=8", "4,2,", "2"},
        {"?sort=-loss&after=0", "16,1,2,4,8,", "null"},
        {"?sort=-loss&after=2", "4,8,", "null"},
        {"?where=steps%3E4", "1,2,4,", "null"},
        {"?where=steps>4&limit=2", "1,2,", "2"},
        {"?where=steps>4&limit=3", "1,2,4,", "null"},
        {"?where=steps>2&where=episode>1,steps<8", "4,8,", "null"},
        {"?where=steps>2&sort=-episode&limit=1&after=8", "4,", "4"},
        {"?where=episode>16", "", "null"},
        {"?where=episode<0", "", "null"},
        {"?after=16", "", "null"},
        {"/?limit=1", "1,", "1"},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char target[200];

        snprintf(target, sizeof target, LIST "%s", cases[i].query);
        if (serve(f, "GET", target, NULL) != 200)
            fail_msg("%s: %s", target, memory_wire_body(&f->wire));
        assert_string_equal(numbers_served(f), cases[i].numbers);
        assert_string_equal(served_member(f, "next_after"), cases[i].next);
        assert_int_equal(strstr(f->wire.text, "\r\nLink: ") != NULL,
                         strcmp(cases[i].next, "null") != 0);
    }
}

static void
only_what_is_needed_is_read(void **state)
{
    struct served *f = *state;

    serve(f, "GET", LIST "?limit=2&after=1", NULL);
    assert_int_equal(f->store.range.from, 2);
    assert_int_equal(f->store.range.count, 3);
    assert_int_equal(f->store.range.metric_count, 0);
    serve(f, "GET", LIST "?limit=2&sort=-steps&where=loss<1,steps>1", NULL);
    assert_int_equal(f->store.range.metric_count, 2);
    assert_int_equal(f->store.picked, 1);
    serve(f, "GET", LIST "?where=episode>=4", NULL);
    assert_true(f->store.range.numbers_only);
    assert_int_equal(f->store.range.from, 4);
    assert_int_equal(f->store.picked, 3);
}

static void
the_next_page_is_linked_with_all_parameters(void **state)
{
    struct served *f = *state;

    serve(f, "GET", LIST "?where=steps>1&sort=-steps&limit=2&where=episode!=3&x=%22", NULL);
    assert_non_null(strstr(f->wire.text,
                           "Link: <http://h:8000" LIST
                           "?where=steps%3E1&sort=-steps&limit=2&where=episode%21%3D3&x=%22&"
                           "after=2>; rel=\"next\"\r\n"));
}

static void
a_link_that_is_too_long_is_left_out(void **state)
{
    struct served *f = *state;
    char target[4000] = LIST "?limit=1&x=";

    memset(target + strlen(target), '>', 3000);
    assert_int_equal(serve(f, "GET", target, NULL), 200);
    assert_null(strstr(f->wire.text, "Link: "));
    assert_string_equal(served_member(f, "next_after"), "1");
}

static void
a_wrong_question_is_a_fault(void **state)
{
    static const struct {
        const char *query, *field;
    } cases[] = {
        {"?after=-1", "after"},       {"?after=x", "after"},
        {"?limit=0", "limit"},        {"?limit=10001", "limit"},
        {"?metrics=nope", "metrics"}, {"?metrics=a%20b", "metrics"},
        {"?sort=nope", "sort"},       {"?sort=-", "sort"},
        {"?where=nope>1", "where"},   {"?where=steps", "where"},
        {"?where=steps>1,", "where"}, {"?after=3&sort=steps", "after"},
        {"?sort=%C3%A9", "sort"},     {"?metrics=episode", "metrics"},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char target[200];

        snprintf(target, sizeof target, LIST "%s", cases[i].query);
        serve(f, "GET", target, NULL);
        assert_refused(f, 422, "validation_failed", cases[i].field);
    }
    serve(f, "GET", LIST "?limit=x&after=x&sort=x&metrics=x&where=x", NULL);
    assert_int_equal(f->err.fault_count, 5);
    serve(f, "GET", "/api/training-runs/r2/episodes?limit=0", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    f->store.fail_with = API_STORE_UNAVAILABLE;
    serve(f, "GET", LIST, NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
}

static void
gaps_are_told(void **state)
{
    struct served *f = *state;

    serve(f, "GET", GAPS, NULL);
    assert_served(f, 200, "{\"missing\":[[3,3],[5,7],[9,15]],\"highest\":16}");
    assert_true(f->store.range.numbers_only);
    assert_int_equal(f->store.range.to, 16);
    serve(f, "GET", "/api/training-runs/r2/gaps", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
}

static void
a_run_without_gaps_is_told_by_its_header(void **state)
{
    struct served *f = *state;
    int calls;

    f->store.episode_count = 2;
    f->store.runs[0].summary.episodes = 2;
    calls = f->store.calls;
    serve(f, "GET", GAPS, NULL);
    assert_served(f, 200, "{\"missing\":[],\"highest\":2}");
    assert_int_equal(f->store.calls, calls + 1);
    f->store.episode_count = 0;
    f->store.runs[0].summary.episodes = 0;
    serve(f, "GET", GAPS, NULL);
    assert_served(f, 200, "{\"missing\":[],\"highest\":0}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, serve_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_what_was_asked_for),
        TEST(only_what_is_needed_is_read),
        TEST(the_next_page_is_linked_with_all_parameters),
        TEST(a_link_that_is_too_long_is_left_out),
        TEST(a_wrong_question_is_a_fault),
        TEST(gaps_are_told),
        TEST(a_run_without_gaps_is_told_by_its_header),
    };

    return cmocka_run_group_tests_name("route_episode_list", tests, NULL, NULL);
}
