/*
 * store_counters.h - what a header counts of its run's episodes, and how it changes with them;
 * for app/store alone. It covers the documents in `episodes`, not the reports in the tail.
 */
#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include "base/auto.h"
#include "training/run.h"
#include "training/statistics.h"

/* Figures of all metrics, and the wins of the newest episodes in number order. */
struct counters {
    struct statistics figures;
    struct win wins[STATISTICS_WIN_WINDOW];
    size_t win_count; /* in wins */
    bool stale;       /* a replacement left figures in doubt: recompute from the episodes */
};

/* What the header says. Clear it. False when memory ran out. */
bool counters_read(const bson_t *header, struct counters *counters);

/* The same from a pass over the episodes themselves; takes over what statistics owns. */
void counters_from_pass(struct statistics *statistics, struct counters *counters);

void counters_clear(struct counters *counters);

/* An episode that was not counted. False when memory ran out. */
bool counters_add(struct counters *counters, const struct episode *episode);

/* A report that replaces one that was counted. */
bool counters_replace(struct counters *counters, const struct episode *old,
                      const struct episode *new);

/* metrics, wins, metric_count and summary_stale, as members of a $set. */
void counters_append(const struct counters *counters, bson_t *set);

/* The summary of a run whose episodes are these, and no others. */
void counters_summarise(const struct counters *counters, struct run_summary *summary);

#endif
