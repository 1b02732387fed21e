/*
 * live_feed.h - what the watcher and the replayer share; for app/live alone.
 */
#ifndef LIVE_FEED_H
#define LIVE_FEED_H

#include "live_interest.h"
#include "live_queue.h"
#include "live_watch.h"

#include <pthread.h>

struct live_replay; /* live_resume.c: one client that waits for what it has missed */

struct live_feed {
    struct store_settings settings; /* texts owned */
    struct live_queue *queue;       /* borrowed */
    struct live_interests *interests;
    pthread_t watcher, replayer;
    pthread_mutex_t mutex;
    pthread_cond_t woken; /* stopping, a replay was asked for, clients came, the stream is awake */
    /* Under the mutex. */
    bool stopping;
    struct live_watch_state state;
    int64_t clients; /* that are there */
    int64_t left_ms; /* steady clock: when the last one went */
    bool awake;      /* the stream is read, from a place before which nobody came */
    struct live_replay *first, **end; /* replays that were asked for */
    size_t replay_count;
};

/* Wait, at most so long; true: it is time to end. */
bool live_feed_pause(struct live_feed *feed, int64_t ms);

/* What the watcher is to do next. */
enum live_duty {
    LIVE_DUTY_REST, /* nobody is there; the stream is not awake any more */
    LIVE_DUTY_WAKE, /* somebody came: find a place, then live_feed_wake */
    LIVE_DUTY_FOLLOW
};
enum live_duty live_feed_duty(struct live_feed *feed);

/* Wait until somebody comes, at most so long. */
void live_feed_rest(struct live_feed *feed, int64_t ms);

/* The stream is awake, from a place that was found after whoever is there came. */
void live_feed_wake(struct live_feed *feed);

/* Put an event into the queue and count it. Takes it. A live_event_sink's work. */
void live_feed_put(struct live_feed *feed, struct live_event *event);

/* Threads; context is the feed. */
void *live_watcher_main(void *context);  /* live_watch.c */
void *live_replayer_main(void *context); /* live_resume.c */

/* Take a request (live_watch.h has the rules); and drop all that are left. */
bool live_replay_ask(struct live_feed *feed, const char *account, const char *run_id,
                     int64_t after_seq, struct live_to to);
void live_replay_drop_all(struct live_feed *feed);

#endif
