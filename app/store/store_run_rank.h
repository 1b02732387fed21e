/*
 * store_run_rank.h - the figures that lists are sorted by, in the header's member `rank`, and how
 * they are kept in step; for app/store alone.
 *
 * An index on a figure that each report changes would cost each report three more writes. So a
 * report only notes, if nothing is noted yet, since when the rank is behind (`unranked_since`,
 * which it must do in the update that stores it), and whoever lists by a figure settles those runs
 * first: the index list_unranked has them and no others. A settled rank is the summary that the
 * list shows, made by the same code from the same header; it counts as settled only if the header
 * had no report since it was read (`revision`).
 *
 * What is behind stays few: each new run of an account settles two that have been behind for long.
 */
#ifndef STORE_RUN_RANK_H
#define STORE_RUN_RANK_H

#include "base/auto.h"
#include "store/store_run.h"

/* rank of a new run, as a member of its header. */
void run_rank_append_new(bson_t *doc);

/* "$min": {unranked_since}: part of every update that stores reports. */
void run_rank_append_behind(bson_t *update, int64_t now_ms);

void run_rank_read(const bson_t *doc, struct run_rank *rank);

/*
 * Settle every run of the account. Errors: STORE_BUSY (not all in RANK_SETTLE_MS; those that were
 * stay settled), STORE_UNAVAILABLE.
 */
bool store_run_rank_settle(struct store *store, const char *account, struct api_error *err);

/* Settle a few that have been behind for long. A failure is logged, and no matter. */
void store_run_rank_tidy(struct store *store, const char *account);

#endif
