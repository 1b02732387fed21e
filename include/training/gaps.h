/*
 * gaps.h - the numbers that are missing in an ascending sequence that should begin at 1 and have
 * no holes, written as they are found: [[from, to], …], both included. Memory does not grow.
 */
#ifndef TRAINING_GAPS_H
#define TRAINING_GAPS_H

#include "base/json_out.h"

struct gaps {
    struct json_out *json; /* borrowed; an array is open in it */
    int64_t last;          /* the highest number so far; 0 before the first */
};

/* Take the next number, in ascending order, at least 1, and write the hole before it. */
void gaps_add(struct gaps *gaps, int64_t number);

#endif
