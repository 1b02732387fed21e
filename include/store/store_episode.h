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

/* Which of a run's episodes are read, in the order of their numbers, and what of them. */
struct store_episode_range {
    int64_t from, to; /* numbers, both included */
    bool descending;  /* the highest number first */
    int64_t count;    /* at most so many, and no more rows are looked at; 0: all */
    /*
     * Only these metrics (stored names, at most STORE_METRICS_READ_MAX) are read, and neither
     * session_id nor created_at; an episode may be given with more. 0 of them: whole episodes.
     */
    const char *const *metrics;
    size_t metric_count;
    bool numbers_only; /* nothing but numbers, which the index alone tells */
};

#define STORE_METRICS_READ_MAX 32

/*
 * Read them as of now: what was acknowledged before the header was read (run) is among them, once.
 * The visitor's ending it early is no error.
 */
bool store_episode_read(struct store *store, const struct run *run,
                        const struct store_episode_range *range, store_episode_visit *visit,
                        void *context, struct api_error *err);

/* All whole episodes with numbers in [from, to]. */
bool store_episode_each(struct store *store, const struct run *run, int64_t from, int64_t to,
                        store_episode_visit *visit, void *context, struct api_error *err);

/*
 * The episodes with these numbers, each number once, in the order given; a number that the run
 * does not have is passed over. Memory does not grow with count.
 */
bool store_episode_pick(struct store *store, const struct run *run, const int64_t *numbers,
                        size_t count, store_episode_visit *visit, void *context,
                        struct api_error *err);

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
