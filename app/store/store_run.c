/*
 * store_run.c - opens and finds runs, and notes their checkpoints. Called by routes/route_run.c
 * and routes/route_training_run.c. Next: store_transaction.c, store_header.c, store_run_doc.c.
 */
#include "store/store_run.h"

#include "store_bson.h"
#include "store_header.h"
#include "store_run_doc.h"
#include "store_run_rank.h"
#include "store_transaction.h"

#include <stdio.h>
#include <string.h>

bool
store_run_find(struct store *store, const char *account, const char *run_id, struct run_held *held,
               struct api_error *err)
{
    bool found;

    if (!store_header_find(store, account, run_id, held, NULL, &found, err))
        return false;
    if (found && held->run.deleted_ms == 0)
        return true;
    store_run_release(held);
    return api_fail(err, API_RUN_NOT_FOUND, NULL);
}

/* A new run and the entry that says so. */
struct insertion {
    const bson_t *command;
    const struct store_audit_entry *entry;
};

static enum step
insert_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    const struct insertion *insertion = context;
    enum step step = transaction_insert_new(transaction, "insert_run", insertion->command, err);

    return step == STEP_DONE ? transaction_audit(transaction, insertion->entry, err) : step;
}

/* STEP_OTHER: the run_id is taken. */
static enum step
insert_run(struct store *store, const struct store_author *by, const char *run_id,
           const bson_t *doc, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    const struct store_audit_entry entry = {.by = *by, .action = "run.create", .subject = run_id};
    struct insertion insertion = {.command = &command, .entry = &entry};
    bson_t documents;
    bson_iter_t oid;

    BSON_APPEND_UTF8(&command, "insert", store_collection_names[STORE_RUNS]);
    BSON_APPEND_ARRAY_BEGIN(&command, "documents", &documents);
    BSON_APPEND_DOCUMENT(&documents, "0", doc);
    bson_append_array_end(&command, &documents);
    bson_iter_init_find(&oid, doc, "_id");
    return store_transact(store, bson_iter_oid(&oid)->bytes, insert_inside, &insertion, err);
}

bool
store_run_insert(struct store *store, const struct store_author *by,
                 const struct run_request *request, struct run_held *held, bool *inserted,
                 struct api_error *err)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    bool found;
    enum step step;

    *inserted = false;
    /* A trainer that starts again asks for its run again: that needs no transaction. */
    if (!store_header_find(store, by->account, request->id, held, NULL, &found, err) || found)
        return err->id == API_OK;
    run_doc_new(&doc, by->account, request, by->now_ms);
    step = insert_run(store, by, request->id, &doc, err);
    *inserted = step == STEP_DONE;
    if (*inserted) {
        run_doc_hold(&doc, held);
        store_run_rank_tidy(store, by->account);
    }
    if (step != STEP_OTHER)
        return *inserted;
    if (!store_header_find(store, by->account, request->id, held, NULL, &found, err))
        return false;
    /* Gone between the two: purged. Rare enough to ask for another try. */
    return found || api_fail(err, API_STORE_BUSY, NULL);
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
    if (!store_header_modify(store, &query, &update, held, &found, err))
        return false;
    if (found)
        return true;
    if (!store_run_find(store, account, run_id, held, err))
        return false;
    if (run_has_checkpoint(&held->run, checkpoint))
        return true;
    store_run_release(held);
    return api_fault(err, "path", "the run has %d checkpoints already", RUN_CHECKPOINTS_MAX);
}
