/*
 * live_interest.h - the runs that somebody listens to; for app/live alone. The loop's thread adds
 * and removes, the watcher asks for each change whether anybody cares, the replayer ends replays.
 */
#ifndef LIVE_INTEREST_H
#define LIVE_INTEREST_H

#include "live_event.h"
#include "store/store_watch.h"

struct live_interests; /* opaque; safe for several threads */

/* One run that is listened to. */
struct live_interest {
    char account[LIVE_NAME_SIZE], run_id[LIVE_NAME_SIZE];
    char oid[RUN_OID_SIZE]; /* "": there is no such run yet */
    /* The watcher's own. */
    struct live_gather gather;
    bool active; /* in the watcher's list: something of it is still to be told */
    struct live_interest *next_active;
    int64_t changed_seq; /* of the newest change of the header that is to be told; 0: none */
    /* Under the mutex of the interests. */
    int64_t listeners, replays;
    int64_t replayed_seq; /* up to here replays have told everything */
    bool idle;            /* in the list of those that nobody listened to any more */
    struct live_interest *next_fresh, *next_idle, *next_of_name, *next_of_oid;
};

/* NULL when memory ran out. */
struct live_interests *live_interests_new(void);

/* After all threads have ended. NULL is fine. */
void live_interests_free(struct live_interests *interests);

/* As live_interest_add and live_interest_remove of live_watch.h. */
bool live_interests_add(struct live_interests *interests, const char *account, const char *run_id);
void live_interests_remove(struct live_interests *interests, const char *account,
                           const char *run_id);

/*
 * A replay of this run begins: from now on the watcher puts no two commits into one event. False:
 * nobody listens to it.
 */
bool live_interests_replay(struct live_interests *interests, const char *account,
                           const char *run_id);

/* It has ended and has told everything up to seq. */
void live_interests_replayed(struct live_interests *interests, const char *account,
                             const char *run_id, int64_t seq);

/* ---- the watcher alone ---- */

/*
 * Look up the keys of the runs that are new here, and forget those that nobody listens to. Called
 * before a change is looked at that may be of a run added meanwhile. Errors: STORE_UNAVAILABLE,
 * and some are not looked up yet.
 */
bool live_interests_settle(struct live_interests *interests, struct store *store,
                           struct api_error *err);

/* The one with this storage key that somebody listens to, or NULL. Good until the next settle. */
struct live_interest *live_interests_of(struct live_interests *interests, const char *oid);

/* A run was made, or was purged. */
void live_interests_born(struct live_interests *interests, const char *account, const char *run_id,
                         const char *oid);
void live_interests_gone(struct live_interests *interests, const char *oid);

/*
 * May what comes next share an event with what is gathered? Not while a replay is under way, nor
 * with what a replay has told: where it ended, an event must end.
 */
bool live_interests_together(struct live_interests *interests,
                             const struct live_interest *interest);

#endif
