/* store_replica.h - makes a lone mongod a replica set of one: transactions need a set. */
#ifndef STORE_STORE_REPLICA_H
#define STORE_STORE_REPLICA_H

#include "store/store.h"

#define STORE_REPLICA_SET "training" /* what mongod is started with: --replSet training */

/*
 * Initiate the set at the one host of the URI, unless it is, and wait until it takes writes, at
 * most wait_ms. *made tells whether this call initiated it. Errors: STORE_UNAVAILABLE or
 * INTERNAL, with a sentence that says what to do.
 */
bool store_replica_init(struct store *store, int64_t wait_ms, bool *made, struct api_error *err);

#endif
