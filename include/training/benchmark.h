/*
 * benchmark.h - how agents compare over their runs: a run's score, and per (agent_id, algorithm)
 * the best, the median, the interquartile mean and its 95 % interval.
 *
 * The figures and the interval are those of Agarwal et al., "Deep Reinforcement Learning at the
 * Edge of the Statistical Precipice" (NeurIPS 2021): percentiles of a bootstrap that draws the
 * runs of each task (stratum) anew, with replacement. Pure: no sockets and no database.
 */
#ifndef TRAINING_BENCHMARK_H
#define TRAINING_BENCHMARK_H

#include "base/json_out.h"
#include "training/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCHMARK_WINDOW 100 /* episodes of a score, and of the rolling mean of a target */
#define BENCHMARK_RESAMPLES \
    2000 /* of the bootstrap; the interval's ends come from 50 in each tail */

/* Members of a config that name the task that was trained on; the first that is a text counts. */
extern const char *const benchmark_task_members[];
extern const size_t benchmark_task_member_count;

/* The mean of a run's newest values: at most BENCHMARK_WINDOW of those that are finite. */
struct benchmark_mean {
    long double sum; /* wide: two of 1e308 must fit */
    size_t count;
};

/* Take the next older value; what is not finite is passed over. False: it has all it needs. */
bool benchmark_mean_add(struct benchmark_mean *mean, double value);

/* The score; the mean has at least one value. */
double benchmark_mean_of(const struct benchmark_mean *mean);

/* One run as it is compared. */
struct benchmark_run {
    char agent_id[RUN_NAME_MAX + 1], algorithm[RUN_NAME_MAX + 1];
    char task[RUN_NAME_MAX + 1]; /* "" when the config names none */
    double score;                /* finite */
    int64_t reached; /* the first episode whose rolling mean is at the target; 0: none */
};

struct benchmark {
    struct benchmark_run *runs; /* owned */
    size_t count, room;
};

/* Take a copy of a run. Out of memory ends the worker; the master starts another. */
void benchmark_add(struct benchmark *benchmark, const struct benchmark_run *run);

/*
 * Write "groups": [{agent_id, algorithm, runs, best, median, iqm, ci95: [low, high],
 * episodes_to_target, reached?}], sorted by agent_id, then algorithm. with_target: members of the
 * target are told; else episodes_to_target is null. The same runs, in whatever order they were
 * added, give the same text.
 */
void benchmark_write(struct benchmark *benchmark, bool with_target, struct json_out *json);

void benchmark_clear(struct benchmark *benchmark);

/*
 * Of count ascending values the one at the share q (0 to 1), by linear interpolation between
 * neighbours: numpy.percentile's default. count is at least 1.
 */
double benchmark_quantile(const double *sorted, size_t count, double q);

/* The mean of the middle half of ascending values: scipy.stats.trim_mean(sorted, 0.25). */
double benchmark_iqm(const double *sorted, size_t count);

/*
 * The ends of the 95 % interval of the interquartile mean of ascending values. stratum[i] is the
 * number of the task of value i, from 0 to count - 1. Deterministic.
 */
void benchmark_interval(const double *sorted, const size_t *stratum, size_t count, double ends[2]);

#endif
