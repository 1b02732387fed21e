/*
 * progress.h - how far a training is, as seed 003 tells it: the means of a few metrics over the
 * last 10 episodes. Fed in any order; an episode that comes twice counts as it came first.
 */
#ifndef TRAINING_PROGRESS_H
#define TRAINING_PROGRESS_H

#include "base/json_out.h"
#include "training/episode.h"

#define PROGRESS_WINDOW 10 /* episodes */
#define PROGRESS_METRICS 6 /* rows of the table in progress.c */

struct progress_point {
    int64_t number;                  /* of the episode */
    int64_t created_ms;              /* when it was reported */
    double values[PROGRESS_METRICS]; /* NAN: the episode has none, or none that is finite */
};

/* Zero it first. */
struct progress {
    struct progress_point points[PROGRESS_WINDOW]; /* those with the highest numbers, ascending */
    size_t count;
};

/* Take an episode; it is dropped again when ten later ones are known. */
void progress_add(struct progress *progress, const struct episode *episode);

/* The highest number; 0: none yet. */
int64_t progress_episode(const struct progress *progress);

/*
 * {"episode", "total_episodes", "avg_reward", "avg_duration", "avg_cash", "avg_invested",
 * "stability", "goal_adherence", "elapsed_time"} under key; null while there is no episode. A mean
 * is null when none of the ten has the metric. elapsed_time: seconds from started_ms to the newest
 * episode's report.
 */
void progress_write(const struct progress *progress, int64_t total_episodes, int64_t started_ms,
                    struct json_out *json, const char *key);

/* {"avg_reward", "avg_duration", "stability"} under key: what seed 003 says of a completed one. */
void progress_write_final(const struct progress *progress, struct json_out *json, const char *key);

#endif
