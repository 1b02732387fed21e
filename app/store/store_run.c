/*
 * store_run.c - opens, finds and changes runs. Called by routes/route_run.c and
 * routes/route_training_run.c. Next: store_run_doc.c, then MongoDB.
 */
#include "store/store_run.h"

#include "base/json_text.h"
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_run_rank.h"
#include "store_run_search.h"

#include <stdio.h>
#include <string.h>

#define CHANGE_TRIES 10 /* of a change that others change at the same time */

/*
 * One run, deleted or not. *found false when there is none. Errors: STORE_UNAVAILABLE.
 */
static bool
find_any(struct store *store, const char *account, const char *run_id, struct run_held *held,
         int64_t *edits, bool *found, struct api_error *err)
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

bool
store_run_find(struct store *store, const char *account, const char *run_id, struct run_held *held,
               struct api_error *err)
{
    bool found;

    if (!find_any(store, account, run_id, held, NULL, &found, err))
        return false;
    if (found && held->run.deleted_ms == 0)
        return true;
    store_run_release(held);
    return api_fail(err, API_RUN_NOT_FOUND, NULL);
}

bool
store_run_insert(struct store *store, const char *account, const struct run_request *request,
                 int64_t now_ms, struct run_held *held, bool *inserted, struct api_error *err)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t documents;
    bson_error_t cause;
    bool found = false;

    run_doc_new(&doc, account, request, now_ms);
    BSON_APPEND_UTF8(&command, "insert", store_collection_names[STORE_RUNS]);
    BSON_APPEND_ARRAY_BEGIN(&command, "documents", &documents);
    BSON_APPEND_DOCUMENT(&documents, "0", &doc);
    bson_append_array_end(&command, &documents);
    store_append_durable(&command);
    *inserted = store_command(store, &command, NULL, &reply, &cause);
    if (*inserted) {
        run_doc_hold(&doc, held);
        store_run_rank_tidy(store, account);
        return true;
    }
    if (!store_is_duplicate(&cause))
        return store_fail(store, err, "insert_run", &cause, &reply);
    if (!find_any(store, account, request->id, held, NULL, &found, err))
        return false;
    /* Gone between the two: purged. Rare enough to ask for another try. */
    return found || api_fail(err, API_STORE_BUSY, NULL);
}

/*
 * findAndModify on `runs`. *found false when no run matches; else it is held, as it is now.
 */
static bool
find_and_modify(struct store *store, const bson_t *query, const bson_t *update,
                struct run_held *held, bool *found, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_iter_t value;
    const uint8_t *bytes;
    uint32_t size;
    bson_t doc;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BSON_APPEND_DOCUMENT(&command, "query", query);
    BSON_APPEND_DOCUMENT(&command, "update", update);
    BSON_APPEND_BOOL(&command, "new", true);
    BCON_APPEND(&command, "fields", "{", "config", BCON_INT32(0), "metadata", BCON_INT32(0), "}");
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "change_run", &cause, &reply);
    *found = bson_iter_init_find(&value, &reply, "value") && BSON_ITER_HOLDS_DOCUMENT(&value);
    if (!*found)
        return true;
    bson_iter_document(&value, &size, &bytes);
    if (bson_init_static(&doc, bytes, size))
        run_doc_hold(&doc, held);
    return true;
}

/* The members of change over those of the run, as one object the caller owns; NULL: too large. */
static json_object *
merge_metadata(const struct run *run, json_object *change, size_t metadata_max,
               struct api_error *err)
{
    const char *stored = run->metadata_json == NULL ? "{}" : run->metadata_json;
    json_object *merged = NULL;

    if (!json_text_parse(stored, strlen(stored), &merged, err))
        return NULL;
    json_object_object_foreach(change, name, value)
    {
        json_object_object_add(merged, name, json_object_get(value));
    }
    if (strlen(json_text_of(merged)) <= metadata_max)
        return merged;
    json_object_put(merged);
    api_fault(err, "metadata", "becomes larger than %zu bytes of JSON", metadata_max);
    return NULL;
}

static void
append_tag_list(bson_t *set, const struct run_change *change)
{
    bson_t array;

    BSON_APPEND_ARRAY_BEGIN(set, "tags", &array);
    for (size_t i = 0; i < change->tag_count; i++) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_UTF8(&array, place, change->tags[i]);
    }
    bson_append_array_end(set, &array);
}

/* {$set: {…}} of a change to the run as it is. */
static bool
append_change(bson_t *set, const struct run *run, const struct run_change *change,
              size_t metadata_max, int64_t now_ms, struct api_error *err)
{
    const bool ends = change->status != RUN_STATUS_NONE && change->status != RUN_RUNNING;

    BSON_APPEND_DATE_TIME(set, "last_reported_at", now_ms);
    if (ends && run->status == RUN_RUNNING) {
        BSON_APPEND_UTF8(set, "status", run_status_name(change->status));
        BSON_APPEND_DATE_TIME(set, "completed_at", now_ms);
    }
    if (change->sets_metadata) {
        AUTO_JSON *merged = merge_metadata(run, change->metadata, metadata_max, err);

        if (merged == NULL)
            return false;
        store_append_json(set, "metadata", merged);
        BSON_APPEND_UTF8(set, "metadata_json", json_text_of(merged));
    }
    if (change->sets_tags) {
        append_tag_list(set, change);
        run_search_append_retagged(set, run, change->tags, change->tag_count);
    }
    if (change->sets_notes)
        store_append_text(set, "notes", change->notes);
    if (change->sets_episodes_total && change->episodes_total == 0)
        BSON_APPEND_NULL(set, "episodes_total");
    else if (change->sets_episodes_total)
        BSON_APPEND_INT64(set, "episodes_total", change->episodes_total);
    return true;
}

/* Change the run as it was read: only if nobody else has changed it since (`edits`). */
static bool
change_once(struct store *store, const struct run_held *old, int64_t edits,
            const struct run_change *change, size_t metadata_max, int64_t now_ms,
            struct run_held *held, bool *done, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    bson_oid_t oid;
    bson_t set;
    bool good;

    bson_oid_init_from_string(&oid, old->run.oid);
    BSON_APPEND_OID(&query, "_id", &oid);
    BSON_APPEND_INT64(&query, "edits", edits);
    BSON_APPEND_NULL(&query, "deleted_at");
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    good = append_change(&set, &old->run, change, metadata_max, now_ms, err);
    bson_append_document_end(&update, &set);
    BCON_APPEND(&update, "$inc", "{", "edits", BCON_INT32(1), "}");
    return good && find_and_modify(store, &query, &update, held, done, err);
}

bool
store_run_change(struct store *store, const char *account, const char *run_id,
                 const struct run_change *change, size_t metadata_max, int64_t now_ms,
                 struct run_held *held, struct api_error *err)
{
    for (int i = 0; i < CHANGE_TRIES; i++) {
        struct run_held old = {.holder = NULL};
        int64_t edits = 0;
        bool found, done = false, good;

        if (!find_any(store, account, run_id, &old, &edits, &found, err))
            return false;
        if (!found || old.run.deleted_ms != 0)
            good = api_fail(err, API_RUN_NOT_FOUND, NULL);
        else if (old.run.status != RUN_RUNNING && change->status != RUN_STATUS_NONE &&
                 change->status != old.run.status)
            good = api_fail(err, API_RUN_ENDED, "The run has already ended: it is %s.",
                            run_status_name(old.run.status));
        else
            good = change_once(store, &old, edits, change, metadata_max, now_ms, held, &done, err);
        store_run_release(&old);
        if (!good || done)
            return good;
    }
    return api_fail(err, API_STORE_BUSY, NULL);
}

static bool
has_checkpoint(const struct run *run, const struct run_checkpoint *checkpoint)
{
    for (size_t i = 0; i < run->checkpoint_count; i++)
        if (run->checkpoints[i].episode == checkpoint->episode &&
            strcmp(run->checkpoints[i].path, checkpoint->path) == 0)
            return true;
    return false;
}

static void
append_checkpoint(bson_t *doc, const char *key, const struct run_checkpoint *checkpoint)
{
    bson_t inside;

    BSON_APPEND_DOCUMENT_BEGIN(doc, key, &inside);
    store_append_whole(&inside, "episode", checkpoint->episode);
    BSON_APPEND_UTF8(&inside, "path", checkpoint->path);
    bson_append_document_end(doc, &inside);
}

/* The run if it lacks this checkpoint and has room for one more. */
static void
query_without(bson_t *query, const char *account, const char *run_id,
              const struct run_checkpoint *checkpoint)
{
    bson_t paths, not ;
    char last[48];

    snprintf(last, sizeof last, "checkpoint_paths.%d", RUN_CHECKPOINTS_MAX - 1);
    BSON_APPEND_UTF8(query, "account", account);
    BSON_APPEND_UTF8(query, "run_id", run_id);
    BSON_APPEND_NULL(query, "deleted_at");
    BSON_APPEND_DOCUMENT_BEGIN(query, "checkpoint_paths", &paths);
    BSON_APPEND_DOCUMENT_BEGIN(&paths, "$not", &not );
    append_checkpoint(&not, "$elemMatch", checkpoint);
    bson_append_document_end(&paths, &not );
    bson_append_document_end(query, &paths);
    BCON_APPEND(query, last, "{", "$exists", BCON_BOOL(false), "}");
}

bool
store_run_add_checkpoint(struct store *store, const char *account, const char *run_id,
                         const struct run_checkpoint *checkpoint, int64_t now_ms,
                         struct run_held *held, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    bson_t push;
    bool found;

    query_without(&query, account, run_id, checkpoint);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$push", &push);
    append_checkpoint(&push, "checkpoint_paths", checkpoint);
    bson_append_document_end(&update, &push);
    BCON_APPEND(&update, "$set", "{", "last_reported_at", BCON_DATE_TIME(now_ms), "}", "$inc", "{",
                "edits", BCON_INT32(1), "}");
    if (!find_and_modify(store, &query, &update, held, &found, err))
        return false;
    if (found)
        return true;
    if (!store_run_find(store, account, run_id, held, err))
        return false;
    if (has_checkpoint(&held->run, checkpoint))
        return true;
    store_run_release(held);
    return api_fault(err, "path", "the run has %d checkpoints already", RUN_CHECKPOINTS_MAX);
}
