/*
 * store_episode.h - episodes in MongoDB, collection `episodes`, one small document each. They and
 * the counters in their run's header change together or not at all.
 */
#ifndef STORE_STORE_EPISODE_H
#define STORE_STORE_EPISODE_H

#include "store/store.h"
#include "store/store_run.h"
#include "training/episode.h"

/* What became of the reports of one request. */
struct store_receipt {
    int64_t accepted; /* reports in the request */
    int64_t inserted; /* episodes that are new */
    int64_t replaced; /* episodes that were there; one that was reported later stays as it is */
};

/*
 * Store all episodes of the list or none, and give the run's header after it. A report replaces a
 * stored one that reached nginx no later. Safe to repeat after any error.
 * Errors: RUN_NOT_FOUND, FIELD_INVALID (more different metrics than a run may have), STORE_BUSY,
 * STORE_UNAVAILABLE (the outcome may be unknown), STORE_FULL.
 */
bool store_episode_put(struct store *store, const char *account, const char *run_id,
                       const struct episode_list *list, int64_t now_ms, struct run_held *held,
                       struct store_receipt *receipt, struct api_error *err);

/* Called with each episode, in number order; borrowed. False ends the reading early. */
typedef bool store_episode_visit(const struct episode *episode, void *context);

/* A run's episodes with numbers in [from, to]. The visitor's ending it early is no error. */
bool store_episode_each(struct store *store, const struct run *run, int64_t from, int64_t to,
                        store_episode_visit *visit, void *context, struct api_error *err);

/* Called with each value of one metric, in number order. False ends the reading early. */
typedef bool store_metric_visit(int64_t number, double value, void *context);

/* One metric (by its stored name) of a run's episodes with numbers in [from, to]. */
bool store_episode_metric(struct store *store, const struct run *run, const char *metric,
                          int64_t from, int64_t to, store_metric_visit *visit, void *context,
                          struct api_error *err);

/*
 * At least the `count` episodes with a run's highest numbers: as many of its rows, highest first,
 * then all of the header's tail. A number that comes twice counts as it came first.
 */
bool store_episode_last(struct store *store, const struct run *run, int64_t count,
                        store_episode_visit *visit, void *context, struct api_error *err);

#endif
