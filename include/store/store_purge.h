/*
 * store_purge.h - ends for good what was deleted: the runs whose time is over, and whole accounts.
 * Everything here goes in bounded steps, may be interrupted anywhere and is taken up again by
 * whoever comes next; several processes and machines may do it at the same time.
 */
#ifndef STORE_STORE_PURGE_H
#define STORE_STORE_PURGE_H

#include "store/store.h"
#include "store/store_audit.h"

/* What has been removed so far. */
struct store_purged {
    int64_t runs; /* those of which nothing is left */
    int64_t episodes, evaluations, keys, sessions, entries;
};

/*
 * One step of one run that is due: at most rows_max of its episodes, and with the last of them the
 * run's tombstone, against an entry "run.purge". by->account: only this account's runs; NULL: all.
 * Adds to *done. *more: there was something to do, and there may be more.
 * Errors: STORE_UNAVAILABLE, STORE_BUSY.
 */
bool store_purge_step(struct store *store, const struct store_author *by, int64_t rows_max,
                      struct store_purged *done, bool *more, struct api_error *err);

/* How many of the account's runs wait to be purged, or are being purged by somebody else. */
bool store_purge_waiting(struct store *store, const char *account, int64_t *count,
                         struct api_error *err);

/*
 * Remove the account's keys and sessions: nobody enters it any more, 2 s from now at the latest.
 * And its jobs: a training that goes on is ended by its supervisor.
 */
bool store_purge_doors(struct store *store, const char *account, struct store_purged *done,
                       struct api_error *err);

/*
 * Make at most max of the account's runs, deleted or not, due now and gone from every read.
 * *count tells how many; 0: there is none left.
 */
bool store_purge_doom(struct store *store, const struct store_author *by, int64_t max,
                      struct store_purged *done, int64_t *count, struct api_error *err);

/*
 * Remove at most max of the account's other documents, and with the last of them the account
 * itself. *more: there are more.
 */
bool store_purge_rest(struct store *store, const char *account, int64_t max,
                      struct store_purged *done, bool *more, struct api_error *err);

#endif
