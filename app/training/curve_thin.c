/* curve_thin.c - thins a curve without losing its extremes. Called by curve.c. Next: base/spool.c.
 */
#include "curve_thin.h"

#include <math.h>
#include <stdlib.h>

#define EXTREMES 4              /* of a bucket: minimum and maximum, raw and smoothed */
#define KEPT_MAX (EXTREMES + 1) /* and the first point that is not finite */

struct thinning {
    int64_t total;
    int64_t buckets;
    int64_t at;     /* points met */
    int64_t bucket; /* the one being filled */
    bool smoothed_too, nonfinite_too;
    /* Least raw, greatest raw, least and greatest smoothed, first not finite. */
    struct curve_point kept[KEPT_MAX];
    bool has[KEPT_MAX];
    bool (*each)(const void *point, void *context);
    void *context;
};

static int
by_number(const void *a, const void *b)
{
    const struct curve_point *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* The bucket is full: its extremes go on, in order and each once. */
static bool
flush_bucket(struct thinning *thinning)
{
    struct curve_point kept[KEPT_MAX];
    size_t count = 0;

    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (thinning->has[i])
            kept[count++] = thinning->kept[i];
        thinning->has[i] = false;
    }
    qsort(kept, count, sizeof kept[0], by_number);
    for (size_t i = 0; i < count; i++)
        if ((i == 0 || kept[i].number != kept[i - 1].number) &&
            !thinning->each(&kept[i], thinning->context))
            return false;
    return true;
}

static void
keep_if(struct thinning *thinning, size_t slot, bool better, const struct curve_point *point)
{
    if (thinning->has[slot] && !better)
        return;
    thinning->kept[slot] = *point;
    thinning->has[slot] = true;
}

static void
keep_extremes(struct thinning *thinning, const struct curve_point *point)
{
    const struct curve_point *kept = thinning->kept;

    if (!isfinite(point->value)) {
        if (thinning->nonfinite_too)
            keep_if(thinning, EXTREMES, false, point);
        return;
    }
    keep_if(thinning, 0, point->value < kept[0].value, point);
    keep_if(thinning, 1, point->value > kept[1].value, point);
    if (!thinning->smoothed_too)
        return;
    keep_if(thinning, 2, point->smoothed < kept[2].smoothed, point);
    keep_if(thinning, 3, point->smoothed > kept[3].smoothed, point);
}

static bool
take_point(const void *record, void *context)
{
    struct thinning *thinning = context;
    const int64_t at = thinning->at++;
    int64_t bucket;

    if (at == 0)
        return thinning->each(record, thinning->context);
    if (at == thinning->total - 1)
        return flush_bucket(thinning) && thinning->each(record, thinning->context);
    /* Points 1 to total - 2 share the buckets evenly. */
    bucket =
        (int64_t)((double)(at - 1) * (double)thinning->buckets / (double)(thinning->total - 2));
    if (bucket != thinning->bucket && !flush_bucket(thinning))
        return false;
    thinning->bucket = bucket;
    keep_extremes(thinning, record);
    return true;
}

bool
curve_thin(struct spool *points, int64_t total, int64_t max_points, bool nonfinite,
           bool (*each)(const void *point, void *context), void *context)
{
    const bool smoothed_too = max_points >= 2 + EXTREMES;
    const bool nonfinite_too = nonfinite && max_points >= 2 + KEPT_MAX;
    const int64_t kept = (smoothed_too ? EXTREMES : EXTREMES / 2) + nonfinite_too;
    struct thinning thinning = {
        .total = total,
        .buckets = (max_points - 2) / kept,
        .smoothed_too = smoothed_too,
        .nonfinite_too = nonfinite_too,
        .each = each,
        .context = context,
    };

    return spool_each(points, sizeof(struct curve_point), take_point, &thinning);
}
