/*
 * tensorboard.h - episodes as a TensorBoard event file: a scalar a metric by its name, at the
 * step of the episode's number and the wall time of its report.
 */
#ifndef TRAINING_TENSORBOARD_H
#define TRAINING_TENSORBOARD_H

#include "base/out.h"
#include "training/episode.h"

/* The record that every event file begins with. started_ms: UTC. */
void tensorboard_write_start(int64_t started_ms, struct out *out);

/*
 * One record with all values of the episode, the reward under both its names, `win` as a number;
 * none for an episode without values. Scalars are single precision, as TensorBoard draws them.
 */
void tensorboard_write(const struct episode *episode, struct out *out);

#endif
