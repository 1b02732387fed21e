/* curve_thin.h - chooses the points of a curve that stay; for curve.c alone. */
#ifndef TRAINING_CURVE_THIN_H
#define TRAINING_CURVE_THIN_H

#include "training/curve.h"

/*
 * Give each() at most max_points of total points, in order: first, last, and every bucket's
 * extremes; with nonfinite (and room) also its first point that is not finite, so that it can be
 * marked. total > max_points >= CURVE_POINTS_MIN. False when each() or the spool failed.
 */
bool curve_thin(struct spool *points, int64_t total, int64_t max_points, bool nonfinite,
                bool (*each)(const void *point, void *context), void *context);

#endif
