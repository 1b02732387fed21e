/*
 * store_watch.h - what is committed, in the order in which it is committed, whoever writes it: a
 * stream of the database's changes, told as plain values.
 *
 * A commit's place is its `seq`: the operation time t.i of MongoDB's log as t * 2^22 + i, which
 * stays below 2^53 until 2038. It orders commits, and a stream can begin at one.
 */
#ifndef STORE_STORE_WATCH_H
#define STORE_STORE_WATCH_H

#include "store/store.h"
#include "training/episode.h"
#include "training/run.h"

enum store_change_kind {
    STORE_CHANGE_RUN_NEW,  /* a run was made */
    STORE_CHANGE_EPISODE,  /* a report was stored: told once each, replacements too */
    STORE_CHANGE_RUN,      /* something that a reader of the header can see; after its episodes */
    STORE_CHANGE_RUN_GONE, /* a deleted run was purged */
    STORE_CHANGE_JOB,      /* a training that was asked for is now in another state */
    STORE_CHANGE_KEYS,     /* a key or a session was made, revoked or ended */
};

struct store_change {
    enum store_change_kind kind;
    int64_t seq;
    char oid[RUN_OID_SIZE];        /* the run's or the job's; "" for keys */
    const char *account, *run_id;  /* of STORE_CHANGE_RUN_NEW, else NULL; borrowed */
    const struct episode *episode; /* of STORE_CHANGE_EPISODE, else NULL; borrowed */
};

/* Called with each change; borrowed. */
typedef void store_change_visit(const struct store_change *change, void *context);

struct store_watch; /* a stream and its place; used by the thread of its store */

/* Where a stream begins, and what it tells. */
struct store_watch_from {
    int64_t seq;             /* the first commit that may be told; 0: those from now on */
    const char *const *oids; /* only changes of these runs; NULL: all of everything */
    size_t oid_count;
};

/* Opened at its first read. Borrows from->oids until it is freed. NULL when memory ran out. */
struct store_watch *store_watch_new(struct store *store, const struct store_watch_from *from);

/* Before its store is closed. NULL is fine. */
void store_watch_free(struct store_watch *watch);

enum store_watch_outcome {
    STORE_WATCH_READ,   /* what there was has been visited; perhaps nothing */
    STORE_WATCH_BROKEN, /* the next read goes on at the same place: nothing is lost, or comes twice
                         */
    STORE_WATCH_PASSED, /* the log does not hold the place any more: the next read begins now */
};

/*
 * Visit what comes next, at most some thousand changes; wait at most wait_ms for the first. Blocks
 * longer only when the database hangs: its socket timeout, which is to be longer than wait_ms.
 * Errors are logged.
 */
enum store_watch_outcome store_watch_read(struct store_watch *watch, int64_t wait_ms,
                                          store_change_visit *visit, void *context);

/*
 * Everything up to and including this commit has been visited; 0: nothing is known. It grows also
 * while there is nothing to visit.
 */
int64_t store_watch_seq(const struct store_watch *watch);

/* The last visit was amid the reports of one commit; the rest comes with the next read. */
bool store_watch_is_amid(const struct store_watch *watch);

/*
 * Pass over what is committed until now, and close the stream: the next read begins behind it.
 * False: the database is away, and the place is as before. Errors are logged.
 */
bool store_watch_skip(struct store_watch *watch);

/* How often the stream has been opened again after it broke off. */
int64_t store_watch_reopened(const struct store_watch *watch);

/* The newest commit of the database. Errors: STORE_UNAVAILABLE. */
bool store_watch_newest(struct store *store, int64_t *seq, struct api_error *err);

/* The storage key of a run, deleted or not; "" when there is none. Errors: STORE_UNAVAILABLE. */
bool store_watch_find_run(struct store *store, const char *account, const char *run_id,
                          char oid[RUN_OID_SIZE], struct api_error *err);

/*
 * Visit the headers with these keys, deleted ones too, in any order; at most STORE_WATCH_RUNS_MAX
 * of them. in_step false: sums and extremes are in doubt after a replacement, until a reader of a
 * list has mended them; a client is told no averages then.
 */
#define STORE_WATCH_RUNS_MAX 100
typedef void store_watch_run_visit(const struct run *run, bool in_step, void *context);
bool store_watch_runs(struct store *store, const char *const *oids, size_t count,
                      store_watch_run_visit *visit, void *context, struct api_error *err);

#endif
