/*
 * episode_of.h - episodes made by hand, as training/episode.c would read them. For tests of what
 * comes after it; included after cmocka.h.
 */
#ifndef FAKES_EPISODE_OF_H
#define FAKES_EPISODE_OF_H

#include "training/episode.h"

#define REAL(metric_name, value) \
    ((struct metric_value){.name = (metric_name), .type = METRIC_IS_REAL, .real = (value)})
#define WHOLE(metric_name, value)                   \
    ((struct metric_value){.name = (metric_name),   \
                           .type = METRIC_IS_WHOLE, \
                           .real = (double)(value), \
                           .whole = (value)})
#define BOOL(metric_name, value) \
    ((struct metric_value){      \
        .name = (metric_name), .type = METRIC_IS_BOOL, .real = (value) ? 1.0 : 0.0})

/* EPISODE(number, created_ms, REAL(…), BOOL(…)); its values live as long as the block. */
#define EPISODE(n, at_ms, ...)                                                      \
    ((struct episode){.number = (n),                                                \
                      .created_ms = (at_ms),                                        \
                      .values = (struct metric_value[]){__VA_ARGS__},               \
                      .value_count = sizeof((struct metric_value[]){__VA_ARGS__}) / \
                                     sizeof(struct metric_value)})

#endif
