/*
 * store_private.h - what only app/store may see: the connection, its handles, the lanes,
 * and the one place where a driver's error becomes ours.
 */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "base/api_error.h"
#include "store/store.h"
#include "store/store_key.h"

#include <mongoc/mongoc.h>

#define STORE_DATABASE_MAX 64  /* bytes with the NUL: MongoDB's own limit */
#define STORE_LANE_KEY_SIZE 12 /* an ObjectId's bytes */

/* The collections that the program writes; store_collection_names has their names. */
enum store_collection_id {
    STORE_RUNS,
    STORE_EPISODES,
    STORE_API_KEYS,
    STORE_ACCOUNTS,
    STORE_EVALUATIONS,
    STORE_AUDIT,
    STORE_SESSIONS,
    STORE_PURGES,
    STORE_JOBS,
    STORE_SUPERVISORS,
    STORE_BLOCKS,
    STORE_COLLECTION_COUNT
};

extern const char *const store_collection_names[STORE_COLLECTION_COUNT];

struct store_key_cache; /* store_key.c: answers about keys that are at most 2 s old */
struct store_run_keys;  /* store_run_key.c: ObjectIds of the runs last written */
struct store_lane;      /* store_lane.c: one lock of the set */
struct store_claims;    /* store_claim.h: the transactions that workers have open */
struct store_claim;     /* one worker's */

/* Long runs that this worker has met and that may be put into blocks (store_block.h). */
struct block_wanted {
    bson_oid_t runs[8];
    size_t count;
};

struct store {
    mongoc_uri_t *uri; /* with our time limits written over the caller's */
    char database[STORE_DATABASE_MAX];
    mongoc_client_t *client;                                  /* NULL until the first use */
    mongoc_collection_t *collections[STORE_COLLECTION_COUNT]; /* of client, made on demand */
    bool lost;                         /* client is to be made anew at the next store_client */
    struct store_lanes *lanes;         /* borrowed; NULL: none */
    struct store_claim *claim;         /* in the lanes' memory; NULL until the first transaction */
    bool settling;                     /* store_claims_settle is at work */
    struct meter_seat *seat;           /* borrowed; NULL: nothing is counted */
    struct store_key_cache *key_cache; /* NULL until the first key is looked up */
    struct store_run_keys *run_keys;   /* NULL until the first episode is written */
    struct block_wanted blocks;
};

/*
 * The client, made at the first use and anew after a loss. Its write concern is majority with
 * journal, so the driver's own write functions and commitTransaction need none told. Sessions,
 * cursors and collections of an earlier client must be destroyed before this is called again
 * after a failure (they may outlive store_fail, not the next store_client).
 * NULL: STORE_UNAVAILABLE.
 */
mongoc_client_t *store_client(struct store *store, struct api_error *err);

/* A collection of that client, borrowed until the next loss. NULL: STORE_UNAVAILABLE. */
mongoc_collection_t *store_collection(struct store *store, enum store_collection_id id,
                                      struct api_error *err);

/*
 * Run one command on the database. opts: sessionId of a transaction, or NULL. The command holds
 * its own writeConcern (store_append_durable) unless it runs in a transaction. False also when
 * the reply, though ok, has writeErrors or a writeConcernError; the first one is in *error.
 * reply may be NULL; else it is always initialised here and the caller's to destroy.
 */
bool store_command(struct store *store, const bson_t *command, const bson_t *opts, bson_t *reply,
                   bson_error_t *error);

/* Append writeConcern {w: "majority", j: true} to a command that runs outside a transaction. */
void store_append_durable(bson_t *command);

/*
 * Translate and log a driver's error, once; doing names the attempt, such as "insert_run".
 * reply may be NULL. After a loss of the connection the client is marked to be made anew, and
 * nothing that is left of it (sessions, cursors) talks to the server when destroyed.
 * Errors: STORE_FULL, STORE_BUSY (write conflicts), INTERNAL (a document or command of ours that
 * the server refuses: trying again is no use), else STORE_UNAVAILABLE. Always false.
 */
bool store_fail(struct store *store, struct api_error *err, const char *doing,
                const bson_error_t *cause, const bson_t *reply);

/* A unique index refused the write: an answer for the caller, not a failure. */
bool store_is_duplicate(const bson_error_t *cause);

/* The whole transaction may be tried again (error label TransientTransactionError). */
bool store_is_transient(const bson_t *reply);

/* commitTransaction may be sent again (error label UnknownTransactionCommitResult). */
bool store_is_commit_unknown(const bson_t *reply);

/* The connection is gone or useless; for store.c and store_fault.c. */
bool store_is_loss(const bson_error_t *cause);

/* Count every command that this client sends. seat NULL: count nothing. */
void store_meter_watch(mongoc_client_t *client, struct meter_seat *seat);

/* Count a failure by what it means to the client that asked. */
void store_meter_fault(struct meter_seat *seat, enum api_error_id id);

/* Mark the client to be made anew. Sends nothing. */
void store_forget_client(struct store *store);

/*
 * Tell the other workers of this machine that the database has just been lost; and has it been,
 * so lately that asking it would only make one more request hang?
 */
void store_lanes_tell_loss(struct store_lanes *lanes);
bool store_lanes_heard_loss(const struct store_lanes *lanes);

/*
 * Wait for the lane of a run (key: STORE_LANE_KEY_SIZE bytes) and hold it. NULL when there are no
 * lanes or the wait was too long: go on without, a transaction keeps the data right anyway.
 * One lane at a time.
 */
struct store_lane *store_lane_enter(struct store *store, const void *key);

/*
 * What workers of this machine know of a run together: how many transactions have changed its
 * episodes (the header's `merges`), as of the last one here. -1: not known. The lane is held.
 */
int64_t store_lane_merges(const struct store_lane *lane, const void *key);
void store_lane_learn(struct store_lane *lane, const void *key, int64_t merges);

/* Where the workers of these lanes note their transactions. NULL when lanes is. */
struct store_claims *store_lanes_claims(struct store_lanes *lanes);

/* NULL is fine. */
void store_lane_leave(struct store_lane *lane);

/* NULL is fine. */
void store_key_cache_free(struct store_key_cache *cache);
void store_run_keys_free(struct store_run_keys *keys);

#endif
