/*
 * store_plan.h - what a transaction writes: which reports are new, which replace, which go among
 * the rows of `episodes` and which wait in the tail; for app/store alone. Pure: no database.
 */
#ifndef STORE_PLAN_H
#define STORE_PLAN_H

#include "base/api_error.h"
#include "store_counters.h"
#include "store_tail.h"

struct plan {
    const bson_oid_t *run;
    const struct episode_list *list;
    struct tail *tail; /* of the header before; owned; NULL: empty */
    int64_t rows_max;
    int64_t blocks_before; /* the header's blocks_to (store_block.h) */
    int64_t blocks_to;     /* below every row that is written: what it becomes */
    struct counters counters;
    /* Reports that are not among the rows, in number order: the tail's and the new ones. */
    const struct episode **waiting; /* owned */
    size_t waiting_count;
    size_t moved;            /* the first of them, which become rows */
    bson_t inserts, updates; /* commands on `episodes` */
    size_t insert_count, update_count;
    int64_t inserted, replaced; /* for the receipt */
};

/* Borrows all arguments until plan_clear. */
void plan_start(struct plan *plan, const bson_oid_t *run, const struct episode_list *list,
                const bson_t *header);

/* The command that reads the rows in question. False when no row can have one of the numbers. */
bool plan_append_find(const struct plan *plan, bson_t *command);

/*
 * Decide, given that command's reply (empty when there was none). A stored report that reached
 * nginx later than its replacement stays. Errors: FIELD_INVALID (too many different metrics),
 * INTERNAL.
 */
bool plan_finish(struct plan *plan, const bson_t *rows_reply, struct api_error *err);

/* The update of the header. */
void plan_append_update(const struct plan *plan, int64_t now_ms, bson_t *update);

void plan_clear(struct plan *plan);

#endif
