/*
 * store_tail.h - the newest reports of a run wait in its header, in `tail`, and are moved to
 * `episodes` many at a time: one small write a report, and one wait for the disk.
 * For app/store alone.
 *
 * Measured (8 writers, CPU of mongod and client an episode): insert + counter 411 + 86 us, one
 * transaction of both 646 + 136 us, one update with a tail 305 + 48 us.
 *
 * The rule that makes it exact: a number is in the tail or in `episodes`, never in both, and
 * `rows_max` is the highest number in `episodes`. So a report above rows_max whose number is not
 * in the tail is new, which a single update can ask and act upon.
 */
#ifndef STORE_TAIL_H
#define STORE_TAIL_H

#include "base/auto.h"
#include "store_episode_doc.h"

/*
 * Reports in a tail at most. Its length costs a write next to nothing, moving it 2.3 ms of mongod's
 * time; but every reader of the header reads it too.
 */
#define TAIL_MAX 64
#define TAIL_KEEP 16 /* stay when the others move: reports that overtake each other meet here */

/* A header's tail, in number order. */
struct tail {
    size_t count;
    struct episode items[TAIL_MAX];
    struct metric_value *values; /* owned */
};

/* NULL when the header has none. Names are borrowed from header. Free with tail_free. */
struct tail *tail_read(const bson_t *header);

/* NULL is fine. */
void tail_free(struct tail *tail);

/* The entry of a number, or NULL. */
const struct episode *tail_find(const struct tail *tail, int64_t number);

/*
 * One report as an element of the tail: {n, created_at, session_id?, metrics, new?}.
 *
 * Who follows the change stream hears of each report once: of one that is pushed to the tail; of
 * one that a transaction leaves in the tail, which is_new marks; and of a row, unless it `waited`.
 */
void tail_append(bson_t *array, const char *key, const struct episode *episode, bool is_new);

#endif
