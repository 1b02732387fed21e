/*
 * store_lane.c - lets one worker at a time write a run, so that transactions seldom collide.
 * Called by store_append.c, store_merge.c. Next: store.c.
 *
 * A lane is a robust lock in memory that all workers of a master share. Lanes are striped: two
 * runs may share one. They save work and promise nothing: a writer that waits too long, or runs
 * on another machine, meets a write conflict in its transaction and tries again.
 */
#include "store_claim.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
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
/*
 * For so long after a loss all requests fail at once: those that queued behind the hanging ones
 * would hang in their turn. Short enough to be back well within 2 s of the database's return.
 */
#define LOSS_FRESH_MS 250

struct store_lane {
    pthread_mutex_t mutex;
    uint8_t run[STORE_LANE_KEY_SIZE]; /* the run merged last, and its count of merges then */
    int64_t merges;
} __attribute__((aligned(64))); /* a cache line of its own */

struct store_lanes {
    _Atomic int64_t lost_ms; /* steady clock: when a worker lost the database last; 0: never */
    _Atomic int64_t turns_ms[STORE_TURN_COUNT]; /* steady clock: when the next turn may be taken */
    struct store_lane lanes[LANE_COUNT];
    struct store_claims claims;
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
    ok = ok && store_claims_init(&lanes->claims, &shared);
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

struct store_claims *
store_lanes_claims(struct store_lanes *lanes)
{
    return lanes == NULL ? NULL : &lanes->claims;
}

bool
store_lanes_turn(struct store_lanes *lanes, enum store_turn what, int64_t every_ms, bool mine)
{
    const int64_t now_ms = clock_steady_ms();
    int64_t turn_ms;

    if (lanes == NULL)
        return true;
    turn_ms = lanes->turns_ms[what];
    return (mine || now_ms >= turn_ms) &&
           atomic_compare_exchange_strong(&lanes->turns_ms[what], &turn_ms, now_ms + every_ms);
}

void
store_lanes_tell_loss(struct store_lanes *lanes)
{
    if (lanes != NULL)
        lanes->lost_ms = clock_steady_ms();
}

bool
store_lanes_heard_loss(const struct store_lanes *lanes)
{
    return lanes != NULL && lanes->lost_ms != 0 &&
           clock_steady_ms() - lanes->lost_ms < LOSS_FRESH_MS;
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

/* What a lock's answer means. The lock guards no data, so that a dead owner leaves none damaged. */
static bool
take(struct store_lane *lane, int rc)
{
    if (rc == EOWNERDEAD)
        rc = pthread_mutex_consistent(&lane->mutex);
    return rc == 0;
}

struct store_lane *
store_lane_enter(struct store *store, const void *key)
{
    struct store_lane *lane;

    if (store->lanes == NULL)
        return NULL;
    lane = &store->lanes->lanes[stripe_of(key)];
    return take(lane, lock_within(&lane->mutex, LANE_WAIT_MS)) ? lane : NULL;
}

int64_t
store_lane_merges(const struct store_lane *lane, const void *key)
{
    return memcmp(lane->run, key, sizeof lane->run) == 0 ? lane->merges : -1;
}

void
store_lane_learn(struct store_lane *lane, const void *key, int64_t merges)
{
    if (lane == NULL)
        return;
    memcpy(lane->run, key, sizeof lane->run);
    lane->merges = merges;
}

void
store_lane_leave(struct store_lane *lane)
{
    if (lane != NULL)
        pthread_mutex_unlock(&lane->mutex);
}
