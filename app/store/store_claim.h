/*
 * store_claim.h - transactions that a worker has open, noted where all workers of a master see
 * them; for app/store alone.
 */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "store_private.h"

#include <pthread.h>

#define STORE_CLAIM_COUNT 1024 /* two for each worker that a master may have: old and successor */
#define STORE_SESSION_SIZE 16  /* bytes of a UUID */

/* One worker's note. It has at most one transaction open. */
struct store_claim {
    pthread_mutex_t owner; /* robust; held by its worker for life */
    _Atomic uint32_t word; /* enum claim_state in the two lowest bits, above them a count */
    uint8_t session[STORE_SESSION_SIZE]; /* the UUID of the logical session */
    uint8_t run[STORE_LANE_KEY_SIZE];    /* the ObjectId of the run whose header it locks */
} __attribute__((aligned(64)));          /* a cache line of its own */

struct store_claims {
    _Atomic bool in_doubt; /* there may be something for store_claims_settle to do */
    struct store_claim items[STORE_CLAIM_COUNT];
};

/* In memory that is shared and zeroed. */
bool store_claims_init(struct store_claims *claims, const pthread_mutexattr_t *robust);

/*
 * Note a transaction before its first command: lsid is the session's, of libmongoc; run are the
 * bytes of the ObjectId of the run whose header it locks. False, and the transaction must not
 * start, while an earlier one of this worker cannot be ended; *err says so.
 */
bool store_claim_open(struct store *store, const bson_t *lsid, const void *run,
                      struct api_error *err);

/*
 * It is over, and the server has said so; or nobody knows: it may be open, or begin when a command
 * that is under way arrives.
 */
void store_claim_close(struct store *store);
void store_claim_doubt(struct store *store);

/*
 * End all transactions that nobody else will end: those in doubt, and those of workers that died.
 * Costs one look at a flag when there are none. What could not be ended is tried at the next call.
 */
void store_claims_settle(struct store *store);

#endif
