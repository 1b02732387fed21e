/*
 * store_transaction.c - a transaction from its session to its end, whatever that is.
 * Called by store_merge.c, store_run.c, store_delete.c, store_purge.c. Next: store_lane.c,
 * store_claim.c.
 */
#include "store_transaction.h"

#include "base/clock.h"
#include "store_audit_doc.h"
#include "store_claim.h"

#include <time.h>

#define TRIES_MAX 40        /* of a transaction that meets another's writes */
#define TRIES_MS 1300       /* and for how long at most */
#define PAUSE_FIRST_US 2000 /* doubled each time, with jitter */
#define PAUSE_MAX_US 100000

void
store_pause_before(int try)
{
    int64_t most_us = PAUSE_FIRST_US << (try < 6 ? try : 6);
    struct timespec pause = {0};

    if (most_us > PAUSE_MAX_US)
        most_us = PAUSE_MAX_US;
    pause.tv_nsec = (long)((most_us / 2 + clock_steady_us() % (most_us / 2)) * 1000);
    nanosleep(&pause, NULL);
}

/* Give up this try, for a reason that is in cause. */
static enum step
give_up(struct store *store, const char *doing, const bson_error_t *cause, const bson_t *reply,
        struct api_error *err)
{
    if (store_is_transient(reply) && !store_is_loss(cause))
        return STEP_AGAIN;
    store_fail(store, err, doing, cause, reply);
    return STEP_FAILED;
}

static enum step
run(struct transaction *transaction, const char *doing, const bson_t *command, bson_t *reply,
    bool may_be_taken, struct api_error *err)
{
    AUTO_BSON answer = BSON_INITIALIZER;
    bson_error_t cause;

    if (reply == NULL)
        reply = &answer;
    if (store_command(transaction->store, command, &transaction->opts, reply, &cause))
        return STEP_DONE;
    if (may_be_taken && store_is_duplicate(&cause))
        return STEP_OTHER;
    return give_up(transaction->store, doing, &cause, reply, err);
}

enum step
transaction_run(struct transaction *transaction, const char *doing, const bson_t *command,
                bson_t *reply, struct api_error *err)
{
    return run(transaction, doing, command, reply, false, err);
}

enum step
transaction_insert_new(struct transaction *transaction, const char *doing, const bson_t *command,
                       struct api_error *err)
{
    return run(transaction, doing, command, NULL, true, err);
}

enum step
transaction_audit(struct transaction *transaction, const struct store_audit_entry *entry,
                  struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;

    audit_doc_append_insert(&command, entry);
    return transaction_run(transaction, "note_audit", &command, NULL, err);
}

static enum step
commit(struct transaction *transaction, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    if (mongoc_client_session_commit_transaction(transaction->session, &reply, &cause))
        return STEP_DONE;
    return give_up(transaction->store, "commit", &cause, &reply, err);
}

/*
 * Undo. True when it is over for certain: the server has ended it, or has heard the abort. An abort
 * that got lost on its way leaves nothing but a session that the driver calls dirty.
 */
static bool
undo(struct transaction *transaction)
{
    return !transaction->store->lost &&
           mongoc_client_session_abort_transaction(transaction->session, NULL) &&
           !mongoc_client_session_get_dirty(transaction->session);
}

static enum step
run_inside(struct transaction *transaction, const void *run, transaction_body *body, void *context,
           struct api_error *err)
{
    struct store *store = transaction->store;
    bson_error_t cause;
    enum step step;
    bool over;

    if (!mongoc_client_session_append(transaction->session, &transaction->opts, &cause) ||
        !mongoc_client_session_start_transaction(transaction->session, NULL, &cause))
        return give_up(store, "start_transaction", &cause, NULL, err);
    if (!store_claim_open(store, mongoc_client_session_get_lsid(transaction->session), run, err))
        return STEP_FAILED;
    step = body(transaction, context, err);
    if (step == STEP_DONE) {
        step = commit(transaction, err);
        over = step == STEP_DONE || step == STEP_AGAIN; /* the server has said so */
    } else {
        over = undo(transaction) || step == STEP_AGAIN;
    }
    (over ? store_claim_close : store_claim_doubt)(store);
    return step;
}

enum step
store_transact_once(struct store *store, const void *run, transaction_body *body, void *context,
                    struct api_error *err)
{
    struct transaction transaction = {.store = store, .opts = BSON_INITIALIZER};
    mongoc_client_t *client = store_client(store, err);
    mongoc_session_opt_t *opts;
    bson_error_t cause;
    enum step step;

    if (client == NULL)
        return STEP_FAILED;
    opts = mongoc_session_opts_new();
    /* Every command goes to the primary: there is nothing to be causally consistent with. */
    mongoc_session_opts_set_causal_consistency(opts, false);
    transaction.session = mongoc_client_start_session(client, opts, &cause);
    mongoc_session_opts_destroy(opts);
    if (transaction.session == NULL && cause.domain == MONGOC_ERROR_CLIENT) {
        /* It met this mongod while it recovered, and goes on believing that it has no sessions. */
        store_forget_client(store);
        return STEP_AGAIN;
    }
    if (transaction.session == NULL)
        return give_up(store, "start_session", &cause, NULL, err);
    step = run_inside(&transaction, run, body, context, err);
    mongoc_client_session_destroy(transaction.session);
    bson_destroy(&transaction.opts);
    return step;
}

enum step
store_transact(struct store *store, const void *run, transaction_body *body, void *context,
               struct api_error *err)
{
    const int64_t give_up_at_ms = clock_steady_ms() + TRIES_MS;

    for (int try = 0; try < TRIES_MAX && clock_steady_ms() <= give_up_at_ms; try++) {
        struct store_lane *lane = store_lane_enter(store, run);
        enum step step = store_transact_once(store, run, body, context, err);

        store_lane_leave(lane);
        if (step != STEP_AGAIN)
            return step;
        store_pause_before(try);
    }
    api_fail(err, API_STORE_BUSY, NULL);
    return STEP_FAILED;
}
