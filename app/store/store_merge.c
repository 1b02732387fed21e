/*
 * store_merge.c - the thorough way into the database: batches, replacements, stragglers, and the
 * tail when it is full. Episodes and header change in one transaction, which begins by writing the
 * header: whoever else writes this run waits for it there.
 * Called by store_episode.c. Next: store_plan.c (what goes where), store_counters.c.
 */
#include "store_put.h"

#include "store_bson.h"
#include "store_plan.h"
#include "store_run_doc.h"

/* What the transaction works on, and what it leaves for after the commit. */
struct merge {
    struct put *put;
    bson_t *written; /* the header as it will be; owned; NULL until it is written */
};

/* Take the header's write lock and read it: counters, tail, rows_max. */
static enum step
lock_header(struct transaction *transaction, struct put *put, bson_t *reply, bson_t *header,
            struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON seen = BSON_INITIALIZER;
    enum step step;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BCON_APPEND(&command, "query", "{", "_id", BCON_OID(&put->key.oid), "deleted_at", BCON_NULL,
                "fence", BCON_INT64(put->key.fence), "}", "update", "{", "$inc", "{", "revision",
                BCON_INT64(1), "merges", BCON_INT64(1), "}", "}", "fields", "{", "metrics",
                BCON_INT32(1), "metric_count", BCON_INT32(1), "wins", BCON_INT32(1),
                "summary_stale", BCON_INT32(1), "tail", BCON_INT32(1), "rows_max", BCON_INT32(1),
                "blocks_to", BCON_INT32(1), "}");
    step = transaction_run(transaction, "lock_run", &command, reply, err);
    if (step != STEP_DONE || store_read_document(reply, "value", header))
        return step;
    /* Its fence is another one by now, or it has gone. */
    return put_look(put, &seen, header, err) ? STEP_AGAIN : STEP_FAILED;
}

/* The rows that are stored under numbers which may be there. */
static enum step
read_rows(struct transaction *transaction, const struct plan *plan, bson_t *reply,
          struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;

    if (!plan_append_find(plan, &command))
        return STEP_DONE; /* all numbers are above every row's */
    return transaction_run(transaction, "read_rows", &command, reply, err);
}

static enum step
write_rows(struct transaction *transaction, const struct plan *plan, struct api_error *err)
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
        enum step step = STEP_DONE;

        if (steps[i].count > 0)
            step = transaction_run(transaction, steps[i].doing, steps[i].command, &reply, err);
        if (step != STEP_DONE)
            return step;
    }
    return STEP_DONE;
}

static enum step
write_header(struct transaction *transaction, struct merge *merge, const struct plan *plan,
             struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    struct put *put = merge->put;
    enum step step;
    bson_t header, update;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BCON_APPEND(&command, "query", "{", "_id", BCON_OID(&put->key.oid), "}", "new",
                BCON_BOOL(true));
    put_append_fields(&command);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "update", &update);
    plan_append_update(plan, put->now_ms, &update);
    bson_append_document_end(&command, &update);
    step = transaction_run(transaction, "write_header", &command, &reply, err);
    if (step != STEP_DONE)
        return step;
    if (!store_read_document(&reply, "value", &header)) { /* it was locked: it cannot have gone */
        api_fail(err, API_INTERNAL, NULL);
        return STEP_FAILED;
    }
    merge->written = bson_copy(&header);
    return STEP_DONE;
}

/* The transaction's inside. */
static enum step
merge_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    struct merge *merge = context;
    AUTO_BSON header_reply = BSON_INITIALIZER;
    AUTO_BSON rows_reply = BSON_INITIALIZER;
    struct put *put = merge->put;
    struct plan plan;
    bson_t header;
    enum step step = lock_header(transaction, put, &header_reply, &header, err);

    if (step != STEP_DONE)
        return step;
    plan_start(&plan, &put->key.oid, put->list, &header);
    step = read_rows(transaction, &plan, &rows_reply, err);
    if (step == STEP_DONE && !plan_finish(&plan, &rows_reply, err))
        step = STEP_FAILED;
    if (step == STEP_DONE)
        step = write_rows(transaction, &plan, err);
    if (step == STEP_DONE)
        step = write_header(transaction, merge, &plan, err);
    put->receipt->inserted = plan.inserted;
    put->receipt->replaced = plan.replaced;
    plan_clear(&plan);
    return step;
}

/* What is committed may be learnt. */
static void
learn(struct merge *merge, struct store_lane *lane)
{
    struct put *put = merge->put;

    run_doc_hold(merge->written, put->held);
    put_learn(put, merge->written);
    store_lane_learn(lane, put->key.oid.bytes, put->key.merges);
}

enum step
put_merge(struct put *put, struct api_error *err)
{
    struct store_lane *lane = store_lane_enter(put->store, put->key.oid.bytes);
    struct merge merge = {.put = put};
    enum step step = STEP_OTHER;

    /* Unless somebody has just made room. */
    if (lane == NULL || !put->tail_is_full ||
        store_lane_merges(lane, put->key.oid.bytes) <= put->key.merges)
        step = store_transact_once(put->store, put->key.oid.bytes, merge_inside, &merge, err);
    if (step == STEP_DONE)
        learn(&merge, lane);
    store_lane_leave(lane);
    bson_destroy(merge.written);
    return step;
}
