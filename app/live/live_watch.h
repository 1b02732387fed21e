/*
 * live_watch.h - what feeds the queue: a thread that follows the database's change stream, and one
 * that replays what a returning client has missed. All functions are called by the loop's thread
 * and never wait for the database, live_watch_stop excepted.
 */
#ifndef LIVE_WATCH_H
#define LIVE_WATCH_H

#include "live_queue.h"
#include "store/store.h"

#define LIVE_RESUME_MS 8000      /* a replay that takes longer ends in LIVE_RESET */
#define LIVE_INTERESTS_MAX 65536 /* different runs that are listened to at the same time */
#define LIVE_RESUMES_MAX 16384   /* returning clients that wait for their replay */
#define LIVE_LINGER_MS 5000      /* after the last client the stream is still read so long */

/* How it goes, for /metrics and /readyz. */
struct live_watch_state {
    bool connected;     /* the stream is open; while it rests: the database answers */
    bool resting;       /* nobody is there to be told */
    int64_t seq;        /* of the newest commit that was looked at */
    int64_t changes;    /* documents of the change stream so far */
    int64_t events;     /* made of them and queued */
    int64_t reconnects; /* the stream was opened anew */
    int64_t resets;     /* … at a later place than where it broke off */
};

/*
 * Start the two threads; the stream begins now. Copies settings, borrows queue until
 * live_watch_stop. store_global_init comes before it. False, with a log line, when a thread cannot
 * be started or the URI cannot be parsed; a database that is away is waited for.
 */
bool live_watch_start(const struct store_settings *settings, struct live_queue *queue);

/* Shuts the queue and ends the threads; waits for an operation that hangs (its socket timeout). */
void live_watch_stop(void);

void live_watch_state(struct live_watch_state *state);

/*
 * A client is there, and has gone. While nobody is there the stream rests: to read the reports of
 * a batch for nobody costs the database as much as to store them (tests/bench/README.md).
 */
void live_watch_enter(void);
void live_watch_leave(void);

/*
 * Wait until the stream rests no more: what is committed from then on will be told. Called by a
 * thread that may wait, for a client that has entered. False: the database is away for wait_ms.
 */
bool live_watch_await(int64_t wait_ms);

/*
 * Somebody listens to a run: events are made for it from now on. Counted: each add needs its
 * remove. The run need not exist yet. False: too many runs, or memory ran out.
 */
bool live_interest_add(const char *account, const char *run_id);
void live_interest_remove(const char *account, const char *run_id);

/*
 * Replay to one client what a run did after after_seq: its events, marked `to`, and at the end
 * LIVE_RESUMED with the seq up to which everything was told. The interest was added before, so
 * live events come as well: the loop holds them back until LIVE_RESUMED, then drops those with
 * seq not above the LIVE_RESUMED's and tells the others. LIVE_RESET instead, marked `to`, with the
 * seq from which on live events are complete (treated alike): the log does not reach back so far.
 * The client may be gone by then; `to` tells. False: too many wait already.
 */
bool live_resume_request(const char *account, const char *run_id, int64_t after_seq,
                         struct live_to to);

#endif
