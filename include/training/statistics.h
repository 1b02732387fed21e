/*
 * statistics.h - what a run's episodes amount to: for every metric its count, mean, minimum and
 * maximum, and the win rate over the newest 100 episodes that have `win`.
 */
#ifndef TRAINING_STATISTICS_H
#define TRAINING_STATISTICS_H

#include "base/json_out.h"
#include "training/episode.h"
#include "training/rolling.h"

#define STATISTICS_WIN_WINDOW 100   /* episodes of the rolling win rate */
#define STATISTICS_METRICS_MAX 1000 /* different metrics in one run */

struct metric_statistics {
    char name[METRIC_NAME_MAX + 1];
    int64_t count;     /* finite values */
    int64_t nonfinite; /* the others; a metric that is 0 in both occurs no more */
    /* Neumaier's compensated sum: sum + carry. Wider than a double, so that 1e308 twice fits. */
    long double sum, carry;
    double min, max; /* of the finite values */
};

struct win {
    int64_t number;
    double value;
};

struct statistics {
    int64_t episodes;
    struct metric_statistics *metrics; /* owned, in the order of their first occurrence */
    size_t metric_count;
    struct rolling win_rate;                /* fed with every `win` */
    double final_win_rate;                  /* NAN while there is none */
    struct win wins[STATISTICS_WIN_WINDOW]; /* a ring of the newest: the i-th is at i % 100 */
    size_t win_count;                       /* all wins seen */
};

void statistics_init(struct statistics *statistics);

/* Take the next episode, in number order. False when memory ran out. */
bool statistics_add(struct statistics *statistics, const struct episode *episode);

/* The same for the figures of the metrics alone, in any order: the win rate is left as it is. */
bool statistics_add_values(struct statistics *statistics, const struct episode *episode);

/*
 * Undo statistics_add_values for an episode that is replaced. False when a figure can no longer
 * be told without looking at the episodes: an extreme has gone, or the sum has lost its digits.
 */
bool statistics_take_out(struct statistics *statistics, const struct episode *episode);

/* A metric by its stored name, added with empty figures if need be. NULL when memory ran out. */
struct metric_statistics *statistics_metric(struct statistics *statistics, const char *name);

/* A metric's figures by its stored name; NULL when no episode has it. */
const struct metric_statistics *statistics_find(const struct statistics *statistics,
                                                const char *name);

/* The mean, NAN when no value is finite. */
double metric_mean(const struct metric_statistics *metric);

/* {"total_episodes", "avg_…", "min_…", "max_…", "nonfinite", …}; null when there is no episode. */
void statistics_write(const struct statistics *statistics, struct json_out *json, const char *key);

void statistics_clear(struct statistics *statistics);

#endif
