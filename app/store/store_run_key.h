/* store_run_key.h - from (account, run_id) to the run's ObjectId; for app/store alone. */
#ifndef STORE_RUN_KEY_H
#define STORE_RUN_KEY_H

#include "store_private.h"

/* What a writer knows of a run before it writes. */
struct run_key {
    bson_oid_t oid;
    /* As its header said last, which may be out of date: a write asks whether it still holds. */
    int64_t rows_max; /* the highest number in `episodes` */
    int64_t merges;   /* transactions that have changed `episodes` */
    int64_t fence;    /* raised to keep out a transaction that may come late (store_claim.c) */
};

/*
 * The key of a run that is not deleted, from this worker's memory or the database. What is
 * remembered may be deleted since: a write must still ask for {_id, deleted_at: null}, and call
 * store_run_key_forget when that finds nothing. Errors: RUN_NOT_FOUND, STORE_UNAVAILABLE.
 */
bool store_run_key(struct store *store, const char *account, const char *run_id,
                   struct run_key *key, bool *remembered, struct api_error *err);

/* Remember what a header, read just now, says. */
void store_run_key_learn(struct store *store, const char *account, const char *run_id,
                         struct run_key *key, const bson_t *header);

void store_run_key_forget(struct store *store, const char *account, const char *run_id);

#endif
