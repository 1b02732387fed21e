/* test_run.c - what a client may say of a run, and how the run is shown. */
#include "training/run.h"

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

#define UUID "123e4567-e89b-12d3-a456-426614174000"
#define CONFIG_MAX 200

struct fixture {
    json_object *body;
    struct run_request request;
    struct run_change change;
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
    run_change_clear(&f->change);
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
take_request(struct fixture *f, const char *body)
{
    forget(f);
    f->body = json_of(body);
    return run_request_from_json(f->body, CONFIG_MAX, &f->request, &f->err);
}

static bool
take_change(struct fixture *f, const char *body)
{
    forget(f);
    f->body = json_of(body);
    return run_change_from_json(f->body, CONFIG_MAX, &f->change, &f->err);
}

/* Only this member is at fault. */
static void
assert_refused(const struct fixture *f, bool taken, const char *body, const char *field)
{
    if (taken || f->err.status != 422 || f->err.fault_count != 1 ||
        strcmp(f->err.faults[0].field, field) != 0)
        fail_msg("%s: taken %d, status %d, %zu faults, field %s", body, taken, f->err.status,
                 f->err.fault_count, f->err.faults[0].field);
}

/* {"name":"xxx…"} with so many bytes. */
static char *
with_text(char *body, const char *name, size_t size)
{
    const int used = sprintf(body, "{\"%s\":\"", name);

    memset(body + used, 'x', size);
    strcpy(body + (size_t)used + size, "\"}");
    return body;
}

static void
an_id_is_a_uuid_or_a_word_that_begins_well(void **state)
{
    static const struct {
        const char *given, *settled; /* NULL: refused */
    } cases[] = {
        {UUID, UUID},
        {"123E4567-E89B-12D3-A456-426614174000", UUID},
        {"run_abc123", "run_abc123"},
        {"A", "A"},
        {"Run.V2-final_", "Run.V2-final_"},
        {"0", "0"},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         "0123456789012345678901234567890123456789012345678901234567890123"},
        {"01234567890123456789012345678901234567890123456789012345678901234", NULL},
        {"", NULL},
        {"_run", NULL},
        {"-run", NULL},
        {".run", NULL},
        {"..", NULL},
        {"a b", NULL},
        {"a/b", NULL},
        {"a%2Fb", NULL},
        {"a\n", NULL},
        {"\xC3\xA9", NULL},
        {"$a", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[128];

        snprintf(id, sizeof id, "%s", cases[i].given);
        if (run_id_settle(id) != (cases[i].settled != NULL))
            fail_msg("%s", cases[i].given);
        if (cases[i].settled != NULL)
            assert_string_equal(id, cases[i].settled);
    }
}

static void
a_status_has_its_name_and_no_other(void **state)
{
    static const struct {
        enum run_status status;
        const char *name;
    } cases[] = {
        {RUN_RUNNING, "running"},
        {RUN_COMPLETED, "completed"},
        {RUN_STOPPED, "stopped"},
        {RUN_FAILED, "failed"},
    };
    static const char *const others[] = {"", "Running", "run", "running ", "pending", "none"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(run_status_name(cases[i].status), cases[i].name);
        assert_int_equal(run_status_find(cases[i].name), cases[i].status);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(run_status_find(others[i]), RUN_STATUS_NONE);
    assert_null(run_status_name(RUN_STATUS_NONE));
}

static void
what_is_not_given_falls_back(void **state)
{
    static const struct {
        const char *body, *label, *agent, *algorithm;
        int64_t planned;
    } cases[] = {
        {"{}", NULL, "unassigned", "unknown", 0},
        {"{\"config\":null,\"agent_id\":null,\"algorithm\":null,\"strategy_label\":null,"
         "\"episodes_total\":null}",
         NULL, "unassigned", "unknown", 0},
        {"{\"strategy_label\":\"L\"}", "L", "L", "unknown", 0},
        {"{\"config\":{\"strategy_label\":\"CL\"}}", "CL", "CL", "unknown", 0},
        {"{\"strategy_label\":\"L\",\"config\":{\"strategy_label\":\"CL\"}}", "L", "L", "unknown",
         0},
        {"{\"agent_id\":\"A\",\"strategy_label\":\"L\",\"config\":{\"agent_id\":\"CA\"}}", "L", "A",
         "unknown", 0},
        {"{\"strategy_label\":\"L\",\"config\":{\"agent_id\":\"CA\"}}", "L", "CA", "unknown", 0},
        {"{\"algorithm\":\"PPO\",\"config\":{\"algorithm\":\"DQN\"}}", NULL, "unassigned", "PPO",
         0},
        {"{\"config\":{\"algorithm\":\"DQN\"}}", NULL, "unassigned", "DQN", 0},
        {"{\"agent_id\":\"\",\"algorithm\":\"\",\"strategy_label\":\"\"}", NULL, "unassigned",
         "unknown", 0},
        {"{\"config\":{\"agent_id\":7,\"algorithm\":[],\"strategy_label\":\"\"}}", NULL,
         "unassigned", "unknown", 0},
        {"{\"config\":{\"algorithm\":\"a\\u0000b\"}}", NULL, "unassigned", "unknown", 0},
        {"{\"episodes_total\":5}", NULL, "unassigned", "unknown", 5},
        {"{\"episodes_total\":42.0}", NULL, "unassigned", "unknown", 42},
        {"{\"episodes_total\":5,\"config\":{\"episodes_total\":6}}", NULL, "unassigned", "unknown",
         5},
        {"{\"config\":{\"episodes_total\":6}}", NULL, "unassigned", "unknown", 6},
        {"{\"config\":{\"num_episodes\":8,\"total_episodes\":7}}", NULL, "unassigned", "unknown",
         7},
        {"{\"config\":{\"num_episodes\":8}}", NULL, "unassigned", "unknown", 8},
        {"{\"config\":{\"episodes_total\":0,\"total_episodes\":-1,\"num_episodes\":9}}", NULL,
         "unassigned", "unknown", 9},
        {"{\"config\":{\"episodes_total\":\"5\",\"total_episodes\":2.5,\"num_episodes\":1e3}}",
         NULL, "unassigned", "unknown", 1000},
        {"{\"config\":{\"episodes_total\":null,\"num_episodes\":[4]}}", NULL, "unassigned",
         "unknown", 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (!take_request(f, cases[i].body))
            fail_msg("%s: %s", cases[i].body, f->err.message);
        if (cases[i].label == NULL)
            assert_null(f->request.strategy_label);
        else
            assert_string_equal(f->request.strategy_label, cases[i].label);
        assert_string_equal(f->request.agent_id, cases[i].agent);
        assert_string_equal(f->request.algorithm, cases[i].algorithm);
        assert_int_equal(f->request.episodes_total, cases[i].planned);
    }
}

static void
a_request_is_read_whole(void **state)
{
    struct fixture *f = *state;

    assert_true(take_request(f,
                             "{\"run_id\":\"123E4567-E89B-12D3-A456-426614174000\","
                             "\"config\":{\"lr\":1e-7},\"strategy_id\":\"" UUID "\","
                             "\"metadata\":{\"host\":\"h\"},\"tags\":[\"a\",\"b\"],"
                             "\"notes\":\"# N\",\"episodes_total\":9007199254740991,\"more\":1}"));
    assert_string_equal(f->request.id, UUID);
    assert_string_equal(f->request.strategy_id, UUID);
    assert_string_equal(json_text_of(f->request.config), "{\"lr\":1e-7}");
    assert_string_equal(json_text_of(f->request.metadata), "{\"host\":\"h\"}");
    assert_int_equal(f->request.tag_count, 2);
    assert_string_equal(f->request.tags[1], "b");
    assert_string_equal(f->request.notes, "# N");
    assert_int_equal(f->request.episodes_total, RUN_EPISODES_MAX);
}

static void
a_wrong_member_of_a_request_is_a_fault(void **state)
{
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"[]", ""},
        {"null", ""},
        {"\"run\"", ""},
        {"{\"run_id\":7}", "run_id"},
        {"{\"run_id\":\"\"}", "run_id"},
        {"{\"run_id\":\"a b\"}", "run_id"},
        {"{\"run_id\":\"a\\u0000b\"}", "run_id"},
        {"{\"run_id\":[\"a\"]}", "run_id"},
        {"{\"config\":[]}", "config"},
        {"{\"config\":\"x\"}", "config"},
        {"{\"config\":true}", "config"},
        {"{\"metadata\":[]}", "metadata"},
        {"{\"strategy_id\":\"s\"}", "strategy_id"},
        {"{\"strategy_id\":\"\"}", "strategy_id"},
        {"{\"strategy_id\":7}", "strategy_id"},
        {"{\"strategy_id\":\"" UUID "\\u0000\"}", "strategy_id"},
        {"{\"strategy_label\":7}", "strategy_label"},
        {"{\"agent_id\":{}}", "agent_id"},
        {"{\"agent_id\":\"a\\u0000\"}", "agent_id"},
        {"{\"algorithm\":false}", "algorithm"},
        {"{\"notes\":7}", "notes"},
        {"{\"notes\":\"\\u0000\"}", "notes"},
        {"{\"episodes_total\":0}", "episodes_total"},
        {"{\"episodes_total\":-5}", "episodes_total"},
        {"{\"episodes_total\":2.5}", "episodes_total"},
        {"{\"episodes_total\":\"5\"}", "episodes_total"},
        {"{\"episodes_total\":true}", "episodes_total"},
        {"{\"episodes_total\":1e300}", "episodes_total"},
        {"{\"episodes_total\":18446744073709551615}", "episodes_total"},
        {"{\"tags\":\"a\"}", "tags"},
        {"{\"tags\":{}}", "tags"},
        {"{\"tags\":[\"a\",7]}", "tags[1]"},
        {"{\"tags\":[\"\"]}", "tags[0]"},
        {"{\"tags\":[null]}", "tags[0]"},
        {"{\"tags\":[\"a\\u0000b\"]}", "tags[0]"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(f, take_request(f, cases[i].body), cases[i].body, cases[i].field);
}

static void
texts_have_their_limits_in_bytes(void **state)
{
    static const struct {
        const char *name;
        size_t max;
    } cases[] = {
        {"run_id", 64},     {"strategy_label", 256}, {"agent_id", 256},
        {"algorithm", 256}, {"notes", 65536},
    };
    struct fixture *f = *state;
    char *body = malloc(70000);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(take_request(f, with_text(body, cases[i].name, cases[i].max)));
        assert_refused(f, take_request(f, with_text(body, cases[i].name, cases[i].max + 1)),
                       cases[i].name, cases[i].name);
    }
    free(body);
}

static void
objects_have_their_limit_as_text(void **state)
{
    static const char *const names[] = {"config", "metadata"};
    struct fixture *f = *state;
    char fits[CONFIG_MAX + 1], beyond[CONFIG_MAX + 2], body[CONFIG_MAX + 100];

    with_text(fits, "k", CONFIG_MAX - strlen("{'k':''}"));
    with_text(beyond, "k", CONFIG_MAX + 1 - strlen("{'k':''}"));
    assert_int_equal(strlen(fits), CONFIG_MAX);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        /* White space does not count: the text is what is kept. */
        snprintf(body, sizeof body, "{\"%s\" :   %s   }", names[i], fits);
        assert_true(take_request(f, body));
        snprintf(body, sizeof body, "{\"%s\":%s}", names[i], beyond);
        assert_refused(f, take_request(f, body), body, names[i]);
    }
}

static void
tags_have_their_limits(void **state)
{
    struct fixture *f = *state;
    char body[8192] = "{\"tags\":[", tag[140] = "";

    memset(tag, 't', RUN_TAG_MAX);
    for (int i = 0; i < RUN_TAGS_MAX; i++)
        sprintf(body + strlen(body), "%s\"%s\"", i == 0 ? "" : ",", tag);
    strcat(body, "]}");
    assert_true(take_request(f, body));
    assert_int_equal(f->request.tag_count, 32);
    strcpy(body + strlen(body) - 2, ",\"one more\"]}");
    assert_refused(f, take_request(f, body), body, "tags");
    snprintf(body, sizeof body, "{\"tags\":[\"ok\",\"%st\"]}", tag);
    assert_refused(f, take_request(f, body), body, "tags[1]");
}

static void
every_fault_of_a_request_is_listed(void **state)
{
    struct fixture *f = *state;

    assert_false(take_request(f, "{\"run_id\":\"a b\",\"config\":[],\"strategy_id\":\"x\","
                                 "\"agent_id\":1,\"episodes_total\":0,\"tags\":7,\"notes\":[]}"));
    assert_int_equal(f->err.fault_count, 7);
    assert_string_equal(f->err.code, "validation_failed");
}

static void
a_repeat_matches_whatever_it_leaves_out(void **state)
{
    static const struct {
        const char *stored, *strategy_id, *body;
        int status; /* 0: the same run */
    } cases[] = {
        {"{\"a\":1,\"b\":[1.0]}", UUID, "{}", 0},
        {"{\"a\":1,\"b\":[1.0]}", UUID, "{\"config\":{\"b\":[1],\"a\":1.0}}", 0},
        {"{\"a\":1}", UUID, "{\"strategy_id\":\"123E4567-E89B-12D3-A456-426614174000\"}", 0},
        {"{\"a\":1}", UUID, "{\"agent_id\":\"other\",\"tags\":[\"t\"],\"notes\":\"n\"}", 0},
        {NULL, NULL, "{}", 0},
        {NULL, NULL, "{\"config\":null,\"strategy_id\":null}", 0},
        {"{}", NULL, "{\"config\":{}}", 0},
        {"{\"a\":1}", UUID, "{\"config\":{\"a\":2}}", 409},
        {"{\"a\":1}", UUID, "{\"config\":{}}", 409},
        {"{\"a\":1}", UUID, "{\"config\":{\"a\":1,\"b\":null}}", 409},
        {"{\"a\":18446744073709551615}", NULL, "{\"config\":{\"a\":-1}}", 409},
        {NULL, NULL, "{\"config\":{}}", 409},
        {"{}", NULL, "{\"strategy_id\":\"" UUID "\"}", 409},
        {"{}", UUID, "{\"strategy_id\":\"00000000-0000-0000-0000-000000000000\"}", 409},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct run run = {.config_json = cases[i].stored,
                                .strategy_id = cases[i].strategy_id};

        assert_true(take_request(f, cases[i].body));
        if (run_matches(&run, &f->request, &f->err) != (cases[i].status == 0) ||
            f->err.status != cases[i].status)
            fail_msg("%s and %s: %d", cases[i].stored, cases[i].body, f->err.status);
        if (cases[i].status != 0)
            assert_string_equal(f->err.code, "run_differs");
    }
}

static void
a_deleted_run_matches_nothing_and_says_restore(void **state)
{
    struct fixture *f = *state;
    const struct run run = {.deleted_ms = 5};

    assert_true(take_request(f, "{}"));
    assert_false(run_matches(&run, &f->request, &f->err));
    assert_int_equal(f->err.status, 409);
    assert_string_equal(f->err.code, "run_deleted");
    assert_non_null(strstr(f->err.message, "restore"));
}

static void
a_change_sets_what_it_names(void **state)
{
    struct fixture *f = *state;

    assert_true(take_change(f, "{}"));
    assert_int_equal(f->change.status, RUN_STATUS_NONE);
    assert_false(f->change.sets_metadata || f->change.sets_tags || f->change.sets_notes ||
                 f->change.sets_episodes_total);
    assert_true(take_change(f, "{\"status\":\"failed\",\"error_message\":\"boom\","
                               "\"metadata\":{\"b\":2,\"a\":null},\"tags\":[\"t\"],"
                               "\"notes\":\"N\",\"episodes_total\":9,\"extra\":1}"));
    assert_int_equal(f->change.status, RUN_FAILED);
    assert_true(f->change.sets_metadata && f->change.sets_tags && f->change.sets_notes &&
                f->change.sets_episodes_total);
    assert_json_equal(json_text_of(f->change.metadata),
                      "{\"a\":null,\"b\":2,\"error_message\":\"boom\"}");
    assert_int_equal(f->change.tag_count, 1);
    assert_string_equal(f->change.tags[0], "t");
    assert_string_equal(f->change.notes, "N");
    assert_int_equal(f->change.episodes_total, 9);
}

static void
an_error_message_wins_over_the_metadatas(void **state)
{
    struct fixture *f = *state;

    assert_true(take_change(f, "{\"error_message\":\"new\",\"metadata\":{\"error_message\":1}}"));
    assert_json_equal(json_text_of(f->change.metadata), "{\"error_message\":\"new\"}");
    assert_true(take_change(f, "{\"error_message\":\"alone\"}"));
    assert_true(f->change.sets_metadata);
    assert_json_equal(json_text_of(f->change.metadata), "{\"error_message\":\"alone\"}");
    assert_true(take_change(f, "{\"error_message\":null,\"metadata\":null}"));
    assert_false(f->change.sets_metadata);
}

static void
null_clears_tags_notes_and_the_plan(void **state)
{
    struct fixture *f = *state;

    assert_true(take_change(f, "{\"tags\":null,\"notes\":null,\"episodes_total\":null}"));
    assert_true(f->change.sets_tags && f->change.sets_notes && f->change.sets_episodes_total);
    assert_int_equal(f->change.tag_count, 0);
    assert_null(f->change.notes);
    assert_int_equal(f->change.episodes_total, 0);
}

static void
a_wrong_change_is_a_fault(void **state)
{
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"[]", ""},
        {"{\"status\":\"done\"}", "status"},
        {"{\"status\":\"Failed\"}", "status"},
        {"{\"status\":\"failed\\u0000\"}", "status"},
        {"{\"status\":4}", "status"},
        {"{\"metadata\":\"x\"}", "metadata"},
        {"{\"error_message\":{}}", "error_message"},
        {"{\"tags\":[1]}", "tags[0]"},
        {"{\"notes\":1}", "notes"},
        {"{\"episodes_total\":0}", "episodes_total"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(f, take_change(f, cases[i].body), cases[i].body, cases[i].field);
}

static bool
take_checkpoint(struct fixture *f, const char *body, struct run_checkpoint *checkpoint)
{
    forget(f);
    f->body = json_of(body);
    return run_checkpoint_from_json(f->body, checkpoint, &f->err);
}

static void
a_checkpoint_is_an_episode_and_a_path(void **state)
{
    static const struct {
        const char *body, *field; /* field NULL: taken */
        int64_t episode;
    } cases[] = {
        {"{\"episode\":0,\"path\":\"p\"}", NULL, 0},
        {"{\"episode\":100.0,\"path\":\"models/a b.pt\"}", NULL, 100},
        {"{\"episode\":9007199254740991,\"path\":\"p\",\"x\":1}", NULL, INT64_C(9007199254740991)},
        {"{\"episode\":-1,\"path\":\"p\"}", "episode", 0},
        {"{\"episode\":1.5,\"path\":\"p\"}", "episode", 0},
        {"{\"episode\":\"1\",\"path\":\"p\"}", "episode", 0},
        {"{\"episode\":9007199254740992,\"path\":\"p\"}", "episode", 0},
        {"{\"path\":\"p\"}", "episode", 0},
        {"{\"episode\":1}", "path", 0},
        {"{\"episode\":1,\"path\":\"\"}", "path", 0},
        {"{\"episode\":1,\"path\":null}", "path", 0},
        {"{\"episode\":1,\"path\":7}", "path", 0},
        {"{\"episode\":1,\"path\":\"a\\u0000b\"}", "path", 0},
        {"[1,\"p\"]", "", 0},
    };
    struct fixture *f = *state;
    struct run_checkpoint checkpoint;
    char *body = malloc(5000);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const bool taken = take_checkpoint(f, cases[i].body, &checkpoint);

        if (cases[i].field != NULL)
            assert_refused(f, taken, cases[i].body, cases[i].field);
        else
            assert_int_equal(checkpoint.episode, cases[i].episode);
    }
    assert_false(take_checkpoint(f, "{}", &checkpoint));
    assert_int_equal(f->err.fault_count, 2);
    with_text(body, "path", RUN_PATH_MAX);
    strcpy(body + strlen(body) - 1, ",\"episode\":1}");
    assert_true(take_checkpoint(f, body, &checkpoint));
    with_text(body, "path", RUN_PATH_MAX + 1);
    strcpy(body + strlen(body) - 1, ",\"episode\":1}");
    assert_refused(f, take_checkpoint(f, body, &checkpoint), "a long path", "path");
    free(body);
}

static void
only_a_running_run_grows_stale(void **state)
{
    static const struct {
        enum run_status status;
        int64_t reported_ms, now_ms;
        bool stale;
    } cases[] = {
        {RUN_RUNNING, 1000, 1000, false},   {RUN_RUNNING, 1000, 301000, false},
        {RUN_RUNNING, 1000, 301001, true},  {RUN_COMPLETED, 1000, 900000, false},
        {RUN_STOPPED, 1000, 900000, false}, {RUN_FAILED, 1000, 900000, false},
        {RUN_RUNNING, 5000, 1000, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct run run = {.status = cases[i].status, .reported_ms = cases[i].reported_ms};

        assert_int_equal(run_is_stale(&run, cases[i].now_ms, 300000), cases[i].stale);
    }
}

/* 1700000000 is 2023-11-14 22:13:20 UTC. */
static const struct run_checkpoint checkpoints[] = {{0, "p/0"}, {100, "p \"q\""}};
static const struct run full = {
    .oid = "0123456789abcdef01234567",
    .id = "r1",
    .status = RUN_COMPLETED,
    .config_json = "{\"b\":1.0,\"a\":[1e-7]}",
    .strategy_id = UUID,
    .strategy_label = "L",
    .agent_id = "A",
    .algorithm = "PPO",
    .episodes_total = 1000,
    .started_ms = INT64_C(1700000000000),
    .ended_ms = INT64_C(1700000060007),
    .reported_ms = INT64_C(1700000060001),
    .metadata_json = "{\"error_message\":\"e\"}",
    .tags = {"t1", "t2"},
    .tag_count = 2,
    .notes = "# N\n",
    .checkpoints = checkpoints,
    .checkpoint_count = 2,
};
static const struct run bare = {
    .oid = "0123456789abcdef01234567",
    .id = "r2",
    .status = RUN_RUNNING,
    .agent_id = "unassigned",
    .algorithm = "unknown",
    .started_ms = INT64_C(1700000000000),
    .reported_ms = INT64_C(1700000000000),
};

static void
assert_run_shown(const struct run *run, bool stale,
                 void (*write)(const struct run *, bool, struct json_out *), const char *expected)
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};

    memory_out_init(&memory, 9);
    json_out_object(&json, NULL);
    write(run, stale, &json);
    json_out_object_end(&json);
    assert_json_equal(memory_out_text(&memory), expected);
    memory_out_clear(&memory);
}

static void
a_run_is_shown_as_a_training_run(void **state)
{
    (void)state;
    assert_run_shown(&full, false, run_write_names,
                     "{\"run_id\":\"r1\",\"status\":\"completed\",\"config\":{\"b\":1.0,"
                     "\"a\":[1e-7]},\"strategy_id\":\"" UUID "\",\"strategy_label\":\"L\","
                     "\"agent_id\":\"A\",\"algorithm\":\"PPO\",\"episodes_total\":1000,"
                     "\"started_at\":\"2023-11-14T22:13:20.000Z\","
                     "\"completed_at\":\"2023-11-14T22:14:20.007Z\","
                     "\"last_reported_at\":\"2023-11-14T22:14:20.001Z\",\"stale\":false}");
    assert_run_shown(&bare, true, run_write_names,
                     "{\"run_id\":\"r2\",\"status\":\"running\",\"config\":null,"
                     "\"strategy_id\":null,\"strategy_label\":null,\"agent_id\":\"unassigned\","
                     "\"algorithm\":\"unknown\",\"episodes_total\":null,"
                     "\"started_at\":\"2023-11-14T22:13:20.000Z\",\"completed_at\":null,"
                     "\"last_reported_at\":\"2023-11-14T22:13:20.000Z\",\"stale\":true}");
}

static void
a_run_is_shown_as_a_document(void **state)
{
    (void)state;
    assert_run_shown(
        &full, false, run_write_document,
        "{\"id\":\"0123456789abcdef01234567\",\"run_id\":\"r1\",\"agent_id\":\"A\","
        "\"algorithm\":\"PPO\",\"status\":\"completed\","
        "\"start_time\":\"2023-11-14T22:13:20.000Z\","
        "\"end_time\":\"2023-11-14T22:14:20.007Z\",\"config\":{\"b\":1.0,"
        "\"a\":[1e-7]},\"metadata\":{\"error_message\":\"e\"},\"checkpoint_paths\":"
        "[{\"episode\":0,\"path\":\"p/0\"},{\"episode\":100,\"path\":\"p \\\"q\\\"\"}],"
        "\"strategy_id\":\"" UUID "\",\"strategy_label\":\"L\",\"tags\":[\"t1\","
        "\"t2\"],\"notes\":\"# N\\n\",\"episodes_total\":1000,"
        "\"last_reported_at\":\"2023-11-14T22:14:20.001Z\",\"stale\":false}");
    assert_run_shown(&bare, false, run_write_document,
                     "{\"id\":\"0123456789abcdef01234567\",\"run_id\":\"r2\","
                     "\"agent_id\":\"unassigned\",\"algorithm\":\"unknown\","
                     "\"status\":\"running\",\"start_time\":\"2023-11-14T22:13:20.000Z\","
                     "\"end_time\":null,\"config\":null,\"metadata\":{},\"checkpoint_paths\":[],"
                     "\"strategy_id\":null,\"strategy_label\":null,\"tags\":[],\"notes\":null,"
                     "\"episodes_total\":null,"
                     "\"last_reported_at\":\"2023-11-14T22:13:20.000Z\",\"stale\":false}");
}

static void
figures_are_null_while_there_are_none(void **state)
{
    const struct run_summary none = {.avg_roi_pct = NAN,
                                     .avg_sharpe = NAN,
                                     .avg_reward = NAN,
                                     .min_reward = NAN,
                                     .max_reward = NAN,
                                     .final_win_rate = NAN};
    const struct run_summary some = {5, 1.5, -0.25, 10.0, -3.0, 20.0, 0.75};
    static const char *const expected[] = {
        "{\"episodes_completed\":0,\"total_episodes\":0,\"avg_roi_pct\":null,\"avg_sharpe\":null,"
        "\"summary\":{\"episodes\":0,\"avg_reward\":null,\"max_reward\":null,\"min_reward\":null,"
        "\"final_win_rate\":null}}",
        "{\"episodes_completed\":5,\"total_episodes\":5,\"avg_roi_pct\":1.5,\"avg_sharpe\":-0.25,"
        "\"summary\":{\"episodes\":5,\"avg_reward\":10.0,\"max_reward\":20.0,\"min_reward\":-3.0,"
        "\"final_win_rate\":0.75}}",
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct memory_out memory;
        struct json_out json = {.out = &memory.out};

        memory_out_init(&memory, 9);
        json_out_object(&json, NULL);
        run_write_figures(i == 0 ? &none : &some, &json);
        run_write_summary(i == 0 ? &none : &some, &json);
        json_out_object_end(&json);
        assert_json_equal(memory_out_text(&memory), expected[i]);
        memory_out_clear(&memory);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_id_is_a_uuid_or_a_word_that_begins_well),
        TEST(a_status_has_its_name_and_no_other),
        TEST(what_is_not_given_falls_back),
        TEST(a_request_is_read_whole),
        TEST(a_wrong_member_of_a_request_is_a_fault),
        TEST(texts_have_their_limits_in_bytes),
        TEST(objects_have_their_limit_as_text),
        TEST(tags_have_their_limits),
        TEST(every_fault_of_a_request_is_listed),
        TEST(a_repeat_matches_whatever_it_leaves_out),
        TEST(a_deleted_run_matches_nothing_and_says_restore),
        TEST(a_change_sets_what_it_names),
        TEST(an_error_message_wins_over_the_metadatas),
        TEST(null_clears_tags_notes_and_the_plan),
        TEST(a_wrong_change_is_a_fault),
        TEST(a_checkpoint_is_an_episode_and_a_path),
        TEST(only_a_running_run_grows_stale),
        TEST(a_run_is_shown_as_a_training_run),
        TEST(a_run_is_shown_as_a_document),
        TEST(figures_are_null_while_there_are_none),
    };

    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
