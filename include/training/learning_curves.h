/*
 * learning_curves.h - the rolling means (window 10) of all metrics of a run at once, made in one
 * pass over its episodes and kept as text until the pass is over (seed 000's learning_curve).
 */
#ifndef TRAINING_LEARNING_CURVES_H
#define TRAINING_LEARNING_CURVES_H

#include "base/json_out.h"
#include "training/episode.h"

#define LEARNING_CURVES_WINDOW 10

struct learning_curves {
    struct learning_curve *curves; /* owned; one a metric */
    size_t count;
};

/* Take the next episode, in number order. False when memory or the disk ran out. */
bool learning_curves_add(struct learning_curves *curves, const struct episode *episode);

/* {"metric": [means…], …}, the reward under both names; false when a part could not be read. */
bool learning_curves_write(struct learning_curves *curves, struct json_out *json, const char *key);

void learning_curves_clear(struct learning_curves *curves);

#endif
