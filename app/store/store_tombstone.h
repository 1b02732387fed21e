/*
 * store_tombstone.h - what is left to do for a run that was deleted: a document of `purges` whose
 * _id is the run's. It is written and removed in the transactions that delete and restore the run,
 * and outlives the header, so that episodes are found when nothing else names them any more.
 * For app/store alone.
 */
#ifndef STORE_TOMBSTONE_H
#define STORE_TOMBSTONE_H

#include "base/auto.h"
#include "store_transaction.h"

struct tombstone {
    bson_oid_t run;
    const char *account, *run_id; /* borrowed from whatever the tombstone was read from */
    int64_t deleted_ms;           /* the header's deleted_at: another one is another deletion */
    int64_t due_ms;               /* when the run may be purged */
};

/* Write it, or write it over: at most one a run. */
enum step tombstone_put(struct transaction *transaction, const struct tombstone *tombstone,
                        struct api_error *err);

/* Remove it, that of this deletion only. STEP_OTHER: it is not there. */
enum step tombstone_remove(struct transaction *transaction, const struct tombstone *tombstone,
                           struct api_error *err);

#endif
