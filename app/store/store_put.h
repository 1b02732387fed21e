/* store_put.h - one request's reports on their way into the database; for app/store alone. */
#ifndef STORE_PUT_H
#define STORE_PUT_H

#include "base/auto.h"
#include "store/store_episode.h"
#include "store_run_key.h"
#include "store_transaction.h"

struct put {
    struct store *store;
    const char *account, *run_id;
    const struct episode_list *list;
    int64_t now_ms;
    struct run_key key;
    struct run_held *held; /* the header afterwards */
    struct store_receipt *receipt;
    bool tail_is_full; /* why the quick way gave up: another worker may have made room since */
};

/*
 * The quick way: one new report to the tail of its header, with one update. STEP_OTHER when the
 * number is not new or the tail is full.
 */
enum step put_append(struct put *put, struct api_error *err);

/*
 * The thorough way, for whatever comes: one transaction. STEP_OTHER when the tail was full and
 * another worker has merged since the quick way gave up: it has room again, perhaps.
 */
enum step put_merge(struct put *put, struct api_error *err);

/*
 * Learn what a header says of its episodes, for the next write of this worker. Only from what is
 * committed: append_query relies on it.
 */
void put_learn(struct put *put, const bson_t *header);

/* The members of a header that an answer to a write needs not. */
void put_append_fields(bson_t *command);

/* The first document of a find command's reply, borrowed from it. False when there is none. */
bool put_found(const bson_t *reply, bson_t *doc);

/*
 * Read of the header what a writer goes by, and learn it. *header is borrowed from reply, which is
 * the caller's, initialised. Errors: RUN_NOT_FOUND (it is remembered no more), STORE_UNAVAILABLE.
 */
bool put_look(struct put *put, bson_t *reply, bson_t *header, struct api_error *err);

#endif
