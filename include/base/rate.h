/*
 * rate.h - how many requests a second a key may make, counted together by all processes that share
 * the table. A key that has been quiet may make a second's worth at once.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_MAX 1000000 /* requests a second */

struct rates; /* opaque: a fixed number of buckets in shared memory */

struct rate_verdict {
    int64_t left;   /* requests that may follow at once */
    int64_t wait_s; /* until the next one may be made when this one may not; else until all may */
};

/* Made before the fork; the children inherit it. NULL when memory ran out. */
struct rates *rates_new(void);

/* NULL is fine. */
void rates_free(struct rates *rates);

/*
 * May `key` (a hash) make a request at now_ns, a steady clock's, at `rate` (1 to RATE_MAX) a
 * second? It is counted if so. Never blocks. A key is let through uncounted when all its places
 * in the table are taken by keys that are busy at this very moment.
 */
bool rate_take(struct rates *rates, uint64_t key, int64_t rate, int64_t now_ns,
               struct rate_verdict *verdict);

#endif
