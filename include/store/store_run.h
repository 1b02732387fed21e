/*
 * store_run.h - runs in MongoDB, collection `runs`: the header of a run, found by account and
 * run_id. A deleted run is found by none of these but store_run_insert.
 */
#ifndef STORE_STORE_RUN_H
#define STORE_STORE_RUN_H

#include "store/store.h"
#include "store/store_audit.h"
#include "training/run.h"
#include "training/statistics.h"
#include "training/run_order.h"

/* A run and what its texts are borrowed from. Zero it first; release it when done. */
struct run_held {
    struct run run;
    void *holder; /* owned by the store's own memory; NULL: nothing is held */
};

/* NULL members are fine; *held is zeroed. */
void store_run_release(struct run_held *held);

/*
 * Insert a new run, started by->now_ms, and give it as stored. When the run_id is taken, *held is
 * the run that has it (also a deleted one) and *inserted false.
 * Errors: STORE_BUSY, STORE_UNAVAILABLE, STORE_FULL.
 */
bool store_run_insert(struct store *store, const struct store_author *by,
                      const struct run_request *request, struct run_held *held, bool *inserted,
                      struct api_error *err);

/* Errors: RUN_NOT_FOUND, STORE_UNAVAILABLE. */
bool store_run_find(struct store *store, const char *account, const char *run_id,
                    struct run_held *held, struct api_error *err);

/*
 * Change a run: each member of *change that is set, and last_reported_at. Ending a run sets its
 * end to by->now_ms; ending it again with the same status changes nothing.
 * Errors: RUN_NOT_FOUND, RUN_ENDED (with another status), FIELD_INVALID (metadata becomes larger
 * than metadata_max bytes), STORE_BUSY, STORE_UNAVAILABLE.
 */
bool store_run_change(struct store *store, const struct store_author *by, const char *run_id,
                      const struct run_change *change, size_t metadata_max, struct run_held *held,
                      struct api_error *err);

/*
 * Delete a run: from now on nothing but store_run_insert and store_run_restore finds it. It is
 * kept for retention_ms. Errors: RUN_NOT_FOUND (also when it is deleted already), STORE_BUSY,
 * STORE_UNAVAILABLE.
 */
bool store_run_delete(struct store *store, const struct store_author *by, const char *run_id,
                      int64_t retention_ms, struct api_error *err);

/*
 * Bring a deleted run back, as it was; one that is not deleted stays as it is. Works until the run
 * is purged, which is soon after its retention. Errors: RUN_NOT_FOUND, STORE_BUSY,
 * STORE_UNAVAILABLE.
 */
bool store_run_restore(struct store *store, const struct store_author *by, const char *run_id,
                       struct run_held *held, struct api_error *err);

/* Note a checkpoint; the same (episode, path) twice is one. Errors as above; FIELD_INVALID: too
 * many. */
bool store_run_add_checkpoint(struct store *store, const char *account, const char *run_id,
                              const struct run_checkpoint *checkpoint, int64_t now_ms,
                              struct run_held *held, struct api_error *err);

/* Which runs, in which order, from where. Members that are NULL or 0 do not restrict. */
struct run_query {
    enum run_status status;
    const char *strategy_label, *agent_id, *tag;
    const char *text; /* a part of run_id, label, agent, algorithm or tag; minds no case */
    int64_t since_ms, until_ms; /* of started_at, both included */
    int64_t limit, offset;
    struct run_order order; /* zero: newest start first */
    bool names_only;        /* config, notes and metadata are not wanted */
    /* From this place on, the offset not counting; the answer is in the list's order either way. */
    struct run_cursor cursor;
};

/* Called with each run of a list, in its order; borrowed. False ends the list early. */
typedef bool store_run_visit(struct run *run, void *context);

/*
 * The runs of an account in the query's order. *more: there is at least one beyond the last. A run
 * whose summary is out of step is mended before it is visited. What a list by figures goes by is
 * brought up to date first: the order is that of the moment it began.
 * Errors: STORE_BUSY (so many runs had reports since the last such list that another try is
 * needed; it goes on where this one ended), STORE_UNAVAILABLE.
 */
bool store_run_list(struct store *store, const char *account, const struct run_query *query,
                    store_run_visit *visit, void *context, bool *more, struct api_error *err);

/* How many runs the query finds, whatever its limit, offset and cursor. */
bool store_run_count(struct store *store, const char *account, const struct run_query *query,
                     int64_t *count, struct api_error *err);

/* Called with each agent_id, sorted. */
typedef bool store_agent_visit(const char *agent_id, void *context);

bool store_agent_list(struct store *store, const char *account, store_agent_visit *visit,
                      void *context, struct api_error *err);

/* Has the run an episode with this metric (its stored name)? Told by the header. */
bool store_run_has_metric(const struct run_held *held, const char *metric);

/*
 * The figures of all metrics over all episodes, told by the header, which changes in the same
 * commit as they do; clear it. False: a replacement has left them in doubt, read the episodes.
 */
bool store_run_statistics(const struct run_held *held, struct statistics *statistics);

/*
 * Where a replacement has left held->run.summary in doubt, recompute it from the episodes, as a
 * list does. Errors: STORE_UNAVAILABLE.
 */
bool store_run_settle(struct store *store, struct run_held *held, struct api_error *err);

/* The highest episode number reported, 0 while there is none. Told by the header. */
int64_t store_run_highest(const struct run_held *held);

/* Called with the stored name of a metric; borrowed. False ends the walk. */
typedef bool store_run_metric_visit(const char *metric, void *context);

/*
 * Each metric of the episodes that the run had when its header was read, told by the header, in
 * no order and some more than once. False when the visitor ended it.
 */
bool store_run_each_metric(const struct run_held *held, store_run_metric_visit *visit,
                           void *context);

#endif
