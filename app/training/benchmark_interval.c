/*
 * benchmark_interval.c - quantile, interquartile mean and its interval by stratified bootstrap.
 * Called by benchmark.c.
 */
#include "training/benchmark.h"

#include <math.h>
#include <stdlib.h>

#define TAIL 0.025 /* outside a 95 % interval, at either end */
#define SEED UINT64_C(0x2545f4914f6cdd1d)

double
benchmark_quantile(const double *sorted, size_t count, double q)
{
    const double place = q * (double)(count - 1);
    const size_t below = (size_t)place;
    const double share = place - (double)below;
    double gap;

    if (below + 1 >= count)
        return sorted[count - 1];
    gap = sorted[below + 1] - sorted[below];
    if (isfinite(gap))
        return sorted[below] + gap * share;
    /* Two giants of opposite sign. */
    return sorted[below] * (1.0 - share) + sorted[below + 1] * share;
}

/* How many values go at either end of a sample: SciPy rounds down. */
static size_t
trimmed(size_t count)
{
    return count / 4;
}

double
benchmark_iqm(const double *sorted, size_t count)
{
    const size_t low = trimmed(count), high = count - low;
    long double sum = 0.0L;

    for (size_t i = low; i < high; i++)
        sum += sorted[i];
    return (double)(sum / (long double)(high - low));
}

/* splitmix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014). */
static uint64_t
draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* From 0 to below - 1; below is far less than 2^32, and so is the bias of the scaling. */
static size_t
draw_below(uint64_t *state, size_t below)
{
    return (size_t)(((draw(state) >> 32) * (uint64_t)below) >> 32);
}

/*
 * The values' places stratum by stratum, and for each of them where its stratum begins in that
 * order and how long it is.
 */
struct strata {
    size_t *places, *first, *size; /* count of each */
    size_t *times;                 /* how often the value at a place was drawn */
};

static void
sort_strata(const size_t *stratum, size_t count, struct strata *strata)
{
    size_t used = 0;

    for (size_t task = 0; used < count; task++) {
        const size_t first = used;

        for (size_t i = 0; i < count; i++)
            if (stratum[i] == task)
                strata->places[used++] = i;
        for (size_t i = first; i < used; i++) {
            strata->first[i] = first;
            strata->size[i] = used - first;
        }
    }
}

/*
 * The interquartile mean of one resample. Its values need no sorting: how often each was drawn,
 * told in ascending order, is the sorted sample.
 */
static double
resample(const double *sorted, const struct strata *strata, size_t count, uint64_t *state)
{
    const size_t low = trimmed(count), high = count - low;
    long double sum = 0.0L;
    size_t before = 0; /* drawn values below the one at i */

    for (size_t i = 0; i < count; i++)
        strata->times[i] = 0;
    for (size_t i = 0; i < count; i++)
        strata->times[strata->places[strata->first[i] + draw_below(state, strata->size[i])]]++;
    for (size_t i = 0; i < count; i++) {
        const size_t after = before + strata->times[i];
        const size_t from = before > low ? before : low, to = after < high ? after : high;

        if (to > from)
            sum += (long double)sorted[i] * (long double)(to - from);
        before = after;
    }
    return (double)(sum / (long double)(high - low));
}

static int
by_value(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

void
benchmark_interval(const double *sorted, const size_t *stratum, size_t count, double ends[2])
{
    double means[BENCHMARK_RESAMPLES];
    size_t *memory = calloc(4 * count, sizeof *memory);
    struct strata strata = {memory, memory + count, memory + 2 * count, memory + 3 * count};
    uint64_t state = SEED;

    if (memory == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    sort_strata(stratum, count, &strata);
    for (size_t i = 0; i < BENCHMARK_RESAMPLES; i++)
        means[i] = resample(sorted, &strata, count, &state);
    qsort(means, BENCHMARK_RESAMPLES, sizeof means[0], by_value);
    ends[0] = benchmark_quantile(means, BENCHMARK_RESAMPLES, TAIL);
    ends[1] = benchmark_quantile(means, BENCHMARK_RESAMPLES, 1.0 - TAIL);
    free(memory);
}
