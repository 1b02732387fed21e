/*
 * store_delete.c - deletes and restores runs: the header's deleted_at, the tombstone and the audit
 * change together. Called by routes/route_training_run_delete.c. Next: store_tombstone.c,
 * store_purge.c (what becomes of a deleted run).
 *
 * Every write to a run asks its header for {deleted_at: null} in the command that writes
 * (store_append.c) or locks it (store_merge.c). So a report is stored before the deletion, and is
 * there after a restore, or it is refused: there is no third way.
 */
#include "store/store_run.h"

#include "store_header.h"
#include "store_tombstone.h"

#define RESTORE_TRIES 10 /* of a run that others delete and restore at the same time */

struct deletion {
    const struct store_author *by;
    struct tombstone tombstone;
    struct run_held *held; /* restore: the run afterwards */
};

/* STEP_OTHER: the run is not (or no longer) as the query has it. */
static enum step
modify_run(struct transaction *transaction, const bson_t *query, const bson_t *update,
           struct run_held *held, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    enum step step;

    store_header_append_modify(&command, query, update);
    step = transaction_run(transaction, "change_run", &command, &reply, err);
    if (step != STEP_DONE)
        return step;
    return store_header_hold(&reply, held) ? STEP_DONE : STEP_OTHER;
}

static enum step
note(struct transaction *transaction, const struct deletion *deletion, const char *action,
     struct api_error *err)
{
    const struct store_audit_entry entry = {
        .by = *deletion->by, .action = action, .subject = deletion->tombstone.run_id};

    return transaction_audit(transaction, &entry, err);
}

/* ---- delete ---- */

static enum step
delete_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    const struct deletion *deletion = context;
    const struct tombstone *tombstone = &deletion->tombstone;
    struct run_held held = {.holder = NULL};
    enum step step;

    BCON_APPEND(&query, "_id", BCON_OID(&tombstone->run), "deleted_at", BCON_NULL);
    BCON_APPEND(&update, "$set", "{", "deleted_at", BCON_DATE_TIME(tombstone->deleted_ms),
                "purge_at", BCON_DATE_TIME(tombstone->due_ms), "}", "$inc", "{", "edits",
                BCON_INT32(1), "}");
    step = modify_run(transaction, &query, &update, &held, err);
    store_run_release(&held);
    if (step == STEP_DONE)
        step = tombstone_put(transaction, tombstone, err);
    return step == STEP_DONE ? note(transaction, deletion, "run.delete", err) : step;
}

bool
store_run_delete(struct store *store, const struct store_author *by, const char *run_id,
                 int64_t retention_ms, struct api_error *err)
{
    struct deletion deletion = {.by = by,
                                .tombstone = {.account = by->account,
                                              .run_id = run_id,
                                              .deleted_ms = by->now_ms,
                                              .due_ms = by->now_ms + retention_ms}};
    struct run_held held = {.holder = NULL};
    enum step step;

    if (!store_run_find(store, by->account, run_id, &held, err))
        return false;
    bson_oid_init_from_string(&deletion.tombstone.run, held.run.oid);
    store_run_release(&held);
    step = store_transact(store, deletion.tombstone.run.bytes, delete_inside, &deletion, err);
    if (step == STEP_OTHER) /* somebody else has just deleted it */
        api_fail(err, API_RUN_NOT_FOUND, NULL);
    return step == STEP_DONE;
}

/* ---- restore ---- */

static enum step
restore_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    const struct deletion *deletion = context;
    const struct tombstone *tombstone = &deletion->tombstone;
    enum step step;

    store_run_release(deletion->held); /* of a try before */
    BCON_APPEND(&query, "_id", BCON_OID(&tombstone->run), "deleted_at",
                BCON_DATE_TIME(tombstone->deleted_ms));
    BCON_APPEND(&update, "$set", "{", "deleted_at", BCON_NULL, "}", "$unset", "{", "purge_at",
                BCON_UTF8(""), "}", "$inc", "{", "edits", BCON_INT32(1), "}");
    step = modify_run(transaction, &query, &update, deletion->held, err);
    if (step == STEP_DONE)
        step = tombstone_remove(transaction, tombstone, err);
    return step == STEP_DONE ? note(transaction, deletion, "run.restore", err) : step;
}

/* STEP_OTHER: somebody else has just restored or purged it. */
static enum step
restore_once(struct store *store, const struct store_author *by, const struct run *run,
             struct run_held *held, struct api_error *err)
{
    struct deletion deletion = {
        .by = by,
        .tombstone = {.account = by->account, .run_id = run->id, .deleted_ms = run->deleted_ms},
        .held = held};
    enum step step;

    bson_oid_init_from_string(&deletion.tombstone.run, run->oid);
    step = store_transact(store, deletion.tombstone.run.bytes, restore_inside, &deletion, err);
    if (step != STEP_DONE)
        store_run_release(held);
    return step;
}

bool
store_run_restore(struct store *store, const struct store_author *by, const char *run_id,
                  struct run_held *held, struct api_error *err)
{
    for (int i = 0; i < RESTORE_TRIES; i++) {
        struct run_held old = {.holder = NULL};
        enum step step;
        bool found;

        if (!store_header_find(store, by->account, run_id, &old, NULL, &found, err))
            return false;
        if (!found)
            return api_fail(err, API_RUN_NOT_FOUND, NULL);
        if (old.run.deleted_ms == 0) {
            *held = old;
            return true;
        }
        step = restore_once(store, by, &old.run, held, err);
        store_run_release(&old);
        if (step != STEP_OTHER)
            return step == STEP_DONE;
    }
    return api_fail(err, API_STORE_BUSY, NULL);
}
