/* test_route_export.c - the four downloads of a run, against a fake store. */
#include "fakes/episode_of.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define RUNS "/api/training-runs"
#define EXPORT RUNS "/r1/export"

static struct metric_value first[2], second[1];
static const struct episode some[] = {
    {.number = 1, .created_ms = 1000, .values = first, .value_count = 2},
    {.number = 2, .created_ms = 2000, .values = second, .value_count = 1},
};

static void
give_run(struct served *f, const struct episode *episodes, size_t count)
{
    first[0] = REAL("total_reward", 2.0);
    first[1] = BOOL("win", true);
    second[0] = REAL("loss", -0.5);
    serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}");
    f->store.episodes = episodes;
    f->store.episode_count = count;
}

static void
assert_head(const struct served *f, const char *line)
{
    if (strstr(f->wire.text, line) == NULL)
        fail_msg("no %s in %s", line, f->wire.text);
}

static void
a_table_has_a_line_an_episode(void **state)
{
    struct served *f = *state;

    give_run(f, some, COUNT_OF(some));
    assert_int_equal(serve(f, "GET", EXPORT "?format=csv", NULL), 200);
    assert_head(f, "\r\nContent-Disposition: attachment; filename=\"r1.csv\"\r\n");
    assert_head(f, "\r\nContent-Type: text/csv; charset=utf-8; header=present\r\n");
    assert_string_equal(memory_wire_body(&f->wire),
                        "episode,created_at,session_id,reward_sum,total_reward,win,loss\r\n"
                        "1,1970-01-01T00:00:01.000Z,,2.0,2.0,true,\r\n"
                        "2,1970-01-01T00:00:02.000Z,,,,,-0.5\r\n");
}

static void
json_lines_are_episode_objects(void **state)
{
    struct served *f = *state;

    give_run(f, some, COUNT_OF(some));
    assert_int_equal(serve(f, "GET", EXPORT "/?format=jsonl", NULL), 200);
    assert_head(f, "\r\nContent-Disposition: attachment; filename=\"r1.jsonl\"\r\n");
    assert_head(f, "\r\nContent-Type: application/x-ndjson\r\n");
    assert_string_equal(memory_wire_body(&f->wire),
                        "{\"episode\":1,\"total_reward\":2.0,\"reward_sum\":2.0,\"win\":true,"
                        "\"session_id\":null,\"created_at\":\"1970-01-01T00:00:01.000Z\"}\n"
                        "{\"episode\":2,\"loss\":-0.5,\"session_id\":null,"
                        "\"created_at\":\"1970-01-01T00:00:02.000Z\"}\n");
}

static void
json_is_the_document(void **state)
{
    struct served *f = *state;
    char *document;

    give_run(f, some, COUNT_OF(some));
    serve(f, "GET", RUNS "/r1", NULL);
    document = strdup(memory_wire_body(&f->wire));
    assert_int_equal(serve(f, "GET", EXPORT "?format=json", NULL), 200);
    assert_head(f, "\r\nContent-Disposition: attachment; filename=\"r1.json\"\r\n");
    assert_head(f, "\r\nContent-Type: application/json\r\n");
    assert_string_equal(memory_wire_body(&f->wire), document);
    free(document);
}

static void
an_event_file_has_a_name_that_tensorboard_looks_for(void **state)
{
    static const char version[] = "\x1A\x0D"
                                  "brain.Event:2";
    struct served *f = *state;
    const char *body;

    give_run(f, some, COUNT_OF(some));
    assert_int_equal(serve(f, "GET", EXPORT "?format=tensorboard", NULL), 200);
    assert_head(f, "\r\nContent-Disposition: attachment; filename=\"r1.tfevents\"\r\n");
    assert_head(f, "\r\nContent-Type: application/octet-stream\r\n");
    body = memory_wire_body(&f->wire);
    assert_memory_equal(body + 12 + 9, version, sizeof version - 1);
}

static void
a_run_without_episodes_is_an_empty_file(void **state)
{
    static const struct {
        const char *target, *body;
    } cases[] = {
        {EXPORT "?format=csv", "episode,created_at,session_id\r\n"},
        {EXPORT "?format=jsonl", ""},
    };
    struct served *f = *state;

    give_run(f, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(serve(f, "GET", cases[i].target, NULL), 200);
        assert_string_equal(memory_wire_body(&f->wire), cases[i].body);
    }
}

static void
the_format_must_be_one_of_four(void **state)
{
    static const char *const queries[] = {"",
                                          "?format",
                                          "?format=",
                                          "?format=CSV",
                                          "?format=xml",
                                          "?format=csv%20",
                                          "?Format=csv",
                                          "?format=xml&format=csv"};
    struct served *f = *state;

    give_run(f, some, COUNT_OF(some));
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        char target[96];

        snprintf(target, sizeof target, "%s%s", EXPORT, queries[i]);
        serve(f, "GET", target, NULL);
        assert_refused(f, 422, "validation_failed", "format");
        assert_string_equal(f->err.faults[0].message, "must be csv, jsonl, json or tensorboard");
        assert_null(strstr(f->wire.text, "Content-Disposition"));
    }
    assert_int_equal(serve(f, "GET", EXPORT "?a=b&format=csv&format=xml", NULL), 200);
}

static void
no_such_run_comes_before_no_such_format(void **state)
{
    struct served *f = *state;

    give_run(f, some, COUNT_OF(some));
    serve(f, "GET", RUNS "/r2/export?format=xml", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    serve(f, "GET", RUNS "/-bad/export?format=csv", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    assert_null(strstr(f->wire.text, "Content-Disposition"));
}

static void
head_reads_no_episode(void **state)
{
    static const char *const formats[] = {"csv", "jsonl", "json", "tensorboard"};
    struct served *f = *state;
    char target[64];

    give_run(f, some, COUNT_OF(some));
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        snprintf(target, sizeof target, "%s?format=%s", EXPORT, formats[i]);
        f->store.calls = 0;
        assert_int_equal(serve(f, "HEAD", target, NULL), 200);
        assert_int_equal(f->store.calls, 1); /* the run alone */
        assert_head(f, "\r\nContent-Disposition: attachment; filename=\"r1.");
        assert_null(strstr(f->wire.text, "Content-Length")); /* it is not 0, as a GET would tell */
        assert_string_equal(memory_wire_body(&f->wire), "");
    }
}

#define MANY 20000 /* their text is several buffers of a reply */

static void
give_many(struct served *f)
{
    static struct episode episodes[MANY];
    static struct metric_value value;

    value = REAL("loss", 0.25);
    for (size_t i = 0; i < MANY; i++)
        episodes[i] = (struct episode){
            .number = (int64_t)i + 1, .created_ms = 1000, .values = &value, .value_count = 1};
    give_run(f, episodes, MANY);
}

static void
a_database_that_goes_away_leaves_no_file_that_looks_whole(void **state)
{
    static const char *const formats[] = {"csv", "jsonl", "json", "tensorboard"};
    struct served *f = *state;
    char target[64];

    give_many(f);
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        snprintf(target, sizeof target, "%s?format=%s", EXPORT, formats[i]);
        f->store.fail_after = 10; /* nothing is sent yet: an error like any other */
        serve(f, "GET", target, NULL);
        assert_refused(f, 503, "store_unavailable", NULL);
        assert_null(strstr(f->wire.text, "Content-Disposition"));
        f->store.fail_after = MANY - 1; /* part of it is gone */
        serve(f, "GET", target, NULL);
        assert_int_equal(f->status, 200);
        assert_false(f->whole);
        f->store.fail_after = 0;
        serve(f, "GET", target, NULL);
        assert_true(f->whole);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(a_table_has_a_line_an_episode),
        SERVE_TEST(json_lines_are_episode_objects),
        SERVE_TEST(json_is_the_document),
        SERVE_TEST(an_event_file_has_a_name_that_tensorboard_looks_for),
        SERVE_TEST(a_run_without_episodes_is_an_empty_file),
        SERVE_TEST(the_format_must_be_one_of_four),
        SERVE_TEST(no_such_run_comes_before_no_such_format),
        SERVE_TEST(head_reads_no_episode),
        SERVE_TEST(a_database_that_goes_away_leaves_no_file_that_looks_whole),
    };

    return cmocka_run_group_tests_name("route_export", tests, NULL, NULL);
}
