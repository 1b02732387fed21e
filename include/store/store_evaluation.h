/*
 * store_evaluation.h - evaluations in MongoDB, collection `evaluations`, one document each, found
 * by their run's ObjectId. They stay when their run is deleted, for its restoring, and go with it
 * when it is purged.
 */
#ifndef STORE_STORE_EVALUATION_H
#define STORE_STORE_EVALUATION_H

#include "store/store.h"
#include "training/evaluation.h"

#define STORE_IDEMPOTENCY_KEY_MAX 255 /* bytes of ASCII */

/* An evaluation and what its texts are borrowed from. Zero it first; release it when done. */
struct evaluation_held {
    struct evaluation evaluation;
    void *holder; /* owned by the store's own memory; NULL: nothing is held */
};

/* NULL members are fine; *held is zeroed. */
void store_evaluation_release(struct evaluation_held *held);

/*
 * Store an evaluation of a run and give it as stored. key (NULL: none) makes a repeat harmless:
 * when the run has an evaluation with this key already, *held is that one and *inserted false.
 * A run that is deleted between its look-up and this call gets it all the same; it comes back
 * with the run, or is purged with it.
 * Errors: STORE_UNAVAILABLE (the outcome may be unknown), STORE_FULL.
 */
bool store_evaluation_insert(struct store *store, const char *account, const struct run *run,
                             const struct evaluation *evaluation, const char *key,
                             struct evaluation_held *held, bool *inserted, struct api_error *err);

/* Which part of a run's evaluations. */
struct evaluation_query {
    int64_t limit, offset;
    /* Only those that come after this place in the list; offset does not count then. */
    int64_t from_ms;
    const char *from_id; /* 24 hexadecimal digits; NULL: from the start */
};

/* Called with each evaluation, newest first; borrowed. False ends the list early. */
typedef bool store_evaluation_visit(const struct evaluation *evaluation, void *context);

/*
 * A run's evaluations, newest first, ties by id. *more: there is at least one beyond the last.
 * Errors: STORE_UNAVAILABLE.
 */
bool store_evaluation_list(struct store *store, const struct run *run,
                           const struct evaluation_query *query, store_evaluation_visit *visit,
                           void *context, bool *more, struct api_error *err);

/* How many evaluations a run has. */
bool store_evaluation_count(struct store *store, const struct run *run, int64_t *count,
                            struct api_error *err);

#endif
