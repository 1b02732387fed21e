/*
 * store_import_header.c - makes, compares and extends the header of an imported run.
 * Called by store_import_run.c. Next: store_run_doc.c, then MongoDB.
 */
#include "store_import_header.h"

#include "base/json_text.h"
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"

#include <stdio.h>
#include <string.h>

#define SETTLE_TRIES 10 /* of a header that others change at the same time */

struct settling {
    const struct import_target *target;
    const struct import_doc *doc;
    import_doc_tell *tell;
    void *context;
    struct api_error *err;
};

static void
tell(const struct settling *on, const char *member, const char *why)
{
    on->tell(member, why, on->context);
}

int64_t
import_reported_ms(const struct import_doc *doc)
{
    return doc->ended_ms > doc->started_ms ? doc->ended_ms : doc->started_ms;
}

/* The first run that a filter finds, whole, into *header, which is initialised. */
static bool
find_run(const struct settling *on, const bson_t *filter, bson_t *header, bool *found)
{
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(on->target->to, STORE_RUNS, on->err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (runs == NULL)
        return false;
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
    cursor = mongoc_collection_find_with_opts(runs, filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found)
        bson_concat(header, doc);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(on->target->to, on->err, "find_imported", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* ---- a new header ---- */

static void
append_checkpoint(bson_t *array, uint32_t *count, const struct run_checkpoint *checkpoint)
{
    char text[16];
    const char *place;
    bson_t item;

    bson_uint32_to_string((*count)++, &place, text, sizeof text);
    BSON_APPEND_DOCUMENT_BEGIN(array, place, &item);
    store_append_whole(&item, "episode", checkpoint->episode);
    BSON_APPEND_UTF8(&item, "path", checkpoint->path);
    bson_append_document_end(array, &item);
}

static void
append_checkpoints(bson_t *doc, const struct import_doc *from)
{
    uint32_t count = 0;
    bson_t array;

    BSON_APPEND_ARRAY_BEGIN(doc, "checkpoint_paths", &array);
    for (size_t i = 0; i < from->checkpoint_count; i++)
        append_checkpoint(&array, &count, &from->checkpoints[i]);
    bson_append_array_end(doc, &array);
}

/* A member of a new run's header; what the source knows better stands in for it. */
static void
append_member(bson_t *header, const bson_iter_t *at, const struct import_doc *doc, bool keep_oid)
{
    const char *key = bson_iter_key(at);

    if (keep_oid && strcmp(key, "_id") == 0)
        BSON_APPEND_OID(header, key, &doc->oid);
    else if (strcmp(key, "status") == 0)
        BSON_APPEND_UTF8(header, key, run_status_name(doc->status));
    else if (doc->has_config && strcmp(key, "config") == 0)
        BSON_APPEND_DOCUMENT(header, key, &doc->config);
    else if (strcmp(key, "metadata") == 0)
        BSON_APPEND_DOCUMENT(header, key, &doc->metadata);
    else if (strcmp(key, "completed_at") == 0)
        store_append_time(header, key, doc->ended_ms);
    else if (strcmp(key, "last_reported_at") == 0)
        BSON_APPEND_DATE_TIME(header, key, import_reported_ms(doc));
    else if (strcmp(key, "checkpoint_paths") == 0)
        append_checkpoints(header, doc);
    else
        bson_append_iter(header, key, -1, at);
}

/* The document's _id is kept, unless another run has it: another account imported it before. */
static bool
may_keep_oid(const struct settling *on, bool *keep)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON other = BSON_INITIALIZER;
    bool taken = false;

    *keep = on->doc->has_oid;
    if (!*keep)
        return true;
    BSON_APPEND_OID(&filter, "_id", &on->doc->oid);
    if (!find_run(on, &filter, &other, &taken))
        return false;
    *keep = !taken;
    return true;
}

static enum import_header
insert(const struct settling *on)
{
    AUTO_BSON plain = BSON_INITIALIZER;
    AUTO_BSON header = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_iter_t at;
    bson_t documents;
    bool keep;

    if (!may_keep_oid(on, &keep))
        return IMPORT_HEADER_FAILED;
    if (on->doc->has_oid && !keep)
        tell(on, "_id", "another run has this _id: the run here has a new one");
    run_doc_new(&plain, on->target->account, &on->doc->request, on->doc->started_ms);
    if (bson_iter_init(&at, &plain))
        while (bson_iter_next(&at))
            append_member(&header, &at, on->doc, keep);
    if (on->target->dry)
        return IMPORT_HEADER_NEW;
    BSON_APPEND_UTF8(&command, "insert", store_collection_names[STORE_RUNS]);
    BSON_APPEND_ARRAY_BEGIN(&command, "documents", &documents);
    BSON_APPEND_DOCUMENT(&documents, "0", &header);
    bson_append_array_end(&command, &documents);
    store_append_durable(&command);
    if (store_command(on->target->to, &command, NULL, &reply, &cause))
        return IMPORT_HEADER_NEW;
    store_fail(on->target->to, on->err, "import_run", &cause, &reply);
    return IMPORT_HEADER_FAILED;
}

/* ---- a header that is here ---- */

static bool
refuse(const struct settling *on, const char *member, const char *why)
{
    tell(on, member, why);
    return false;
}

/* Is the run here the document's? What may have changed since is not asked. */
static bool
is_same_run(const struct settling *on, const struct run *run)
{
    const struct run_request *request = &on->doc->request;
    struct api_error err = {.id = API_OK};

    if (!run_matches(run, request, &err))
        return refuse(on, "", err.message);
    if (run->started_ms != on->doc->started_ms)
        return refuse(on, "start_time", "a run with this run_id is here, begun at another time");
    if (strcmp(run->agent_id, request->agent_id) != 0)
        return refuse(on, "agent_id", "a run with this run_id is here, of another agent");
    if (strcmp(run->algorithm, request->algorithm) != 0)
        return refuse(on, "algorithm", "a run with this run_id is here, of another algorithm");
    return true;
}

/* The checkpoints that are here, then those that the document has more. False: there are none. */
static bool
set_checkpoints(const struct settling *on, const struct run *run, bson_t *set)
{
    const struct import_doc *doc = on->doc;
    uint32_t count = 0;
    bson_t array, all = BSON_INITIALIZER;

    BSON_APPEND_ARRAY_BEGIN(&all, "checkpoint_paths", &array);
    for (size_t i = 0; i < run->checkpoint_count; i++)
        append_checkpoint(&array, &count, &run->checkpoints[i]);
    for (size_t i = 0; i < doc->checkpoint_count; i++) {
        if (run_has_checkpoint(run, &doc->checkpoints[i]))
            continue;
        if (count < RUN_CHECKPOINTS_MAX)
            append_checkpoint(&array, &count, &doc->checkpoints[i]);
        else
            tell(on, "checkpoint_paths", "some are beyond the 10000 checkpoints of a run");
    }
    bson_append_array_end(&all, &array);
    if (count > run->checkpoint_count)
        bson_concat(set, &all);
    bson_destroy(&all);
    return count > run->checkpoint_count;
}

/* An end that the run here does not know. False: nothing to be set. */
static bool
set_end(const struct settling *on, const struct run *run, bson_t *set)
{
    const struct import_doc *doc = on->doc;

    if (doc->status == RUN_RUNNING)
        return false; /* it may have been ended here: that stands */
    if (run->status == RUN_RUNNING) {
        BSON_APPEND_UTF8(set, "status", run_status_name(doc->status));
        store_append_time(set, "completed_at", doc->ended_ms);
        return true;
    }
    if (run->status != doc->status)
        tell(on, "status", "the run here has ended with another one, which stands");
    else if (run->ended_ms != doc->ended_ms)
        tell(on, "end_time", "the run here has ended at another time, which stands");
    return false;
}

/* The document's metadata over those that are here, in their order. */
static void
merge_metadata(const bson_t *here, const bson_t *theirs, bson_t *merged)
{
    bson_iter_t at, other;

    if (store_read_inside(here, "metadata", &at))
        while (bson_iter_next(&at)) {
            const bool newer = bson_iter_init_find(&other, theirs, bson_iter_key(&at));

            bson_append_iter(merged, bson_iter_key(&at), -1, newer ? &other : &at);
        }
    if (bson_iter_init(&at, theirs))
        while (bson_iter_next(&at))
            if (!bson_has_field(merged, bson_iter_key(&at)))
                bson_append_iter(merged, NULL, -1, &at);
}

/* False: all of the document's metadata are here. */
static bool
set_metadata(const struct settling *on, const bson_t *header, const struct run *run, bson_t *set)
{
    const char *text = run->metadata_json == NULL ? "{}" : run->metadata_json;
    AUTO_BSON merged = BSON_INITIALIZER;
    AUTO_JSON *here = NULL;
    struct api_error ignored = {.id = API_OK};
    bool changed = false;

    if (!json_text_parse(text, strlen(text), &here, &ignored))
        here = json_object_new_object();
    json_object_object_foreach(on->doc->request.metadata, name, value)
    {
        json_object *stored = NULL;

        if (json_object_object_get_ex(here, name, &stored) && json_text_same(stored, value))
            continue;
        json_object_object_add(here, name, json_object_get(value));
        changed = true;
    }
    if (!changed)
        return false;
    merge_metadata(header, &on->doc->metadata, &merged);
    BSON_APPEND_DOCUMENT(set, "metadata", &merged);
    BSON_APPEND_UTF8(set, "metadata_json", json_text_of(here));
    return true;
}

/* Only if nobody else has changed the header since; *done says so. */
static bool
update(const struct settling *on, const bson_t *header, const bson_t *set, bool *done)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_iter_t oid;

    if (!bson_iter_init_find(&oid, header, "_id") || !BSON_ITER_HOLDS_OID(&oid))
        return api_fail(on->err, API_INTERNAL, NULL);
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(bson_iter_oid(&oid)), "edits",
                BCON_INT64(store_read_whole(header, "edits")), "deleted_at", BCON_NULL, "}", "u",
                "{", "$set", BCON_DOCUMENT(set), "$inc", "{", "edits", BCON_INT32(1), "}", "$max",
                "{", "last_reported_at", BCON_DATE_TIME(import_reported_ms(on->doc)), "}", "}", "}",
                "]");
    store_append_durable(&command);
    if (!store_command(on->target->to, &command, NULL, &reply, &cause))
        return store_fail(on->target->to, on->err, "extend_run", &cause, &reply);
    *done = store_read_whole(&reply, "n") == 1;
    return true;
}

/* *again: others were quicker. */
static enum import_header
extend(const struct settling *on, const bson_t *header, const struct run *run, bool *again)
{
    AUTO_BSON set = BSON_INITIALIZER;
    char oid[RUN_OID_SIZE] = "";
    bool changed, done = true;

    if (!is_same_run(on, run))
        return IMPORT_HEADER_REFUSED;
    if (on->doc->has_oid)
        bson_oid_to_string(&on->doc->oid, oid);
    if (on->doc->has_oid && strcmp(oid, run->oid) != 0)
        tell(on, "_id", "another run has this _id: the run here has a new one");
    changed = set_end(on, run, &set);
    changed = set_checkpoints(on, run, &set) || changed;
    changed = set_metadata(on, header, run, &set) || changed;
    if (!changed)
        return IMPORT_HEADER_SAME;
    if (!on->target->dry && !update(on, header, &set, &done))
        return IMPORT_HEADER_FAILED;
    *again = !done;
    return IMPORT_HEADER_CHANGED;
}

enum import_header
import_header_settle(const struct import_target *target, const struct import_doc *doc,
                     struct run_held *held, import_doc_tell *tell_one, void *context,
                     struct api_error *err)
{
    const struct settling on = {target, doc, tell_one, context, err};
    AUTO_BSON filter = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&filter, "account", target->account);
    BSON_APPEND_UTF8(&filter, "run_id", doc->request.id);
    for (int i = 0; i < SETTLE_TRIES; i++) {
        AUTO_BSON header = BSON_INITIALIZER;
        enum import_header outcome;
        bool found, again = false;

        if (!find_run(&on, &filter, &header, &found))
            return IMPORT_HEADER_FAILED;
        if (!found)
            return insert(&on);
        run_doc_hold(&header, held);
        outcome = extend(&on, &header, &held->run, &again);
        if (!again && (outcome == IMPORT_HEADER_CHANGED || outcome == IMPORT_HEADER_SAME))
            return outcome;
        store_run_release(held);
        if (!again)
            return outcome;
    }
    api_fail(err, API_STORE_BUSY, NULL);
    return IMPORT_HEADER_FAILED;
}
