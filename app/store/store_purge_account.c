/*
 * store_purge_account.c - the steps that remove an account: its doors, its runs, the rest.
 * Called by admin/admin_purge.c. Next: store_purge.c (its runs' episodes), store_slice.c.
 */
#include "store/store_purge.h"

#include "store_bson.h"
#include "store_header.h"
#include "store_slice.h"
#include "store_tombstone.h"

#define DOORS_AT_ONCE 1000

/* All of the account's documents of one collection. */
static bool
remove_all(struct store *store, enum store_collection_id from, const char *account, int64_t *total,
           struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    bool more = true;

    BSON_APPEND_UTF8(&filter, "account", account);
    while (more) {
        int64_t removed;

        if (!slice_delete(store, from, &filter, DOORS_AT_ONCE, &removed, &more, err))
            return false;
        *total += removed;
    }
    return true;
}

bool
store_purge_doors(struct store *store, const char *account, struct store_purged *done,
                  struct api_error *err)
{
    int64_t jobs = 0; /* of which one may go on: its supervisor ends what is no more its own */

    return remove_all(store, STORE_API_KEYS, account, &done->keys, err) &&
           remove_all(store, STORE_SESSIONS, account, &done->sessions, err) &&
           remove_all(store, STORE_JOBS, account, &jobs, err);
}

struct doom {
    struct tombstone tombstone;
    int64_t episodes; /* that went with the header */
};

/* The header goes and the tombstone comes together: or else the episodes would be nobody's. */
static enum step
doom_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    struct doom *doom = context;
    enum step step;
    bool removed;

    BSON_APPEND_OID(&query, "_id", &doom->tombstone.run);
    store_header_append_remove(&command, &query);
    step = transaction_run(transaction, "remove_header", &command, &reply, err);
    if (step != STEP_DONE)
        return step;
    doom->episodes = store_header_tail_count(&reply, &removed);
    return removed ? tombstone_put(transaction, &doom->tombstone, err) : STEP_OTHER;
}

static bool
doom_run(struct store *store, const struct store_author *by, const bson_t *doc,
         struct store_purged *done, struct api_error *err)
{
    struct doom doom = {.tombstone = {.account = by->account,
                                      .run_id = store_read_text(doc, "run_id"),
                                      .deleted_ms = by->now_ms,
                                      .due_ms = by->now_ms}};
    bson_iter_t id;
    enum step step;

    if (!bson_iter_init_find(&id, doc, "_id") || !BSON_ITER_HOLDS_OID(&id) ||
        doom.tombstone.run_id == NULL)
        return api_fail(err, API_INTERNAL, NULL);
    doom.tombstone.run = *bson_iter_oid(&id);
    step = store_transact(store, doom.tombstone.run.bytes, doom_inside, &doom, err);
    if (step == STEP_DONE)
        done->episodes += doom.episodes;
    return step != STEP_FAILED;
}

bool
store_purge_doom(struct store *store, const struct store_author *by, int64_t max,
                 struct store_purged *done, int64_t *count, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good = true;

    *count = 0;
    if (runs == NULL)
        return false;
    BSON_APPEND_UTF8(&filter, "account", by->account);
    BCON_APPEND(&opts, "projection", "{", "run_id", BCON_INT32(1), "}", "limit", BCON_INT64(max),
                "singleBatch", BCON_BOOL(true));
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    while (good && mongoc_cursor_next(cursor, &doc)) {
        good = doom_run(store, by, doc, done, err);
        (*count)++;
    }
    if (good && mongoc_cursor_error(cursor, &cause))
        good = store_fail(store, err, "list_runs", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* What tells that the account was purged stays. */
static bool
remove_entries(struct store *store, const char *account, int64_t max, struct store_purged *done,
               bool *more, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    int64_t removed;

    BCON_APPEND(&filter, "account", BCON_UTF8(account), "action", "{", "$ne",
                BCON_UTF8(STORE_AUDIT_ACCOUNT_PURGE), "}");
    if (!slice_delete(store, STORE_AUDIT, &filter, max, &removed, more, err))
        return false;
    done->entries += removed;
    return true;
}

static bool
remove_account(struct store *store, const char *account, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    int64_t removed;
    bool more;

    BSON_APPEND_UTF8(&filter, "_id", account);
    return slice_delete(store, STORE_ACCOUNTS, &filter, 1, &removed, &more, err);
}

bool
store_purge_rest(struct store *store, const char *account, int64_t max, struct store_purged *done,
                 bool *more, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    int64_t removed;

    BSON_APPEND_UTF8(&filter, "account", account);
    if (!slice_delete(store, STORE_EVALUATIONS, &filter, max, &removed, more, err))
        return false;
    done->evaluations += removed;
    if (!*more && !remove_entries(store, account, max, done, more, err))
        return false;
    return *more || remove_account(store, account, err);
}
