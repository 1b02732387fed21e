/*
 * store_watch_run.c - the headers of runs that are listened to. Called by live/live_event.c,
 * live/live_interest.c. Next: store_run_doc.c.
 */
#include "store/store_watch.h"

#include "base/auto.h"
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"

#define ROWS_AT_ONCE 20 /* headers may be large: config's text is up to 256 KiB */

bool
store_watch_find_run(struct store *store, const char *account, const char *run_id,
                     char oid[RUN_OID_SIZE], struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bson_iter_t at;
    bool good;

    if (runs == NULL)
        return false;
    oid[0] = '\0';
    BSON_APPEND_UTF8(&filter, "account", account);
    BSON_APPEND_UTF8(&filter, "run_id", run_id);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{",
                "_id", BCON_INT32(1), "}");
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&at, doc, "_id") &&
        BSON_ITER_HOLDS_OID(&at))
        bson_oid_to_string(bson_iter_oid(&at), oid);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "find_watched", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* {_id: {$in: [these]}} */
static void
append_oids(bson_t *filter, const char *const *oids, size_t count)
{
    bson_t member, in;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &member);
    BSON_APPEND_ARRAY_BEGIN(&member, "$in", &in);
    for (size_t i = 0; i < count; i++) {
        char text[16];
        const char *place;
        bson_oid_t oid;

        bson_uint32_to_string((uint32_t)i, &place, text, sizeof text);
        bson_oid_init_from_string(&oid, oids[i]);
        BSON_APPEND_OID(&in, place, &oid);
    }
    bson_append_array_end(&member, &in);
    bson_append_document_end(filter, &member);
}

bool
store_watch_runs(struct store *store, const char *const *oids, size_t count,
                 store_watch_run_visit *visit, void *context, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (runs == NULL)
        return false;
    append_oids(&filter, oids, count);
    BCON_APPEND(&opts, "batchSize", BCON_INT32(ROWS_AT_ONCE), "projection", "{", "config",
                BCON_INT32(0), "metadata", BCON_INT32(0), "metadata_json", BCON_INT32(0), "notes",
                BCON_INT32(0), "checkpoint_paths", BCON_INT32(0), "}");
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    while (mongoc_cursor_next(cursor, &doc)) {
        struct run_held held = {.holder = NULL};

        run_doc_borrow(doc, &held);
        visit(&held.run, run_doc_in_step(doc), context);
        store_run_release(&held);
    }
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "read_watched", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}
