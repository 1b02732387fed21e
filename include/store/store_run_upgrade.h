/* store_run_upgrade.h - brings headers that an earlier version wrote what lists need of them. */
#ifndef STORE_STORE_RUN_UPGRADE_H
#define STORE_STORE_RUN_UPGRADE_H

#include "store/store.h"

/*
 * Give each run that has none a `search` and a `rank` (to be settled at the next list by a figure).
 * *count: how many runs it was. Safe while the program runs, and to repeat.
 * Errors: STORE_UNAVAILABLE.
 */
bool store_run_upgrade(struct store *store, int64_t *count, struct api_error *err);

#endif
