/* test_route_list.c - the lists of both families: parameters, order, links. */
#include "fakes/episode_of.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define V1 "/api/v1/training/runs"
#define RUNS "/api/training-runs"

static int
set_up(void **state)
{
    struct served *f;

    serve_set_up(state);
    f = *state;
    f->store.total = 5;
    f->store.run_count = 2;
    f->store.runs[0] = (struct run){.oid = "0",
                                    .id = "r2",
                                    .status = RUN_RUNNING,
                                    .agent_id = "a",
                                    .algorithm = "x",
                                    .started_ms = INT64_C(1700000002000),
                                    .reported_ms = INT64_C(1700000002000)};
    f->store.runs[1] = (struct run){.oid = "1",
                                    .id = "r1",
                                    .status = RUN_COMPLETED,
                                    .agent_id = "a",
                                    .algorithm = "x",
                                    .started_ms = INT64_C(1700000001000),
                                    .ended_ms = INT64_C(1700000003000),
                                    .reported_ms = INT64_C(1700000003000)};
    return 0;
}

static void
a_list_is_an_array_with_its_total(void **state)
{
    struct served *f = *state;
    json_object *list;

    assert_int_equal(serve(f, "GET", V1, NULL), 200);
    list = json_of(memory_wire_body(&f->wire));
    assert_int_equal(json_object_array_length(list), 2);
    assert_string_equal(json_object_get_string(
                            json_object_object_get(json_object_array_get_idx(list, 0), "run_id")),
                        "r2");
    /* unheard of for 598 s: stale, where the limit is 300 */
    assert_true(json_object_get_boolean(
        json_object_object_get(json_object_array_get_idx(list, 0), "stale")));
    assert_false(json_object_get_boolean(
        json_object_object_get(json_object_array_get_idx(list, 1), "stale")));
    json_object_put(list);
    assert_non_null(strstr(f->wire.text, "\r\nX-Total-Count: 5\r\n"));
    assert_null(strstr(f->wire.text, "\r\nLink:"));
    assert_int_equal(f->store.query.limit, 50);
    assert_int_equal(f->store.query.offset, 0);
    assert_false(f->store.query.order.ascending);
}

static void
parameters_reach_the_store(void **state)
{
    struct served *f = *state;
    const struct run_query *query = &f->store.query;

    assert_int_equal(serve(f, "GET",
                           V1 "?status=stopped&strategy_label=L%20l&agent_id=a%2Fb&q=%C3%89&limit=7"
                              "&offset=3&tag=t",
                           NULL),
                     200);
    assert_int_equal(query->status, RUN_STOPPED);
    assert_int_equal(query->limit, 7);
    assert_int_equal(query->offset, 3);
    serve(f, "GET", RUNS "?sort=start_time&since=2023-11-14&until=2023-11-14T22:13:20.5Z", NULL);
    assert_int_equal(f->status, 200);
    assert_true(query->order.ascending);
    assert_int_equal(query->since_ms, INT64_C(1699920000000));
    assert_int_equal(query->until_ms, INT64_C(1700000000500));
    serve(f, "GET", V1 "?status=&limit=&q=&offset=&unknown=1", NULL); /* empty: absent */
    assert_int_equal(f->status, 200);
    assert_int_equal(query->status, RUN_STATUS_NONE);
    assert_int_equal(query->limit, 50);
    assert_null(query->text);
}

static void
a_wrong_parameter_is_a_fault(void **state)
{
    static const struct {
        const char *target, *field;
    } cases[] = {
        {V1 "?status=done", "status"},
        {V1 "?limit=0", "limit"},
        {V1 "?limit=101", "limit"},
        {V1 "?limit=ten", "limit"},
        {V1 "?offset=-1", "offset"},
        {V1 "?cursor=x", "cursor"},
        {V1 "?cursor=n1700000000000", "cursor"},
        {V1 "?cursor=n_r1", "cursor"},
        {V1 "?cursor=n1_a%20b", "cursor"},
        {V1 "?q=%FF", "q"},
        {RUNS "?limit=501", "limit"},
        {RUNS "?since=yesterday", "since"},
        {RUNS "?until=2023-13-01", "until"},
        {RUNS "?metrics=some", "metrics"},
        {RUNS "?sort=notes", "sort"},
        {RUNS "?sort=--start_time", "sort"},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "GET", cases[i].target, NULL);
        if (f->status != 422)
            fail_msg("%s: %d", cases[i].target, f->status);
        assert_refused(f, 422, "validation_failed", cases[i].field);
        assert_int_equal(f->store.calls, 0);
    }
    serve(f, "GET", V1 "?status=x&limit=0&offset=-1", NULL);
    assert_int_equal(f->err.fault_count, 3);
}

/* The URL of a relation in the Link header, from its path on; NULL when there is none. */
static const char *
link_of(const struct served *f, const char *rel)
{
    static char url[512];
    char mark[32];
    const char *links = strstr(f->wire.text, "\r\nLink: "), *end, *start;

    snprintf(mark, sizeof mark, ">; rel=\"%s\"", rel);
    if (links == NULL || (end = strstr(links, mark)) == NULL)
        return NULL;
    for (start = end; *start != '<'; start--)
        ;
    assert_memory_equal(start, "<http://h:8000", 14);
    snprintf(url, sizeof url, "%.*s", (int)(end - start) - 14, start + 14);
    return url;
}

static void
a_link_leads_on_from_the_last_run_of_the_page(void **state)
{
    struct served *f = *state;
    char next[512];

    f->store.more = true;
    serve(f, "GET", V1 "?limit=2&q=a%20b%26c&offset=4", NULL);
    assert_int_equal(f->status, 200);
    assert_non_null(link_of(f, "next"));
    snprintf(next, sizeof next, "%s", link_of(f, "next"));
    assert_non_null(strstr(next, "q=a%20b%26c"));
    assert_null(strstr(next, "offset"));
    assert_int_equal(serve(f, "GET", next, NULL), 200);
    assert_int_equal(f->store.query.cursor.place.whole, INT64_C(1700000001000));
    assert_false(f->store.query.cursor.backwards);
    assert_int_equal(f->store.query.limit, 2);
    assert_int_equal(f->store.query.offset, 0);
    assert_non_null(link_of(f, "prev"));
    snprintf(next, sizeof next, "%s", link_of(f, "prev"));
    assert_int_equal(serve(f, "GET", next, NULL), 200);
    assert_true(f->store.query.cursor.backwards);
    assert_int_equal(f->store.query.cursor.place.whole, INT64_C(1700000002000));
    f->store.more = false; /* back at the newest: on to where one came from, and no further back */
    serve(f, "GET", next, NULL);
    assert_non_null(link_of(f, "next"));
    assert_null(link_of(f, "prev"));
}

static void
the_first_page_has_no_way_back_and_the_last_no_way_on(void **state)
{
    struct served *f = *state;

    f->store.more = true;
    serve(f, "GET", RUNS "?metrics=none", NULL);
    assert_non_null(link_of(f, "next"));
    assert_null(link_of(f, "prev"));
    f->store.more = false;
    serve(f, "GET", RUNS "?metrics=none&offset=2", NULL);
    assert_null(link_of(f, "next"));
    assert_non_null(link_of(f, "prev"));
    f->store.run_count = 0;
    serve(f, "GET", RUNS, NULL);
    assert_string_equal(memory_wire_body(&f->wire), "[]");
    assert_null(link_of(f, "next"));
}

static void
documents_come_with_or_without_metrics(void **state)
{
    struct served *f = *state;

    serve(f, "GET", RUNS, NULL);
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(memory_wire_body(&f->wire), "\"metrics\":{\"episodes\":[]"));
    serve(f, "GET", RUNS "/?metrics=none", NULL);
    assert_null(strstr(memory_wire_body(&f->wire), "\"metrics\""));
    assert_non_null(strstr(memory_wire_body(&f->wire), "\"summary\":{"));
}

static size_t
count_of(const char *text, const char *part)
{
    const size_t size = strlen(part);
    size_t count = 0;

    for (; *text != '\0'; text++) /* strstr would measure the whole text each time (sanitizers) */
        count += *text == *part && strncmp(text, part, size) == 0;
    return count;
}

static void
a_response_holds_fifty_thousand_episodes(void **state)
{
    static struct metric_value value[1];
    static struct episode episodes[30000];
    struct served *f = *state;
    const char *body;

    value[0] = REAL("total_reward", 1.0);
    for (int64_t n = 0; n < 30000; n++)
        episodes[n] =
            (struct episode){.number = n + 1, .created_ms = 1, .values = value, .value_count = 1};
    f->store.episodes = episodes;
    f->store.episode_count = 30000;
    f->store.runs[0].summary.episodes = f->store.runs[1].summary.episodes = 30000;
    assert_int_equal(serve(f, "GET", RUNS, NULL), 200);
    body = memory_wire_body(&f->wire);
    assert_int_equal(count_of(body, "{\"episode\":"), 50000);
    assert_int_equal(count_of(body, "\"metrics_truncated\":true"), 1);
    assert_int_equal(count_of(strstr(body, "\"run_id\":\"r1\""), "\"metrics_truncated\""), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, serve_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_an_array_with_its_total),
        TEST(parameters_reach_the_store),
        TEST(a_wrong_parameter_is_a_fault),
        TEST(a_link_leads_on_from_the_last_run_of_the_page),
        TEST(the_first_page_has_no_way_back_and_the_last_no_way_on),
        TEST(a_response_holds_fifty_thousand_episodes),
        TEST(documents_come_with_or_without_metrics),
    };

    return cmocka_run_group_tests_name("route_list", tests, NULL, NULL);
}
