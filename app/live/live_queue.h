/*
 * live_queue.h - events on their way from the database's change stream to the clients.
 *
 * The queue is bounded in bytes and in events. It has several writers (the watcher and the
 * replayer, live_watch.h) and one reader, the loop. A writer that finds it full waits: the change
 * stream keeps its place meanwhile, so nothing is dropped. The reader never waits.
 */
#ifndef LIVE_QUEUE_H
#define LIVE_QUEUE_H

#include "live_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_NAME_SIZE 65 /* of an account or a run_id: 1-64 characters, NUL */

enum live_kind {
    LIVE_RUN_UPDATED,  /* a run's header changed: its TrainingRun and `seq` */
    LIVE_EPISODES,     /* {run_id, seq, episodes: […]} */
    LIVE_TRAINING,     /* one of the five events of a training started at /api/training/start */
    LIVE_KEYS_CHANGED, /* a key or a session was made, revoked or ended: look again; no payload */
    LIVE_RESET,        /* events were missed and cannot be told any more: clients read anew */
    LIVE_RESUMED       /* clients' replays are complete up to and including seq; no payload */
};

/*
 * Whom a replayed event is for. The queue only carries it: `client` is never followed by the
 * writers, and `generation` tells a client from a later one at the same address.
 */
struct live_to {
    void *client;
    uint64_t generation;
};

struct live_event {
    enum live_kind kind;
    struct live_to *to;           /* owned */
    size_t to_count;              /* 0: it is for everybody whom account and run_id concern */
    char account[LIVE_NAME_SIZE]; /* whose; "": everybody's (LIVE_RESET, LIVE_KEYS_CHANGED) */
    char run_id[LIVE_NAME_SIZE];  /* "": of no run */
    const char *name;             /* on the wire (live_name.h); static storage */
    /*
     * The commit's place in the database's log, below 2^53. Never falls from one event of a run to
     * the next; the events of one commit share it, `episodes` before `run_updated`.
     */
    int64_t seq;
    char *json; /* the payload, one JSON object and a NUL; owned; NULL: none */
    size_t json_size;
    struct live_event *next;
};

/*
 * An event without payload. account and run_id are copied; NULL: "". The caller owns it.
 * NULL when memory ran out.
 */
struct live_event *live_event_new(enum live_kind kind, const char *name, const char *account,
                                  const char *run_id, int64_t seq);

/* It is for these alone; copied. */
void live_event_address(struct live_event *event, const struct live_to *to, size_t count);

/* NULL is fine. Only this one event: its `next` is left alone. */
void live_event_free(struct live_event *event);

struct live_queue;

/*
 * A queue that holds at most bytes_max of payload and count_max events, but always one.
 * wake(context) is called by a writer's thread whenever an empty queue gets its first event; it
 * may be called once more after live_queue_take_all has emptied it. NULL when memory ran out.
 */
struct live_queue *live_queue_new(size_t bytes_max, size_t count_max, void (*wake)(void *context),
                                  void *context);

/* After the last writer has ended. Frees what is still in it; NULL is fine. */
void live_queue_free(struct live_queue *queue);

/* Waits while the queue is full. Takes event in any case; false: the queue has been shut. */
bool live_queue_put(struct live_queue *queue, struct live_event *event);

/* All that is there, in order, linked by `next`; NULL: nothing. The caller frees each. */
struct live_event *live_queue_take_all(struct live_queue *queue);

/* From now on every put fails at once, those that wait included. */
void live_queue_shut(struct live_queue *queue);

#endif
