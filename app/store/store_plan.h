/* store_plan.h - which reports are new, which replace, and the commands for it; for app/store
 * alone. */
#ifndef STORE_PLAN_H
#define STORE_PLAN_H

#include "store_counters.h"
#include "store_private.h"
#include "training/episode.h"

/* Two commands to run inside a transaction. */
struct plan {
    bson_t inserts; /* insert: episodes that are new */
    bson_t updates; /* update: episodes that are replaced */
    size_t insert_count, update_count;
};

void plan_init(struct plan *plan);
void plan_clear(struct plan *plan);

/* Take every report for a new episode. False when memory ran out. */
bool plan_all_new(struct plan *plan, const bson_oid_t *run, const struct episode_list *list,
                  struct counters *counters);

/*
 * Read the header and what is stored under these numbers (opts: the transaction's), and plan
 * accordingly: a stored report that reached nginx later stays. False with the driver's cause.
 */
bool plan_look(struct plan *plan, struct store *store, const bson_t *opts, const bson_oid_t *run,
               const struct episode_list *list, struct counters *counters, bson_t *reply,
               bson_error_t *cause);

#endif
