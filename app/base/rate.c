/*
 * rate.c - the token buckets. Called by app/routes/route_access.c.
 *
 * A bucket is one number, changed by compare-and-swap: the moment at which it will be full again
 * (ITU-T I.371, Generic Cell Rate Algorithm, as a virtual schedule). A bucket whose moment has
 * passed says nothing any more, so its place is free for any other key.
 */
#include "base/rate.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#define BUCKETS 4096 /* a power of two */
#define PLACES 8     /* of a key: its own bucket and those after it */
#define SECOND_NS INT64_C(1000000000)

struct bucket {
    _Atomic uint64_t key;
    _Atomic int64_t full_ns;
};

struct rates {
    struct bucket buckets[BUCKETS];
};

struct rates *
rates_new(void)
{
    /* Zeroed by the kernel: every bucket is full and nobody's. */
    struct rates *rates =
        mmap(NULL, sizeof *rates, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return rates == MAP_FAILED ? NULL : rates;
}

void
rates_free(struct rates *rates)
{
    if (rates != NULL)
        munmap(rates, sizeof *rates);
}

static struct bucket *
find(struct rates *rates, uint64_t key)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct bucket *bucket = &rates->buckets[(key + i) % BUCKETS];

        if (atomic_load(&bucket->key) == key)
            return bucket;
    }
    return NULL;
}

/*
 * Take the place of a key whose bucket is full. Should two processes do so for one key at once, in
 * two places, both find the first of them from then on: the second fills up and is free again.
 */
static struct bucket *
claim(struct rates *rates, uint64_t key, int64_t now_ns)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct bucket *bucket = &rates->buckets[(key + i) % BUCKETS];
        uint64_t old = atomic_load(&bucket->key);

        if (old == key || (atomic_load(&bucket->full_ns) <= now_ns &&
                           atomic_compare_exchange_strong(&bucket->key, &old, key)))
            return bucket;
    }
    return NULL;
}

static int64_t
seconds_up(int64_t ns)
{
    return (ns + SECOND_NS - 1) / SECOND_NS;
}

static bool
take(struct bucket *bucket, int64_t rate, int64_t now_ns, struct rate_verdict *verdict)
{
    const int64_t each_ns = SECOND_NS / rate;
    const int64_t depth_ns = each_ns * rate; /* a second, as far as it divides */
    int64_t full_ns = atomic_load(&bucket->full_ns), next_ns;

    do {
        next_ns = (full_ns > now_ns ? full_ns : now_ns) + each_ns;
        if (next_ns > now_ns + depth_ns) {
            *verdict = (struct rate_verdict){.wait_s = seconds_up(next_ns - now_ns - depth_ns)};
            return false;
        }
    } while (!atomic_compare_exchange_weak(&bucket->full_ns, &full_ns, next_ns));
    *verdict = (struct rate_verdict){.left = (now_ns + depth_ns - next_ns) / each_ns,
                                     .wait_s = seconds_up(next_ns - now_ns)};
    return true;
}

bool
rate_take(struct rates *rates, uint64_t key, int64_t rate, int64_t now_ns,
          struct rate_verdict *verdict)
{
    struct bucket *bucket = find(rates, key);

    if (bucket == NULL)
        bucket = claim(rates, key, now_ns);
    if (bucket != NULL)
        return take(bucket, rate, now_ns, verdict);
    *verdict = (struct rate_verdict){.left = rate};
    return true;
}
