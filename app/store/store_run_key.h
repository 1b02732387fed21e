/* store_run_key.h - from (account, run_id) to the run's ObjectId; for app/store alone. */
#ifndef STORE_RUN_KEY_H
#define STORE_RUN_KEY_H

#include "store_private.h"

/*
 * The ObjectId of a run that is not deleted, from this worker's memory or the database. What is
 * remembered may be deleted since: a write must still ask for {_id, deleted_at: null}, and call
 * store_run_key_forget when that finds nothing. Errors: RUN_NOT_FOUND, STORE_UNAVAILABLE.
 */
bool store_run_key(struct store *store, const char *account, const char *run_id, bson_oid_t *oid,
                   bool *remembered, struct api_error *err);

void store_run_key_forget(struct store *store, const char *account, const char *run_id);

#endif
