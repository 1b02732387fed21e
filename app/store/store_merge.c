/*
 * store_merge.c - the thorough way into the database: batches, replacements, stragglers, and the
 * tail when it is full. Episodes and header change in one transaction, which begins by writing the
 * header: whoever else writes this run waits for it there.
 * Called by store_episode.c. Next: store_plan.c (what goes where), store_counters.c.
 */
#include "store_put.h"

#include "store_bson.h"
#include "store_claim.h"
#include "store_plan.h"
#include "store_run_doc.h"

/* A transaction under way. */
struct merge {
    struct put *put;
    mongoc_client_session_t *session;
    bson_t opts;     /* {sessionId} */
    bson_t *written; /* the header as it will be; owned; NULL until it is written */
};

/* Give up this try, for a reason that is in cause. */
static enum outcome
give_up(struct merge *merge, const char *doing, const bson_error_t *cause, const bson_t *reply,
        struct api_error *err)
{
    if (store_is_transient(reply) && !store_is_loss(cause))
        return PUT_AGAIN;
    store_fail(merge->put->store, err, doing, cause, reply);
    return PUT_FAILED;
}

static enum outcome
run_command(struct merge *merge, const char *doing, const bson_t *command, bson_t *reply,
            struct api_error *err)
{
    bson_error_t cause;

    if (store_command(merge->put->store, command, &merge->opts, reply, &cause))
        return PUT_DONE;
    return give_up(merge, doing, &cause, reply, err);
}

/* Take the header's write lock and read it: counters, tail, rows_max. */
static enum outcome
lock_header(struct merge *merge, bson_t *reply, bson_t *header, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    struct put *put = merge->put;
    AUTO_BSON seen = BSON_INITIALIZER;
    enum outcome outcome;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BCON_APPEND(&command, "query", "{", "_id", BCON_OID(&put->key.oid), "deleted_at", BCON_NULL,
                "fence", BCON_INT64(put->key.fence), "}", "update", "{", "$inc", "{", "revision",
                BCON_INT64(1), "merges", BCON_INT64(1), "}", "}", "fields", "{", "metrics",
                BCON_INT32(1), "metric_count", BCON_INT32(1), "wins", BCON_INT32(1),
                "summary_stale", BCON_INT32(1), "tail", BCON_INT32(1), "rows_max", BCON_INT32(1),
                "}");
    outcome = run_command(merge, "lock_run", &command, reply, err);
    if (outcome != PUT_DONE || put_header(reply, header))
        return outcome;
    /* Its fence is another one by now, or it has gone. */
    return put_look(put, &seen, header, err) ? PUT_AGAIN : PUT_FAILED;
}

/* The rows that are stored under numbers which may be there. */
static enum outcome
read_rows(struct merge *merge, const struct plan *plan, bson_t *reply, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;

    if (!plan_append_find(plan, &command))
        return PUT_DONE; /* all numbers are above every row's */
    return run_command(merge, "read_rows", &command, reply, err);
}

static enum outcome
write_rows(struct merge *merge, const struct plan *plan, struct api_error *err)
{
    const struct {
        const char *doing;
        const bson_t *command;
        size_t count;
    } steps[] = {
        {"insert_rows", &plan->inserts, plan->insert_count},
        {"replace_rows", &plan->updates, plan->update_count},
    };

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        AUTO_BSON reply = BSON_INITIALIZER;
        enum outcome outcome = PUT_DONE;

        if (steps[i].count > 0)
            outcome = run_command(merge, steps[i].doing, steps[i].command, &reply, err);
        if (outcome != PUT_DONE)
            return outcome;
    }
    return PUT_DONE;
}

static enum outcome
write_header(struct merge *merge, const struct plan *plan, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    struct put *put = merge->put;
    enum outcome outcome;
    bson_t header, update;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BCON_APPEND(&command, "query", "{", "_id", BCON_OID(&put->key.oid), "}", "new",
                BCON_BOOL(true));
    put_append_fields(&command);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "update", &update);
    plan_append_update(plan, put->now_ms, &update);
    bson_append_document_end(&command, &update);
    outcome = run_command(merge, "write_header", &command, &reply, err);
    if (outcome != PUT_DONE)
        return outcome;
    if (!put_header(&reply, &header)) { /* it was locked: it cannot have gone */
        api_fail(err, API_INTERNAL, NULL);
        return PUT_FAILED;
    }
    merge->written = bson_copy(&header);
    return PUT_DONE;
}

/* The transaction's inside. */
static enum outcome
merge_inside(struct merge *merge, struct api_error *err)
{
    AUTO_BSON header_reply = BSON_INITIALIZER;
    AUTO_BSON rows_reply = BSON_INITIALIZER;
    struct put *put = merge->put;
    struct plan plan;
    bson_t header;
    enum outcome outcome = lock_header(merge, &header_reply, &header, err);

    if (outcome != PUT_DONE)
        return outcome;
    plan_start(&plan, &put->key.oid, put->list, &header);
    outcome = read_rows(merge, &plan, &rows_reply, err);
    if (outcome == PUT_DONE && !plan_finish(&plan, &rows_reply, err))
        outcome = PUT_FAILED;
    if (outcome == PUT_DONE)
        outcome = write_rows(merge, &plan, err);
    if (outcome == PUT_DONE)
        outcome = write_header(merge, &plan, err);
    put->receipt->inserted = plan.inserted;
    put->receipt->replaced = plan.replaced;
    plan_clear(&plan);
    return outcome;
}

static enum outcome
commit(struct merge *merge, struct store_lane *lane, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    struct put *put = merge->put;
    bson_error_t cause;

    if (!mongoc_client_session_commit_transaction(merge->session, &reply, &cause))
        return give_up(merge, "commit", &cause, &reply, err);
    run_doc_hold(merge->written, put->held);
    put_learn(put, merge->written);
    store_lane_learn(lane, put->key.oid.bytes, put->key.merges);
    return PUT_DONE;
}

static enum outcome
merge_in_lane(struct merge *merge, struct store_lane *lane, struct api_error *err)
{
    struct store *store = merge->put->store;
    bson_error_t cause;
    enum outcome outcome;

    if (!mongoc_client_session_append(merge->session, &merge->opts, &cause) ||
        !mongoc_client_session_start_transaction(merge->session, NULL, &cause))
        return give_up(merge, "start_transaction", &cause, NULL, err);
    if (!store_claim_open(store, mongoc_client_session_get_lsid(merge->session),
                          &merge->put->key.oid, err))
        return PUT_FAILED;
    outcome = merge_inside(merge, err);
    if (outcome == PUT_DONE)
        outcome = commit(merge, lane, err);
    else if (!store->lost)
        (void)mongoc_client_session_abort_transaction(merge->session, NULL);
    /*
     * Over for certain: committed, or ended by the server, which said so. An abort may have got
     * lost on its way (the driver does not tell), as may have a commit.
     */
    if (outcome == PUT_DONE || outcome == PUT_AGAIN || err->id == API_RUN_NOT_FOUND)
        store_claim_close(store);
    else
        store_claim_doubt(store);
    return outcome;
}

static enum outcome
merge_in_session(struct merge *merge, struct api_error *err)
{
    struct put *put = merge->put;
    struct store_lane *lane = store_lane_enter(put->store, put->key.oid.bytes);
    enum outcome outcome;

    if (lane != NULL && put->tail_is_full &&
        store_lane_merges(lane, put->key.oid.bytes) > put->key.merges)
        outcome = PUT_OTHER; /* somebody has just made room */
    else
        outcome = merge_in_lane(merge, lane, err);
    store_lane_leave(lane);
    bson_destroy(merge->written);
    return outcome;
}

enum outcome
put_merge(struct put *put, struct api_error *err)
{
    struct merge merge = {.put = put, .opts = BSON_INITIALIZER};
    mongoc_client_t *client = store_client(put->store, err);
    mongoc_session_opt_t *opts;
    bson_error_t cause;
    enum outcome outcome;

    if (client == NULL)
        return PUT_FAILED;
    opts = mongoc_session_opts_new();
    /* Every command goes to the primary: there is nothing to be causally consistent with. */
    mongoc_session_opts_set_causal_consistency(opts, false);
    merge.session = mongoc_client_start_session(client, opts, &cause);
    mongoc_session_opts_destroy(opts);
    if (merge.session == NULL && cause.domain == MONGOC_ERROR_CLIENT) {
        /* It met this mongod while it recovered, and goes on believing that it has no sessions. */
        store_forget_client(put->store);
        return PUT_AGAIN;
    }
    if (merge.session == NULL)
        return give_up(&merge, "start_session", &cause, NULL, err);
    outcome = merge_in_session(&merge, err);
    mongoc_client_session_destroy(merge.session);
    bson_destroy(&merge.opts);
    return outcome;
}
