/*
 * store_lane.c - lets one worker at a time write a run, so that transactions seldom collide.
 * Called by store_episode.c, store_run.c. Next: store.c.
 *
 * A lane is a robust lock in memory that all workers of a master share. Lanes are striped: two
 * runs may share one. They save work and promise nothing: a writer that waits too long, or runs
 * on another machine, meets a write conflict in its transaction and tries again.
 */
#include "store_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LANE_COUNT 256
/*
 * Longer than hundreds of ordinary commits; short enough that a request which waits behind a
 * hung database and then hangs itself (one socket timeout) still ends within 2 s.
 */
#define LANE_WAIT_MS 400

struct store_lane {
    pthread_mutex_t mutex;
} __attribute__((aligned(64))); /* a cache line of its own */

struct store_lanes {
    struct store_lane lanes[LANE_COUNT];
};

static bool
init_lanes(struct store_lanes *lanes)
{
    pthread_mutexattr_t shared;
    bool ok;

    if (pthread_mutexattr_init(&shared) != 0)
        return false;
    ok = pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED) == 0 &&
         pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST) == 0;
    for (size_t i = 0; ok && i < LANE_COUNT; i++)
        ok = pthread_mutex_init(&lanes->lanes[i].mutex, &shared) == 0;
    pthread_mutexattr_destroy(&shared);
    return ok;
}

struct store_lanes *
store_lanes_new(void)
{
    struct store_lanes *lanes =
        mmap(NULL, sizeof *lanes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (lanes == MAP_FAILED)
        return NULL;
    if (init_lanes(lanes))
        return lanes;
    munmap(lanes, sizeof *lanes);
    return NULL;
}

/* FNV-1a: an ObjectId's counter is in its last bytes, so all of them must count. */
static size_t
stripe_of(const void *key)
{
    const unsigned char *bytes = key;
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < STORE_LANE_KEY_SIZE; i++)
        hash = (hash ^ bytes[i]) * 16777619U;
    return hash % LANE_COUNT;
}

static int
lock_within(pthread_mutex_t *mutex, long wait_ms)
{
    struct timespec until;
    int rc = pthread_mutex_trylock(mutex);

    if (rc != EBUSY)
        return rc;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += wait_ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}

struct store_lane *
store_lane_enter(struct store *store, const void *key)
{
    struct store_lane *lane;
    int rc;

    if (store->lanes == NULL)
        return NULL;
    lane = &store->lanes->lanes[stripe_of(key)];
    rc = lock_within(&lane->mutex, LANE_WAIT_MS);
    /* EOWNERDEAD: a worker died holding it. The lock is ours now, and it guards no data. */
    if (rc == EOWNERDEAD)
        rc = pthread_mutex_consistent(&lane->mutex);
    return rc == 0 ? lane : NULL;
}

void
store_lane_leave(struct store_lane *lane)
{
    if (lane != NULL)
        pthread_mutex_unlock(&lane->mutex);
}
