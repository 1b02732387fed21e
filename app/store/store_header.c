/*
 * store_header.c - finds and changes one run's header. Called by store_run.c, store_delete.c,
 * store_purge.c.
 * Next: store_run_doc.c.
 */
#include "store_header.h"

#include "store_bson.h"
#include "store_run_doc.h"

bool
store_header_find(struct store *store, const char *account, const char *run_id,
                  struct run_held *held, int64_t *edits, bool *found, struct api_error *err)
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
    BSON_APPEND_UTF8(&filter, "account", account);
    BSON_APPEND_UTF8(&filter, "run_id", run_id);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{",
                "config", BCON_INT32(0), "metadata", BCON_INT32(0), "}");
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found) {
        run_doc_hold(doc, held);
        if (edits != NULL)
            *edits = store_read_whole(doc, "edits");
    }
    good = !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "find_run", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

void
store_header_append_modify(bson_t *command, const bson_t *query, const bson_t *update)
{
    BSON_APPEND_UTF8(command, "findAndModify", store_collection_names[STORE_RUNS]);
    BSON_APPEND_DOCUMENT(command, "query", query);
    BSON_APPEND_DOCUMENT(command, "update", update);
    BSON_APPEND_BOOL(command, "new", true);
    BCON_APPEND(command, "fields", "{", "config", BCON_INT32(0), "metadata", BCON_INT32(0), "}");
}

void
store_header_append_remove(bson_t *command, const bson_t *query)
{
    BSON_APPEND_UTF8(command, "findAndModify", store_collection_names[STORE_RUNS]);
    BSON_APPEND_DOCUMENT(command, "query", query);
    BCON_APPEND(command, "remove", BCON_BOOL(true), "fields", "{", "tail.n", BCON_INT32(1), "}");
}

int64_t
store_header_tail_count(const bson_t *reply, bool *removed)
{
    int64_t count = 0;
    bson_iter_t tail;
    bson_t doc;

    *removed = store_read_document(reply, "value", &doc);
    if (*removed && store_read_inside(&doc, "tail", &tail))
        while (bson_iter_next(&tail))
            count++;
    return count;
}

bool
store_header_hold(const bson_t *reply, struct run_held *held)
{
    bson_t doc;

    if (!store_read_document(reply, "value", &doc))
        return false;
    run_doc_hold(&doc, held);
    return true;
}

bool
store_header_modify(struct store *store, const bson_t *query, const bson_t *update,
                    struct run_held *held, bool *found, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    store_header_append_modify(&command, query, update);
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "change_run", &cause, &reply);
    *found = store_header_hold(&reply, held);
    return true;
}
