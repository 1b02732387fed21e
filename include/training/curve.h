/*
 * curve.h - one metric over a run's episodes: smoothed over all of them first, thinned after
 * that, so that no extreme is lost. Points wait in a spool: memory does not grow with the run.
 */
#ifndef TRAINING_CURVE_H
#define TRAINING_CURVE_H

#include "base/json_out.h"
#include "base/spool.h"
#include "training/rolling.h"

#include <stdint.h>

#define CURVE_WINDOW_MAX ROLLING_WINDOW_MAX
#define CURVE_POINTS_MIN 4 /* the least max_points: first, last, minimum, maximum */

struct curve_point {
    int64_t number;  /* the episode's */
    double value;    /* NAN or infinite where the client said so */
    double smoothed; /* the rolling mean; NAN where the value is not finite */
    int64_t place;   /* 0 for the first episode of the run that has the metric */
};

struct curve {
    struct rolling mean;
    struct spool points;  /* of struct curve_point, those from `from` to `to` */
    int64_t from, to;     /* episode numbers, both included */
    int64_t places;       /* values taken */
    int64_t points_total; /* points kept, before thinning */
    bool nonfinite;       /* some of them have no finite value */
};

void curve_init(struct curve *curve, size_t window, int64_t from, int64_t to);

/* Take the next value, in number order; those before `from` count in the window. */
bool curve_add(struct curve *curve, int64_t number, double value);

/*
 * Write seed 000's arrays and seed 001's curve, then points_total and points_returned, as members
 * of the object that is open. At most max_points points (0: all). Of a thinned curve the first
 * and last point stay, and of each bucket the minimum and maximum of the raw values and, when
 * max_points is 6 or more, of the smoothed ones; and when it is 7 or more, each bucket's first
 * value that is not finite. False when the disk or memory ran out.
 */
bool curve_write(struct curve *curve, int64_t max_points, struct json_out *json);

void curve_clear(struct curve *curve);

#endif
