/*
 * rolling.h - the rolling mean: at the i-th value, the mean of the last min(i, window) values.
 * Values that are not finite are left out as if they were not there.
 */
#ifndef TRAINING_ROLLING_H
#define TRAINING_ROLLING_H

#include <stddef.h>

#define ROLLING_WINDOW_MAX 100

struct rolling {
    size_t window;                     /* 1 to ROLLING_WINDOW_MAX */
    size_t count;                      /* finite values seen */
    double newest[ROLLING_WINDOW_MAX]; /* a ring: the i-th value is at i % window */
    /* Sums of the last round's values, from the i-th to its end; wide, as two of 1e308 must fit. */
    long double older[ROLLING_WINDOW_MAX + 1];
    long double round_sum; /* of the values since the ring was last full */
};

void rolling_init(struct rolling *rolling, size_t window);

/*
 * Take the next value and return the mean with it; NAN for a value that is not finite. Sums are
 * only ever added to, never subtracted from: no rounding error is carried on, and a 1e300 leaves
 * no trace once it is out of the window.
 */
double rolling_add(struct rolling *rolling, double value);

#endif
