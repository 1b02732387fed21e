/*
 * live_feed.c - starts and ends the two threads that read the database for the loop, and takes
 * the loop's wishes. Called by live_server.c. Next: live_watch.c, live_resume.c.
 */
#include "live_feed.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One gateway a process: the loop's functions need not carry it. */
static struct live_feed feed;

static bool
copy_settings(const struct store_settings *settings)
{
    feed.settings = *settings;
    feed.settings.uri = strdup(settings->uri);
    feed.settings.database = strdup(settings->database);
    return feed.settings.uri != NULL && feed.settings.database != NULL;
}

static void
free_feed(void)
{
    live_replay_drop_all(&feed);
    live_interests_free(feed.interests);
    /* strdup's; const for all others */
    free((char *)(uintptr_t)feed.settings.uri);
    free((char *)(uintptr_t)feed.settings.database);
    pthread_cond_destroy(&feed.woken);
    pthread_mutex_destroy(&feed.mutex);
}

/* Pauses are measured by the clock that never jumps. */
static void
init_waiting(void)
{
    pthread_condattr_t steady;

    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&feed.woken, &steady);
    pthread_condattr_destroy(&steady);
    pthread_mutex_init(&feed.mutex, NULL);
}

static void
ask_to_end(void)
{
    pthread_mutex_lock(&feed.mutex);
    feed.stopping = true;
    pthread_cond_broadcast(&feed.woken);
    pthread_mutex_unlock(&feed.mutex);
    live_queue_shut(feed.queue);
}

static bool
start_threads(void)
{
    if (pthread_create(&feed.watcher, NULL, live_watcher_main, &feed) != 0)
        return false;
    if (pthread_create(&feed.replayer, NULL, live_replayer_main, &feed) == 0)
        return true;
    ask_to_end();
    pthread_join(feed.watcher, NULL);
    return false;
}

bool
live_watch_start(const struct store_settings *settings, struct live_queue *queue)
{
    struct store *probe;
    bool good;

    feed = (struct live_feed){.queue = queue};
    feed.end = &feed.first;
    init_waiting();
    good = copy_settings(settings) && (feed.interests = live_interests_new()) != NULL;
    if (good) { /* can the settings be understood? It logs why not; the threads open their own */
        probe = store_open(&feed.settings, NULL);
        good = probe != NULL;
        store_close(probe);
    }
    good = good && start_threads();
    if (!good) {
        log_event(LOG_ERROR, "watch_not_started");
        free_feed();
    }
    return good;
}

void
live_watch_stop(void)
{
    ask_to_end();
    pthread_join(feed.watcher, NULL);
    pthread_join(feed.replayer, NULL);
    free_feed();
}

static struct timespec
in(int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return until;
}

bool
live_feed_pause(struct live_feed *waiting, int64_t ms)
{
    const struct timespec until = in(ms);
    bool stopping;

    pthread_mutex_lock(&waiting->mutex);
    if (!waiting->stopping && ms > 0)
        pthread_cond_timedwait(&waiting->woken, &waiting->mutex, &until);
    stopping = waiting->stopping;
    pthread_mutex_unlock(&waiting->mutex);
    return stopping;
}

void
live_feed_put(struct live_feed *putting, struct live_event *event)
{
    if (!live_queue_put(putting->queue, event))
        return; /* it was shut: the gateway ends */
    pthread_mutex_lock(&putting->mutex);
    putting->state.events++;
    pthread_mutex_unlock(&putting->mutex);
}

void
live_watch_state(struct live_watch_state *state)
{
    pthread_mutex_lock(&feed.mutex);
    *state = feed.state;
    pthread_mutex_unlock(&feed.mutex);
}

/* ---- rest ---- */

void
live_watch_enter(void)
{
    pthread_mutex_lock(&feed.mutex);
    feed.clients++;
    if (!feed.awake)
        pthread_cond_broadcast(&feed.woken);
    pthread_mutex_unlock(&feed.mutex);
}

void
live_watch_leave(void)
{
    pthread_mutex_lock(&feed.mutex);
    feed.clients--;
    feed.left_ms = clock_steady_ms();
    pthread_mutex_unlock(&feed.mutex);
}

bool
live_watch_await(int64_t wait_ms)
{
    const struct timespec until = in(wait_ms);
    bool awake;

    pthread_mutex_lock(&feed.mutex);
    while (!feed.awake && !feed.stopping)
        if (pthread_cond_timedwait(&feed.woken, &feed.mutex, &until) != 0)
            break;
    awake = feed.awake;
    pthread_mutex_unlock(&feed.mutex);
    return awake;
}

enum live_duty
live_feed_duty(struct live_feed *resting)
{
    enum live_duty duty;

    pthread_mutex_lock(&resting->mutex);
    if (resting->clients == 0 && clock_steady_ms() - resting->left_ms >= LIVE_LINGER_MS)
        resting->awake = false;
    if (resting->awake)
        duty = LIVE_DUTY_FOLLOW;
    else
        duty = resting->clients > 0 ? LIVE_DUTY_WAKE : LIVE_DUTY_REST;
    resting->state.resting = duty == LIVE_DUTY_REST;
    pthread_mutex_unlock(&resting->mutex);
    return duty;
}

void
live_feed_rest(struct live_feed *resting, int64_t ms)
{
    const struct timespec until = in(ms);

    pthread_mutex_lock(&resting->mutex);
    if (resting->clients == 0 && !resting->stopping) /* nobody came since the duty was asked for */
        pthread_cond_timedwait(&resting->woken, &resting->mutex, &until);
    pthread_mutex_unlock(&resting->mutex);
}

void
live_feed_wake(struct live_feed *resting)
{
    pthread_mutex_lock(&resting->mutex);
    resting->awake = true;
    pthread_cond_broadcast(&resting->woken);
    pthread_mutex_unlock(&resting->mutex);
}

/* ---- the loop's wishes ---- */

bool
live_interest_add(const char *account, const char *run_id)
{
    return live_interests_add(feed.interests, account, run_id);
}

void
live_interest_remove(const char *account, const char *run_id)
{
    live_interests_remove(feed.interests, account, run_id);
}

bool
live_resume_request(const char *account, const char *run_id, int64_t after_seq, struct live_to to)
{
    return live_replay_ask(&feed, account, run_id, after_seq, to);
}
