/*
 * test_store_watch_doc.c - what the documents of a change stream say. tests/fixtures/changes.json
 * holds those of a real stream (MongoDB 6.0.5), a list for each thing that a client did.
 */
#include "store/store_watch_doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fakes/bson_of.h"

#define TOLD_MAX 4096

/* What was told, as text: N a new run, E7 episode 7, R the run, G gone, J a job, K keys. */
struct told {
    char text[TOLD_MAX];
    size_t used;
    int64_t seq;             /* of the last change */
    char oid[RUN_OID_SIZE];  /* of the last change */
    char run_id[RUN_ID_MAX]; /* of the last new run */
    double reward;           /* of the last episode that has one */
    char session_id[IDENT_UUID_SIZE];
};

static void
note(const struct store_change *change, void *context)
{
    static const char letters[] = {
        [STORE_CHANGE_RUN_NEW] = 'N',  [STORE_CHANGE_EPISODE] = 'E', [STORE_CHANGE_RUN] = 'R',
        [STORE_CHANGE_RUN_GONE] = 'G', [STORE_CHANGE_JOB] = 'J',     [STORE_CHANGE_KEYS] = 'K',
    };
    struct told *told = context;
    const size_t room = sizeof told->text - told->used;

    if (change->kind == STORE_CHANGE_EPISODE) {
        const struct metric_value *reward = episode_metric(change->episode, METRIC_REWARD);

        told->used +=
            (size_t)snprintf(told->text + told->used, room, "E%d ", (int)change->episode->number);
        if (reward != NULL)
            told->reward = reward->real;
        memcpy(told->session_id, change->episode->session_id, sizeof told->session_id);
    } else {
        told->used += (size_t)snprintf(told->text + told->used, room, "%c ", letters[change->kind]);
    }
    if (change->run_id != NULL)
        snprintf(told->run_id, sizeof told->run_id, "%s", change->run_id);
    memcpy(told->oid, change->oid, sizeof told->oid);
    told->seq = change->seq;
}

static bson_t *fixtures;

static int
read_fixtures(void **state)
{
    bson_error_t error;
    bson_json_reader_t *reader = bson_json_reader_new_from_file(FIXTURES "/changes.json", &error);

    (void)state;
    if (reader == NULL)
        fail_msg("%s", error.message);
    fixtures = bson_new();
    assert_int_equal(bson_json_reader_read(reader, fixtures, &error), 1);
    bson_json_reader_destroy(reader);
    return 0;
}

static int
drop_fixtures(void **state)
{
    (void)state;
    bson_destroy(fixtures);
    return 0;
}

/* Tell all documents of one list; returns how many there were. */
static int
tell(const char *name, struct told *told)
{
    bson_iter_t at, list;
    int count = 0;

    *told = (struct told){.used = 0};
    assert_true(bson_iter_init_find(&at, fixtures, name));
    assert_true(bson_iter_recurse(&at, &list));
    for (; bson_iter_next(&list); count++) {
        const uint8_t *bytes;
        uint32_t size;
        bson_t doc;

        bson_iter_document(&list, &size, &bytes);
        assert_true(bson_init_static(&doc, bytes, size));
        watch_doc_visit(&doc, note, told);
    }
    return count;
}

static void
each_report_is_told_once_whichever_way_it_is_stored(void **state)
{
    static const struct {
        const char *name, *told;
    } cases[] = {
        {"create", "N R "},
        {"report_into_an_empty_tail", "E1 R "},
        {"report", "E2 R "},
        {"replacement_in_the_tail", "E2 R "},
        {"report_that_overflows_the_tail", "E65 R "},
        {"replacement_of_a_row", "E1 R "},
        {"batch", "E64 E70 E71 R "},
        {"report_after_a_batch", "E80 R "},
        {"straggler", "E75 R "},
        {"patch", "R "},
        {"complete", "R "},
        {"delete", "R "},
        {"restore", "R "},
        {"key", "K "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct told told;

        assert_true(tell(cases[i].name, &told) >= 1);
        if (strcmp(told.text, cases[i].told) != 0)
            fail_msg("%s tells \"%s\", not \"%s\"", cases[i].name, told.text, cases[i].told);
    }
}

static void
a_purge_tells_only_that_the_run_is_gone(void **state)
{
    struct told told;

    (void)state;
    assert_true(tell("purge", &told) > 60);
    assert_non_null(strstr(told.text, "G "));
    assert_null(strchr(told.text, 'E'));
}

static void
a_change_says_whose_it_is_and_what(void **state)
{
    struct told told, first;

    (void)state;
    tell("create", &first);
    assert_string_equal(first.run_id, "recorded");
    assert_int_equal(strlen(first.oid), 24);
    tell("report", &told);
    assert_string_equal(told.oid, first.oid);
    assert_true(told.reward == 2.5);
    assert_string_equal(told.session_id, "123e4567-e89b-12d3-a456-426614174000");
    assert_true(told.seq > first.seq);
    tell("replacement_of_a_row", &told); /* of a row the run is found by another path */
    assert_string_equal(told.oid, first.oid);
    assert_true(told.reward == -1.5);
    tell("replacement_in_the_tail", &told);
    assert_true(told.reward == 3.5);
}

/* A change of `runs` in a transaction or not, with these updatedFields. */
static void
tell_fields(struct told *told, const char *fields, bool in_transaction)
{
    bson_t *doc =
        bson_of("{\"operationType\": \"update\", \"clusterTime\": {\"$timestamp\": {\"t\": "
                "2, \"i\": 3}}, \"ns\": {\"db\": \"d\", \"coll\": \"runs\"}, "
                "\"documentKey\": {\"_id\": {\"$oid\": \"6b05decb84e582e3930bddd8\"}}, "
                "\"updateDescription\": {\"updatedFields\": %s, \"removedFields\": []}%s}",
                fields, in_transaction ? ", \"txnNumber\": 5" : "");

    *told = (struct told){.used = 0};
    watch_doc_visit(doc, note, told);
    bson_destroy(doc);
}

static void
what_writers_note_for_each_other_tells_nothing(void **state)
{
    static const char *const inner[] = {
        "{\"revision\": 7}",
        "{\"merges\": 3, \"revision\": 7}",
        "{\"fence\": 1}",
        "{}",
    };
    struct told told;

    (void)state;
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
        tell_fields(&told, inner[i], true);
        assert_string_equal(told.text, "");
    }
    tell_fields(&told, "{\"tags\": [\"a\"]}", false);
    assert_string_equal(told.text, "R ");
    assert_true(told.seq == INT64_C(2) * 4194304 + 3);
}

static void
what_is_malformed_is_passed_over(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"operationType\": 1, \"ns\": 2, \"documentKey\": 3, \"updateDescription\": 4}",
        "{\"operationType\": \"insert\", \"ns\": {\"coll\": \"episodes\"}, \"documentKey\": "
        "{\"_id\": {\"run\": 1, \"n\": 2}}, \"fullDocument\": 3}",
        "{\"operationType\": \"insert\", \"ns\": {\"coll\": \"episodes\"}, \"documentKey\": "
        "{\"_id\": 7}, \"fullDocument\": {\"n\": 1}}",
    };
    struct told told = {.used = 0};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bson_t *doc = bson_of("%s", texts[i]);

        watch_doc_visit(doc, note, &told);
        assert_string_equal(told.text, "");
        bson_destroy(doc);
    }
    tell_fields(&told, "{\"tail\": [1, {\"n\": \"x\"}], \"tail.3\": 4, \"tail.4\": {}}", false);
    assert_string_equal(told.text, "R ");
}

static void
a_job_is_told_when_its_state_changes(void **state)
{
    static const struct {
        const char *doc, *told;
    } cases[] = {
        {"{\"operationType\": \"insert\", \"ns\": {\"coll\": \"jobs\"}, \"documentKey\": {\"_id\": "
         "{\"$oid\": \"6b05decb84e582e3930bddd8\"}}}",
         "J "},
        {"{\"operationType\": \"update\", \"ns\": {\"coll\": \"jobs\"}, \"documentKey\": {\"_id\": "
         "1}, \"updateDescription\": {\"updatedFields\": {\"state\": \"running\"}}}",
         "J "},
        {"{\"operationType\": \"update\", \"ns\": {\"coll\": \"jobs\"}, \"documentKey\": {\"_id\": "
         "1}, \"updateDescription\": {\"updatedFields\": {\"lease_until\": 1}}}",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bson_t *doc = bson_of("%s", cases[i].doc);
        struct told told = {.used = 0};

        watch_doc_visit(doc, note, &told);
        assert_string_equal(told.text, cases[i].told);
        bson_destroy(doc);
    }
}

static void
only_a_row_of_a_transaction_is_amid(void **state)
{
    static const struct {
        const char *name;
        bool amid; /* the first document that is no lock */
    } cases[] = {{"report", false}, {"patch", false}};
    bson_iter_t at, list;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *bytes;
        uint32_t size;
        bson_t doc;

        assert_true(bson_iter_init_find(&at, fixtures, cases[i].name));
        assert_true(bson_iter_recurse(&at, &list) && bson_iter_next(&list));
        bson_iter_document(&list, &size, &bytes);
        assert_true(bson_init_static(&doc, bytes, size));
        assert_int_equal(watch_doc_is_amid(&doc), cases[i].amid);
    }
    assert_true(bson_iter_init_find(&at, fixtures, "batch") && bson_iter_recurse(&at, &list));
    for (int i = 0; bson_iter_next(&list); i++) {
        const uint8_t *bytes;
        uint32_t size;
        bson_t doc;

        bson_iter_document(&list, &size, &bytes);
        assert_true(bson_init_static(&doc, bytes, size));
        if (i < 2)
            assert_int_equal(watch_doc_is_amid(&doc), i == 1);
    }
}

static void
a_seq_is_a_time_and_back(void **state)
{
    uint32_t seconds, increment;

    (void)state;
    assert_true(watch_seq(2147483647, 4194303) < INT64_C(9007199254740992));
    watch_time(watch_seq(1795546827, 83), &seconds, &increment);
    assert_int_equal(seconds, 1795546827);
    assert_int_equal(increment, 83);
}

static void
a_token_tells_its_place_or_nothing(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"_data\": 5}",
        "{\"_data\": \"\"}",
        "{\"_data\": \"826B05DECB0000005\"}",
        "{\"_data\": \"836B05DECB000000532B\"}",
        "{\"_data\": \"82XX05DECB000000532B\"}",
    };
    bson_t *token = bson_of("{\"_data\": \"826B05DECB000000532B022C\"}");

    (void)state;
    assert_true(watch_token_seq(token) == watch_seq(0x6B05DECB, 0x53));
    bson_destroy(token);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        token = bson_of("%s", bad[i]);
        assert_int_equal(watch_token_seq(token), 0);
        bson_destroy(token);
    }
}

static void
a_stream_begins_at_its_token_or_its_place_or_now(void **state)
{
    const struct store_watch_from now = {.seq = 0};
    const struct store_watch_from then = {.seq = watch_seq(5, 6)};
    bson_t *token = bson_of("{\"_data\": \"82\"}");
    const struct {
        const bson_t *token;
        const struct store_watch_from *from;
        const char *stage;
    } cases[] = {
        {NULL, &now, "\"$changeStream\" : {  }"},
        {NULL, &then, "\"startAtOperationTime\" : { \"$timestamp\" : { \"t\" : 5, \"i\" : 6 } }"},
        {token, &then, "\"$changeStream\" : { \"startAfter\" : { \"_data\" : \"82\" } }"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bson_t command = BSON_INITIALIZER;
        char *text;

        watch_append_pipeline(&command, cases[i].token, cases[i].from);
        text = bson_as_relaxed_extended_json(&command, NULL);
        if (strstr(text, cases[i].stage) == NULL)
            fail_msg("%s is not in %s", cases[i].stage, text);
        bson_free(text);
        bson_destroy(&command);
    }
    bson_destroy(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_report_is_told_once_whichever_way_it_is_stored),
        cmocka_unit_test(a_purge_tells_only_that_the_run_is_gone),
        cmocka_unit_test(a_change_says_whose_it_is_and_what),
        cmocka_unit_test(what_writers_note_for_each_other_tells_nothing),
        cmocka_unit_test(what_is_malformed_is_passed_over),
        cmocka_unit_test(a_job_is_told_when_its_state_changes),
        cmocka_unit_test(only_a_row_of_a_transaction_is_amid),
        cmocka_unit_test(a_seq_is_a_time_and_back),
        cmocka_unit_test(a_token_tells_its_place_or_nothing),
        cmocka_unit_test(a_stream_begins_at_its_token_or_its_place_or_now),
    };

    return cmocka_run_group_tests_name("store_watch_doc", tests, read_fixtures, drop_fixtures);
}
