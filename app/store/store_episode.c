/*
 * store_episode.c - stores reports: episodes and the counters in their run's header change in one
 * transaction. Called by routes/route_episode.c.
 * Next: store_plan.c (what is new, what replaces), store_counters.c (the header's arithmetic).
 */
#include "store/store_episode.h"

#include "base/clock.h"
#include "store_counters.h"
#include "store_episode_doc.h"
#include "store_plan.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_run_key.h"

#include <stdlib.h>
#include <time.h>

#define PUT_TRIES 12        /* of a transaction that meets another writer's */
#define PUT_TRIES_MS 1200   /* and for how long at most */
#define PAUSE_FIRST_US 2000 /* doubled each time, with jitter */
#define PAUSE_MAX_US 100000

enum outcome {
    PUT_DONE,
    PUT_FAILED,  /* *err says why */
    PUT_AGAIN,   /* another writer was in the way: the same again */
    PUT_REPLACES /* something is there already: read it first */
};

/* One request on its way into the database. */
struct put {
    struct store *store;
    const char *account, *run_id;
    const struct episode_list *list;
    int64_t now_ms;
    bson_oid_t run;
    struct run_held *held;
    struct store_receipt *receipt;
    mongoc_client_session_t *session;
    bson_t opts; /* {sessionId} */
    struct counters counters;
};

/* Give up this try, for a reason that is in cause. */
static enum outcome
give_up(struct put *put, const char *doing, const bson_error_t *cause, const bson_t *reply,
        struct api_error *err)
{
    if (store_is_transient(reply) && !store_is_loss(cause))
        return PUT_AGAIN;
    store_fail(put->store, err, doing, cause, reply);
    return PUT_FAILED;
}

static bool
too_many_metrics(const bson_t *header)
{
    bson_iter_t at, inside;
    size_t count = 0;

    if (!bson_iter_init_find(&at, header, "metrics") || !bson_iter_recurse(&at, &inside))
        return false;
    while (bson_iter_next(&inside))
        count++;
    return count > STATISTICS_METRICS_MAX;
}

/* The header as it is after the update, or the reason why it may not be. */
static enum outcome
take_header(struct put *put, const bson_t *reply, struct api_error *err)
{
    bson_iter_t value;
    const uint8_t *bytes;
    uint32_t size;
    bson_t header;

    if (!bson_iter_init_find(&value, reply, "value") || !BSON_ITER_HOLDS_DOCUMENT(&value)) {
        store_run_key_forget(put->store, put->account, put->run_id);
        api_fail(err, API_RUN_NOT_FOUND, NULL);
        return PUT_FAILED;
    }
    bson_iter_document(&value, &size, &bytes);
    if (!bson_init_static(&header, bytes, size) || too_many_metrics(&header)) {
        api_fault(err, "metrics", "the run has more than %d different metrics with these",
                  STATISTICS_METRICS_MAX);
        return PUT_FAILED;
    }
    run_doc_hold(&header, put->held);
    return PUT_DONE;
}

static enum outcome
update_header(struct put *put, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    counters_append_update(&put->counters, put->now_ms, &update);
    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BCON_APPEND(&command, "query", "{", "_id", BCON_OID(&put->run), "deleted_at", BCON_NULL, "}",
                "fields", "{", "config", BCON_INT32(0), "metadata", BCON_INT32(0), "metadata_json",
                BCON_INT32(0), "checkpoint_paths", BCON_INT32(0), "notes", BCON_INT32(0), "wins",
                BCON_INT32(0), "}");
    BSON_APPEND_DOCUMENT(&command, "update", &update);
    BSON_APPEND_BOOL(&command, "new", true);
    if (!store_command(put->store, &command, &put->opts, &reply, &cause))
        return give_up(put, "count_episodes", &cause, &reply, err);
    return take_header(put, &reply, err);
}

/* Write the episodes as planned. */
static enum outcome
write_episodes(struct put *put, const struct plan *plan, struct api_error *err)
{
    const struct {
        const bson_t *command;
        const char *doing;
        size_t count;
    } steps[] = {
        {&plan->inserts, "insert_episodes", plan->insert_count},
        {&plan->updates, "replace_episodes", plan->update_count},
    };

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        AUTO_BSON reply = BSON_INITIALIZER;
        bson_error_t cause;

        if (steps[i].count == 0 ||
            store_command(put->store, steps[i].command, &put->opts, &reply, &cause))
            continue;
        if (store_is_duplicate(&cause))
            return PUT_REPLACES;
        return give_up(put, steps[i].doing, &cause, &reply, err);
    }
    return PUT_DONE;
}

/* The transaction's inside. `look`: read what is stored under these numbers first. */
static enum outcome
put_inside(struct put *put, bool look, struct api_error *err)
{
    struct plan plan;
    bson_error_t cause;
    AUTO_BSON reply = BSON_INITIALIZER;
    enum outcome outcome;

    plan_init(&plan);
    if (!(look ? plan_look(&plan, put->store, &put->opts, &put->run, put->list, &put->counters,
                           &reply, &cause)
               : plan_all_new(&plan, &put->run, put->list, &put->counters)))
        outcome = look ? give_up(put, "look_for_episodes", &cause, &reply, err) : PUT_FAILED;
    else
        outcome = write_episodes(put, &plan, err);
    if (outcome == PUT_DONE)
        outcome = update_header(put, err);
    put->receipt->inserted = (int64_t)plan.insert_count;
    put->receipt->replaced = (int64_t)plan.update_count;
    plan_clear(&plan);
    return outcome;
}

static enum outcome
commit(struct put *put, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    if (mongoc_client_session_commit_transaction(put->session, &reply, &cause))
        return PUT_DONE;
    store_run_release(put->held);
    return give_up(put, "commit_episodes", &cause, &reply, err);
}

/* One transaction, from its start to its end. */
static enum outcome
put_once(struct put *put, bool look, struct api_error *err)
{
    bson_error_t cause;
    enum outcome outcome;

    counters_init(&put->counters);
    if (!mongoc_client_session_start_transaction(put->session, NULL, &cause)) {
        outcome = give_up(put, "start_transaction", &cause, NULL, err);
    } else {
        struct store_lane *lane = store_lane_enter(put->store, put->run.bytes);

        outcome = put_inside(put, look, err);
        if (outcome == PUT_DONE)
            outcome = commit(put, err);
        else if (outcome != PUT_FAILED || !put->store->lost)
            (void)mongoc_client_session_abort_transaction(put->session, NULL);
        store_lane_leave(lane);
    }
    if (outcome != PUT_DONE)
        store_run_release(put->held);
    counters_clear(&put->counters);
    return outcome;
}

/* A little longer each time, and not the same for two writers that met. */
static void
pause_before(int try)
{
    int64_t most_us = PAUSE_FIRST_US << (try < 6 ? try : 6);
    struct timespec pause = {0};

    if (most_us > PAUSE_MAX_US)
        most_us = PAUSE_MAX_US;
    pause.tv_nsec = (long)((most_us / 2 + clock_steady_us() % (most_us / 2)) * 1000);
    nanosleep(&pause, NULL);
}

/* Until it is done, fails, or has been tried often enough. */
static bool
put_with_session(struct put *put, struct api_error *err)
{
    const int64_t give_up_at_ms = clock_steady_ms() + PUT_TRIES_MS;
    bool look = false;

    for (int try = 0; try < PUT_TRIES && clock_steady_ms() < give_up_at_ms; try++) {
        switch (put_once(put, look, err)) {
        case PUT_DONE:
            return true;
        case PUT_FAILED:
            return false;
        case PUT_REPLACES:
            look = true;
            break;
        case PUT_AGAIN:
            pause_before(try);
            break;
        }
    }
    return api_fail(err, API_STORE_BUSY, NULL);
}

/* A session without causal consistency: every command goes to the primary anyway. */
static bool
start_session(struct put *put, struct api_error *err)
{
    mongoc_client_t *client = store_client(put->store, err);
    mongoc_session_opt_t *opts;
    bson_error_t cause;

    if (client == NULL)
        return false;
    opts = mongoc_session_opts_new();
    mongoc_session_opts_set_causal_consistency(opts, false);
    put->session = mongoc_client_start_session(client, opts, &cause);
    mongoc_session_opts_destroy(opts);
    if (put->session == NULL)
        return store_fail(put->store, err, "start_session", &cause, NULL);
    if (mongoc_client_session_append(put->session, &put->opts, &cause))
        return true;
    return store_fail(put->store, err, "use_session", &cause, NULL);
}

bool
store_episode_put(struct store *store, const char *account, const char *run_id,
                  const struct episode_list *list, int64_t now_ms, struct run_held *held,
                  struct store_receipt *receipt, struct api_error *err)
{
    struct put put = {.store = store,
                      .account = account,
                      .run_id = run_id,
                      .list = list,
                      .now_ms = now_ms,
                      .held = held,
                      .receipt = receipt,
                      .opts = BSON_INITIALIZER};
    bool remembered, good;

    *receipt = (struct store_receipt){.accepted = (int64_t)list->reported};
    good = store_run_key(store, account, run_id, &put.run, &remembered, err) &&
           start_session(&put, err) && put_with_session(&put, err);
    if (put.session != NULL)
        mongoc_client_session_destroy(put.session);
    bson_destroy(&put.opts);
    if (good || !remembered || err->id != API_RUN_NOT_FOUND)
        return good;
    /* What was remembered is gone; the id may belong to a newer run by now. Asked once more. */
    *err = (struct api_error){.id = API_OK};
    return store_episode_put(store, account, run_id, list, now_ms, held, receipt, err);
}
