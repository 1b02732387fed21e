/*
 * store.h - one worker's way to MongoDB. Made after the fork, used by one thread, never shared.
 * Every write is acknowledged by a majority and journaled before a function here returns true.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/api_error.h"

#include <stdint.h>

struct store;       /* opaque: only app/store and the fakes know its members */
struct store_lanes; /* opaque: locks in shared memory, one set for all workers of a master */
struct meter_seat;  /* base/meter.h */

struct store_settings {
    const char *uri;            /* mongodb://…; borrowed */
    const char *database;       /* borrowed */
    int64_t connect_timeout_ms; /* also how long a server is looked for */
    int64_t socket_timeout_ms;  /* the longest a single operation may hang */
    struct meter_seat *seat;    /* where commands and faults are counted; borrowed; NULL: not */
};

/*
 * The lanes that keep two workers of this machine from writing one run at the same moment (it
 * would cost a retried transaction, nothing worse). Called once, before the workers are forked;
 * they inherit it. NULL when memory ran out.
 */
struct store_lanes *store_lanes_new(void);

/* What one worker of a machine does at a time, while it is idle. */
enum store_turn { STORE_TURN_SWEEP, STORE_TURN_PACK, STORE_TURN_COUNT };

/*
 * Is it this worker's turn? Yes when the last turn was every_ms ago, or is this worker's own and
 * goes on (`mine`); it is noted as taken. lanes NULL: yes.
 */
bool store_lanes_turn(struct store_lanes *lanes, enum store_turn what, int64_t every_ms, bool mine);

/*
 * A store that connects at its first use. Borrows lanes (may be NULL: no lanes) and copies
 * the settings. NULL, with a log line, when the URI cannot be parsed.
 */
struct store *store_open(const struct store_settings *settings, struct store_lanes *lanes);

/* Ask the database whether it is there. Errors: STORE_UNAVAILABLE. */
bool store_ping(struct store *store, struct api_error *err);

/* Once in a process before the first store_open and after the last store_close (libmongoc's rule).
 */
void store_global_init(void);
void store_global_clear(void);

/*
 * End what workers that were killed have left open in the database: their transactions would keep
 * runs locked for a minute. Called by a new worker before its first request; says in the log what
 * it could not do. Does not block longer than a command may hang.
 */
void store_recover(struct store *store);

/* NULL is fine. */
void store_close(struct store *store);

#endif
