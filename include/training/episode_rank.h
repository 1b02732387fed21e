/*
 * episode_rank.h - the first so many episodes of an order, found in one pass over all of them in
 * any order: a heap of that size. An episode without the value that is sorted by, or with one that
 * is not finite, comes last, whichever way it is sorted; ties are in the order of the numbers.
 */
#ifndef TRAINING_EPISODE_RANK_H
#define TRAINING_EPISODE_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an episode's place depends on. */
struct episode_rank {
    int64_t number;
    double value;
    bool valued; /* else value means nothing */
};

struct episode_ranking {
    bool descending;    /* the highest value first */
    bool begins_behind; /* only what comes after `behind` in this order is taken */
    struct episode_rank behind;
    size_t count, room;
    struct episode_rank *items; /* owned; a heap with the last of them on top, until sorted */
};

/* room: at least 1. Ends the process when memory ran out. */
void episode_ranking_init(struct episode_ranking *ranking, size_t room, bool descending);

/* Take an episode into account; value NULL: it has none. */
void episode_ranking_add(struct episode_ranking *ranking, int64_t number, const double *value);

/* Only what comes after this episode counts; called before the first is added. */
void episode_ranking_begin_behind(struct episode_ranking *ranking, int64_t number,
                                  const double *value);

/* Bring the items into their order; nothing can be added after that. */
void episode_ranking_sort(struct episode_ranking *ranking);

void episode_ranking_clear(struct episode_ranking *ranking);

#endif
