/* random.h - the same pseudo-random numbers at every run (Marsaglia's xorshift64). For tests. */
#ifndef FAKES_RANDOM_H
#define FAKES_RANDOM_H

#include <stdint.h>

static inline uint64_t
random_next(uint64_t *seed) /* not 0 */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* From 0 to below - 1. */
static inline uint64_t
random_below(uint64_t *seed, uint64_t below)
{
    return random_next(seed) % below;
}

/* From -scale to scale. */
static inline double
random_real(uint64_t *seed, double scale)
{
    return ((double)(random_next(seed) >> 11) * 0x1p-52 - 1.0) * scale;
}

#endif
