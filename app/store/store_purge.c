/*
 * store_purge.c - purges the runs whose time is over, one bounded step at a time.
 * Called by api/sweep.c, admin/admin_purge.c. Next: store_tombstone.c, store_slice.c.
 *
 * Whoever takes a tombstone has it for LEASE_MS; nothing else is remembered, so a process that is
 * killed at any point leaves a tombstone that the next one takes up. The header goes first: then
 * nobody can restore half a run, and its run_id is free. (A TTL index on purge_at removes the
 * header too, should no sweeper be there.) The tombstone goes last.
 */
#include "store/store_purge.h"

#include "store_bson.h"
#include "store_header.h"
#include "store_slice.h"
#include "store_tombstone.h"

#define LEASE_MS 30000 /* longer than any step: commands end at the socket's time-out */

/* A tombstone that is ours for LEASE_MS. Texts are borrowed from reply. */
static bool
read_tombstone(const bson_t *reply, bson_t *doc, struct tombstone *tombstone)
{
    bson_iter_t id;

    if (!store_read_document(reply, "value", doc) || !bson_iter_init_find(&id, doc, "_id") ||
        !BSON_ITER_HOLDS_OID(&id))
        return false;
    *tombstone = (struct tombstone){.run = *bson_iter_oid(&id),
                                    .account = store_read_text(doc, "account"),
                                    .run_id = store_read_text(doc, "run_id"),
                                    .deleted_ms = store_read_time(doc, "deleted_at")};
    return tombstone->account != NULL && tombstone->run_id != NULL;
}

/* The one that waits longest. */
static bool
take(struct store *store, const struct store_author *by, bson_t *reply, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_error_t cause;
    bson_t query;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_PURGES]);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "query", &query);
    if (by->account != NULL)
        BSON_APPEND_UTF8(&query, "account", by->account);
    BCON_APPEND(&query, "next_at", "{", "$lte", BCON_DATE_TIME(by->now_ms), "}");
    bson_append_document_end(&command, &query);
    BCON_APPEND(&command, "sort", "{", "next_at", BCON_INT32(1), "}", "update", "{", "$set", "{",
                "next_at", BCON_DATE_TIME(by->now_ms + LEASE_MS), "}", "}");
    store_append_durable(&command);
    return store_command(store, &command, NULL, reply, &cause) ||
           store_fail(store, err, "take_tombstone", &cause, reply);
}

/* Give it back, for the next step. */
static bool
put_back(struct store *store, const struct tombstone *tombstone, int64_t now_ms,
         struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_PURGES]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&tombstone->run), "deleted_at",
                BCON_DATE_TIME(tombstone->deleted_ms), "}", "u", "{", "$set", "{", "next_at",
                BCON_DATE_TIME(now_ms), "}", "}", "}", "]");
    store_append_durable(&command);
    return store_command(store, &command, NULL, &reply, &cause) ||
           store_fail(store, err, "put_tombstone_back", &cause, &reply);
}

/* The header of this deletion, and the episodes that wait in it. */
static bool
remove_header(struct store *store, const struct tombstone *tombstone, struct store_purged *done,
              struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bool removed;

    BCON_APPEND(&query, "_id", BCON_OID(&tombstone->run), "deleted_at",
                BCON_DATE_TIME(tombstone->deleted_ms));
    store_header_append_remove(&command, &query);
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "remove_header", &cause, &reply);
    done->episodes += store_header_tail_count(&reply, &removed);
    return true;
}

/* Is there a header still? Then the run was restored, and maybe deleted again, since. */
static bool
find_header(struct store *store, const struct tombstone *tombstone, bool *found,
            struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (runs == NULL)
        return false;
    BSON_APPEND_OID(&filter, "_id", &tombstone->run);
    BCON_APPEND(&opts, "projection", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(1));
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    good =
        !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "find_header", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* At most max of what belongs to the run. *more: it is not all. */
static bool
remove_rows(struct store *store, const struct tombstone *tombstone, int64_t max,
            struct store_purged *done, bool *more, struct api_error *err)
{
    AUTO_BSON episodes = BSON_INITIALIZER;
    AUTO_BSON evaluations = BSON_INITIALIZER;
    AUTO_BSON blocks = BSON_INITIALIZER;
    int64_t removed;

    slice_filter_blocks(&blocks, &tombstone->run);
    if (!slice_delete(store, STORE_BLOCKS, &blocks, max, &removed, more, err))
        return false;
    if (*more)
        return true;
    slice_filter_episodes(&episodes, &tombstone->run);
    if (!slice_delete(store, STORE_EPISODES, &episodes, max, &removed, more, err))
        return false;
    done->episodes += removed;
    if (*more)
        return true;
    BSON_APPEND_OID(&evaluations, "run", &tombstone->run);
    if (!slice_delete(store, STORE_EVALUATIONS, &evaluations, max, &removed, more, err))
        return false;
    done->evaluations += removed;
    return true;
}

struct ending {
    const struct tombstone *tombstone;
    const struct store_audit_entry *entry; /* NULL: none, nothing was purged */
};

static enum step
end_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    const struct ending *ending = context;
    enum step step = tombstone_remove(transaction, ending->tombstone, err);

    if (step != STEP_DONE || ending->entry == NULL)
        return step;
    return transaction_audit(transaction, ending->entry, err);
}

/* Nothing is left of the run but its tombstone. */
static bool
end_run(struct store *store, const struct store_author *by, const struct tombstone *tombstone,
        struct store_purged *done, struct api_error *err)
{
    const struct store_audit_entry entry = {
        .by = {.account = tombstone->account, .actor = by->actor, .now_ms = by->now_ms},
        .action = "run.purge",
        .subject = tombstone->run_id};
    struct ending ending = {.tombstone = tombstone, .entry = &entry};
    enum step step = store_transact(store, tombstone->run.bytes, end_inside, &ending, err);

    done->runs += step == STEP_DONE;
    return step != STEP_FAILED; /* STEP_OTHER: somebody else was quicker */
}

/* The run is there: the tombstone is of a deletion that was taken back. */
static bool
drop_tombstone(struct store *store, const struct tombstone *tombstone, struct api_error *err)
{
    struct ending ending = {.tombstone = tombstone};

    return store_transact(store, tombstone->run.bytes, end_inside, &ending, err) != STEP_FAILED;
}

static bool
purge_run(struct store *store, const struct store_author *by, const struct tombstone *tombstone,
          int64_t rows_max, struct store_purged *done, struct api_error *err)
{
    bool lives, more;

    if (!remove_header(store, tombstone, done, err) || !find_header(store, tombstone, &lives, err))
        return false;
    if (lives)
        return drop_tombstone(store, tombstone, err);
    if (!remove_rows(store, tombstone, rows_max, done, &more, err))
        return false;
    return more ? put_back(store, tombstone, by->now_ms, err)
                : end_run(store, by, tombstone, done, err);
}

bool
store_purge_step(struct store *store, const struct store_author *by, int64_t rows_max,
                 struct store_purged *done, bool *more, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    struct tombstone tombstone;
    bson_t doc;

    if (!take(store, by, &reply, err))
        return false;
    *more = read_tombstone(&reply, &doc, &tombstone);
    return !*more || purge_run(store, by, &tombstone, rows_max, done, err);
}

bool
store_purge_waiting(struct store *store, const char *account, int64_t *count, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    mongoc_collection_t *purges = store_collection(store, STORE_PURGES, err);
    bson_error_t cause;

    if (purges == NULL)
        return false;
    BSON_APPEND_UTF8(&filter, "account", account);
    *count = mongoc_collection_count_documents(purges, &filter, NULL, NULL, NULL, &cause);
    return *count >= 0 || store_fail(store, err, "count_tombstones", &cause, NULL);
}
