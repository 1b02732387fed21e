/*
 * store_watch.c - follows the database's change stream, batch by batch, and keeps its place.
 * Called by live/live_watch.c, live/live_resume.c. Next: store_watch_doc.c.
 *
 * The stream is read by plain commands (aggregate, getMore) instead of the driver's own change
 * stream: so it is known where a batch ends, and what came with it is told at once, not when the
 * next event or a time-out comes; and after a loss the client is made anew (store_fault.c), which
 * the driver's resuming would not do.
 */
#include "store_watch_doc.h"

#include "base/log.h"
#include "store_private.h"

#include <stdlib.h>

#define BATCH_MAX 2000 /* documents; the server ends a batch at 16 MiB besides */

/* Codes that say: this place cannot be gone on from (error_codes.yml of MongoDB). */
enum passed_code {
    CODE_CAPPED_POSITION_LOST = 136,
    CODE_INVALID_RESUME_TOKEN = 260,
    CODE_CHANGE_STREAM_FATAL_ERROR = 280,
    CODE_CHANGE_STREAM_HISTORY_LOST = 286,
    CODE_BSON_OBJECT_TOO_LARGE = 10334, /* an event that does not fit: it would never pass */
    CODE_RESUME_TOKEN_NOT_FOUND = 40585,
    CODE_RESUME_POINT_NOT_IN_LOG = 40576,
    CODE_RESUME_TOKEN_PASSED = 40615,
};

struct store_watch {
    struct store *store; /* borrowed */
    struct store_watch_from from;
    mongoc_client_session_t *session; /* NULL: not open */
    bson_t opts;                      /* {sessionId}, while the session is there */
    int64_t cursor;                   /* 0: not open */
    bson_t token;                     /* of the place; empty: none yet */
    int64_t seq;                      /* of the token */
    bool amid;
    bool was_open; /* since its place was chosen */
    int64_t reopened;
};

struct store_watch *
store_watch_new(struct store *store, const struct store_watch_from *from)
{
    struct store_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->store = store;
    watch->from = *from;
    bson_init(&watch->token);
    return watch;
}

/* Tell the server that the cursor is not needed, unless the connection is gone anyway. */
static void
kill_cursor(struct store_watch *watch)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_error_t ignored;

    if (watch->cursor == 0 || watch->store->lost)
        return;
    BCON_APPEND(&command, "killCursors", "$cmd.aggregate", "cursors", "[",
                BCON_INT64(watch->cursor), "]");
    store_command(watch->store, &command, &watch->opts, NULL, &ignored);
}

static void
close_stream(struct store_watch *watch)
{
    if (watch->session == NULL)
        return;
    kill_cursor(watch);
    watch->cursor = 0;
    bson_destroy(&watch->opts);
    mongoc_client_session_destroy(watch->session);
    watch->session = NULL;
}

void
store_watch_free(struct store_watch *watch)
{
    if (watch == NULL)
        return;
    close_stream(watch);
    bson_destroy(&watch->token);
    free(watch);
}

/* Log the error, close the stream, and say whether its place is still good. */
static enum store_watch_outcome
fail(struct store_watch *watch, const char *doing, const bson_error_t *cause)
{
    static const enum passed_code codes[] = {
        CODE_CAPPED_POSITION_LOST,       CODE_INVALID_RESUME_TOKEN,  CODE_CHANGE_STREAM_FATAL_ERROR,
        CODE_CHANGE_STREAM_HISTORY_LOST, CODE_BSON_OBJECT_TOO_LARGE, CODE_RESUME_TOKEN_NOT_FOUND,
        CODE_RESUME_POINT_NOT_IN_LOG,    CODE_RESUME_TOKEN_PASSED,
    };
    enum store_watch_outcome outcome = STORE_WATCH_BROKEN;
    struct api_error err = {.id = API_OK};

    store_fail(watch->store, &err, doing, cause, NULL);
    for (size_t i = 0; cause->domain == MONGOC_ERROR_SERVER && i < COUNT_OF(codes); i++)
        if (cause->code == (uint32_t)codes[i])
            outcome = STORE_WATCH_PASSED;
    close_stream(watch);
    if (outcome == STORE_WATCH_PASSED) {
        bson_reinit(&watch->token);
        watch->from.seq = 0;
        watch->amid = false;
    }
    return outcome;
}

static bool
start_session(struct store_watch *watch, bson_error_t *cause)
{
    struct api_error err = {.id = API_OK};
    mongoc_client_t *client = store_client(watch->store, &err);
    mongoc_session_opt_t *opts;

    if (client == NULL) {
        bson_set_error(cause, MONGOC_ERROR_CLIENT, 0, "no client");
        return false;
    }
    /* A cursor belongs to the session that opened it: one of our own, for both commands. */
    opts = mongoc_session_opts_new();
    mongoc_session_opts_set_causal_consistency(opts, false);
    watch->session = mongoc_client_start_session(client, opts, cause);
    mongoc_session_opts_destroy(opts);
    if (watch->session == NULL) {
        /* It met a mongod that was just recovering and believes that it has no sessions. */
        store_forget_client(watch->store);
        return false;
    }
    bson_init(&watch->opts);
    return mongoc_client_session_append(watch->session, &watch->opts, cause);
}

/* The reply's cursor: its id, and the token at which its batch ends. */
static void
read_cursor(struct store_watch *watch, const bson_t *reply)
{
    bson_iter_t root, at;
    const uint8_t *bytes;
    uint32_t size;
    bson_t token;

    watch->cursor = 0;
    if (bson_iter_init(&root, reply) && bson_iter_find_descendant(&root, "cursor.id", &at))
        watch->cursor = bson_iter_as_int64(&at);
    if (!bson_iter_init(&root, reply) ||
        !bson_iter_find_descendant(&root, "cursor.postBatchResumeToken", &at) ||
        !BSON_ITER_HOLDS_DOCUMENT(&at))
        return;
    bson_iter_document(&at, &size, &bytes);
    if (!bson_init_static(&token, bytes, size))
        return;
    bson_destroy(&watch->token);
    bson_copy_to(&token, &watch->token);
    watch->seq = watch_token_seq(&token);
}

/* An empty first batch: the server answers at once, with the token of the place. */
static bool
open_stream(struct store_watch *watch, bson_error_t *cause)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bool good;

    if (!start_session(watch, cause))
        return false;
    BSON_APPEND_INT32(&command, "aggregate", 1);
    watch_append_pipeline(&command, bson_empty(&watch->token) ? NULL : &watch->token, &watch->from);
    BCON_APPEND(&command, "cursor", "{", "batchSize", BCON_INT32(0), "}", "readConcern", "{",
                "level", "majority", "}");
    good = store_command(watch->store, &command, &watch->opts, &reply, cause);
    if (good) {
        read_cursor(watch, &reply);
        watch->reopened += watch->was_open;
        watch->was_open = true;
    }
    return good;
}

static void
visit_batch(struct store_watch *watch, const bson_t *reply, store_change_visit *visit,
            void *context)
{
    bson_iter_t root, batch, at;
    const uint8_t *bytes;
    uint32_t size;
    bson_t doc;

    watch->amid = false;
    if (!bson_iter_init(&root, reply) ||
        !bson_iter_find_descendant(&root, "cursor.nextBatch", &batch) ||
        !bson_iter_recurse(&batch, &at))
        return;
    while (bson_iter_next(&at)) {
        bson_iter_document(&at, &size, &bytes);
        if (!bson_init_static(&doc, bytes, size))
            continue;
        watch_doc_visit(&doc, visit, context);
        watch->amid = watch_doc_is_amid(&doc);
    }
}

static bool
read_batch(struct store_watch *watch, int64_t wait_ms, store_change_visit *visit, void *context,
           bson_error_t *cause)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;

    BCON_APPEND(&command, "getMore", BCON_INT64(watch->cursor), "collection", "$cmd.aggregate",
                "batchSize", BCON_INT32(BATCH_MAX), "maxTimeMS", BCON_INT64(wait_ms));
    if (!store_command(watch->store, &command, &watch->opts, &reply, cause))
        return false;
    visit_batch(watch, &reply, visit, context);
    read_cursor(watch, &reply);
    return true;
}

enum store_watch_outcome
store_watch_read(struct store_watch *watch, int64_t wait_ms, store_change_visit *visit,
                 void *context)
{
    bson_error_t cause = {.code = 0};

    if (watch->store->lost)
        close_stream(watch); /* its session is the lost client's */
    if (watch->session == NULL && !open_stream(watch, &cause))
        return fail(watch, "open_stream", &cause);
    if (watch->cursor == 0) {
        /* The server ended it: the database was dropped. */
        bson_set_error(&cause, MONGOC_ERROR_CURSOR, 0, "the stream was ended");
        return fail(watch, "read_stream", &cause);
    }
    if (!read_batch(watch, wait_ms, visit, context, &cause))
        return fail(watch, "read_stream", &cause);
    return STORE_WATCH_READ;
}

int64_t
store_watch_seq(const struct store_watch *watch)
{
    return watch->seq;
}

bool
store_watch_is_amid(const struct store_watch *watch)
{
    return watch->amid;
}

int64_t
store_watch_reopened(const struct store_watch *watch)
{
    return watch->reopened;
}

bool
store_watch_skip(struct store_watch *watch)
{
    struct api_error err = {.id = API_OK};
    int64_t seq;

    close_stream(watch);
    if (!store_watch_newest(watch->store, &seq, &err))
        return false;
    bson_reinit(&watch->token);
    watch->seq = seq;
    watch->from.seq = seq + 1;
    watch->amid = watch->was_open = false;
    return true;
}

bool
store_watch_newest(struct store *store, int64_t *seq, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    uint32_t seconds = 0, increment = 0;
    bson_error_t cause;
    bson_iter_t at;

    BSON_APPEND_INT32(&command, "ping", 1);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "ask_time", &cause, NULL);
    if (bson_iter_init_find(&at, &reply, "operationTime") && BSON_ITER_HOLDS_TIMESTAMP(&at))
        bson_iter_timestamp(&at, &seconds, &increment);
    *seq = watch_seq(seconds, increment);
    return true;
}
