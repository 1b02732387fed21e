/*
 * store_append.c - the quick way into the database: one report, one update, one wait for the disk.
 * Called by store_episode.c. Next: store_tail.c (why it is exact), then MongoDB.
 */
#include "store_put.h"

#include "store_bson.h"
#include "store_run_doc.h"
#include "store_run_rank.h"
#include "store_tail.h"
#include "training/statistics.h"

#include <stdio.h>

#define APPEND_TRIES 3 /* each with what the header said after the one before */

/*
 * The run, if this number is new to it and its tail has room. A number above every row's is no
 * row's. One below was looked for among the rows (is_row), and no row has been added since if the
 * run's count of merges is still the one that was known before.
 */
static void
append_query(bson_t *command, const struct put *put, int64_t number)
{
    char last[16];
    bson_t query;

    snprintf(last, sizeof last, "tail.%d", TAIL_MAX - 1);
    BSON_APPEND_DOCUMENT_BEGIN(command, "query", &query);
    BCON_APPEND(&query, "_id", BCON_OID(&put->key.oid), "deleted_at", BCON_NULL, "metric_count",
                "{", "$lt", BCON_INT32(STATISTICS_METRICS_MAX), "}", "tail.n", "{", "$ne",
                BCON_INT64(number), "}", last, "{", "$exists", BCON_BOOL(false), "}");
    if (number > put->key.rows_max)
        BCON_APPEND(&query, "rows_max", "{", "$lt", BCON_INT64(number), "}");
    else
        BCON_APPEND(&query, "merges", BCON_INT64(put->key.merges));
    bson_append_document_end(command, &query);
}

static void
append_update(bson_t *command, const struct put *put)
{
    bson_t update, push;

    BSON_APPEND_DOCUMENT_BEGIN(command, "update", &update);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$push", &push);
    tail_append(&push, "tail", &put->list->items[0], false);
    bson_append_document_end(&update, &push);
    BCON_APPEND(&update, "$inc", "{", "episodes", BCON_INT64(1), "revision", BCON_INT64(1), "}",
                "$max", "{", "last_reported_at", BCON_DATE_TIME(put->now_ms), "}");
    run_rank_append_behind(&update, put->now_ms);
    bson_append_document_end(command, &update);
}

static bool
run_command(struct put *put, const char *doing, const bson_t *command, bson_t *reply,
            struct api_error *err)
{
    bson_error_t cause;

    return store_command(put->store, command, NULL, reply, &cause) ||
           store_fail(put->store, err, doing, &cause, reply);
}

/*
 * STEP_AGAIN: the header is not (or no longer) as it was thought to be. Writers of one run meet in
 * the server, which tries again by itself: measured, that is cheaper than to queue for the lane.
 */
static enum step
append_once(struct put *put, int64_t number, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t header;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    append_query(&command, put, number);
    append_update(&command, put);
    BSON_APPEND_BOOL(&command, "new", true);
    put_append_fields(&command);
    store_append_durable(&command);
    if (!run_command(put, "append_episode", &command, &reply, err))
        return STEP_FAILED;
    if (!store_read_document(&reply, "value", &header))
        return STEP_AGAIN;
    put_learn(put, &header);
    run_doc_hold(&header, put->held);
    put->receipt->inserted = 1;
    return STEP_DONE;
}

/* Is there a row with this number? STEP_OTHER: yes. STEP_DONE: no. */
static enum step
is_row(struct put *put, int64_t number, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t filter, row;

    BSON_APPEND_UTF8(&command, "find", store_collection_names[STORE_EPISODES]);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "filter", &filter);
    episode_doc_append_id(&filter, "_id", &put->key.oid, number);
    bson_append_document_end(&command, &filter);
    BCON_APPEND(&command, "projection", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT32(1),
                "singleBatch", BCON_BOOL(true));
    if (!run_command(put, "look_for_row", &command, &reply, err))
        return STEP_FAILED;
    return put_found(&reply, &row) ? STEP_OTHER : STEP_DONE;
}

/* Does the header leave room for the quick way? STEP_OTHER: no. */
static enum step
judge_header(struct put *put, const bson_t *header, int64_t number)
{
    bson_iter_t tail, entry;
    int count = 0;

    put->tail_is_full = false;
    if (store_read_whole(header, "metric_count") >= STATISTICS_METRICS_MAX)
        return STEP_OTHER;
    for (bool more = store_read_inside(header, "tail", &tail); more && bson_iter_next(&tail);) {
        count++;
        if (bson_iter_recurse(&tail, &entry) && bson_iter_find(&entry, "n") &&
            bson_iter_as_int64(&entry) == number)
            return STEP_OTHER;
    }
    put->tail_is_full = count >= TAIL_MAX;
    return put->tail_is_full ? STEP_OTHER : STEP_AGAIN;
}

/* Why did the header not match? STEP_AGAIN: try with what it says now. */
static enum step
look_at_header(struct put *put, int64_t number, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t header;

    return put_look(put, &reply, &header, err) ? judge_header(put, &header, number) : STEP_FAILED;
}

/* What another worker of this machine may have learnt since. */
static void
ask_lane(struct put *put)
{
    struct store_lane *lane = store_lane_enter(put->store, put->key.oid.bytes);

    if (lane != NULL && store_lane_merges(lane, put->key.oid.bytes) > put->key.merges)
        put->key.merges = store_lane_merges(lane, put->key.oid.bytes);
    store_lane_leave(lane);
}

/*
 * A number below the highest row's: a straggler, or a gap that is filled. The count of merges is
 * known first, then the number is looked for among the rows, then the update asks for that count.
 */
static enum step
append_below(struct put *put, int64_t number, struct api_error *err)
{
    enum step step;

    ask_lane(put);
    step = is_row(put, number, err);
    if (step == STEP_DONE)
        step = append_once(put, number, err);
    return step == STEP_AGAIN ? look_at_header(put, number, err) : step;
}

/* A number above every row's: new, unless it waits in the tail. */
static enum step
append_above(struct put *put, int64_t number, struct api_error *err)
{
    enum step step = append_once(put, number, err);

    return step == STEP_AGAIN ? look_at_header(put, number, err) : step;
}

enum step
put_append(struct put *put, struct api_error *err)
{
    const int64_t number = put->list->items[0].number;

    for (int try = 0; try < APPEND_TRIES; try++) {
        enum step step = number > put->key.rows_max ? append_above(put, number, err)
                                                    : append_below(put, number, err);

        if (step != STEP_AGAIN)
            return step;
    }
    return STEP_OTHER;
}
