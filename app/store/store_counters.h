/*
 * store_counters.h - what a header counts of its run's episodes, and how it changes with them;
 * for app/store alone.
 */
#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include "base/auto.h"
#include "training/statistics.h"

/* What one commit does to a run: filled by store_episode.c, written by counters_append_update. */
struct counters {
    struct statistics added;   /* new reports: inserted ones and those that replace */
    struct statistics removed; /* stored reports that are replaced */
    int64_t inserted;
    struct win wins[STATISTICS_WIN_WINDOW]; /* of inserted episodes, a ring of the newest */
    size_t win_count;
    bool stale; /* sums, extremes or wins can no longer be told from the header alone */
};

void counters_init(struct counters *counters);
void counters_clear(struct counters *counters);

/* An episode that was not there. False when memory ran out. */
bool counters_insert(struct counters *counters, const struct episode *episode);

/* A report that replaces a stored one; header is the run's before the commit. */
bool counters_replace(struct counters *counters, const struct episode *old,
                      const struct episode *new, const bson_t *header);

/* The update of the header: $inc, $max, $min, $push, $set. */
void counters_append_update(struct counters *counters, int64_t now_ms, bson_t *update);

/* The update that puts recomputed figures in the place of the counted ones. */
void counters_append_mended(const struct statistics *statistics, bson_t *update);

#endif
