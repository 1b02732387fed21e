/*
 * store_block.h - blocks of a long run's rows, in the collection `blocks`; for app/store alone.
 *
 * Measured, whole requests through nginx: nine curves of a run of 1 000 000 episodes took 12.7 s
 * from rows and 0.9 s from blocks on a loaded machine; one from blocks 60 to 96 ms on a quiet one.
 *
 * The rule that makes them exact: block b holds what the rows of the numbers b * BLOCK_SIZE + 1 to
 * (b + 1) * BLOCK_SIZE say, of all metrics; and a header's `blocks_to` is the number up to which
 * the blocks say the same as the rows. A transaction that writes rows (store_merge.c) holds the
 * header's lock, and lowers blocks_to below the first number that it writes. A transaction that
 * writes blocks (store_pack.c) holds the same lock, reads rows, and raises it. So a header
 * that was read says what its blocks may be trusted with. A block beyond blocks_to says nothing.
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "base/auto.h"
#include "store/store_episode.h"
#include "store_private.h"

#define BLOCK_SIZE 1000       /* numbers to a block */
#define BLOCK_METRICS_MAX 100 /* a run with more different ones has no blocks */

/* The value of blocks_to when rows from this number on are written; at most what it was. */
int64_t block_lowered(int64_t blocks_to, int64_t first);

/* Remember to put more of this run into blocks when there is time, if that is worth it. */
void block_want(struct store *store, const struct run *run);

/* ---- a block as a document (store_block_doc.c) ---- */

/* One metric within a block. */
struct block_column {
    char key[METRIC_NAME_MAX + 1]; /* store_metric_key */
    uint16_t count;
    uint16_t places[BLOCK_SIZE]; /* of the values: a row's number less the block's first */
    double values[BLOCK_SIZE];
};

/* A block that is being filled. Zero it, start it, add its rows in order; clear it at the end. */
struct block_maker {
    int64_t index;
    uint16_t rows;
    uint16_t places[BLOCK_SIZE];
    struct block_column *columns[BLOCK_METRICS_MAX]; /* owned */
    size_t column_count;
};

void block_start(struct block_maker *maker, int64_t index);
/* False: more different metrics than BLOCK_METRICS_MAX. */
bool block_add(struct block_maker *maker, const struct episode *episode);
/* {_id: {run, b}, rows, at?, metrics: {key: {v, at?}}} appended to an empty doc. */
void block_append(const struct block_maker *maker, const bson_oid_t *run, bson_t *doc);
void block_clear(struct block_maker *maker);

/* {run, b}, under the key given. */
void block_append_id(bson_t *doc, const char *key, const bson_oid_t *run, int64_t index);

/* One metric of a stored block; borrowed from its document, little-endian and unaligned. */
struct block_values {
    size_t count;
    const uint8_t *values; /* doubles */
    const uint8_t *places; /* uint16s; NULL: 0, 1, 2 … */
};

/* False when doc is not the block of this index, or is damaged. */
bool block_read_values(const bson_t *doc, int64_t index, const char *key,
                       struct block_values *values);

int64_t block_number(const struct block_values *values, int64_t index, size_t i);
double block_value(const struct block_values *values, size_t i);

/* ---- reading (store_block_read.c) ---- */

/*
 * Visit a metric's values with numbers in [from, to], as far as the run's blocks hold them; `to` is
 * within blocks_to. *next: the first number that was not looked at; *ended: by the visitor.
 * A block that is missing or damaged ends the reading with a line in the log: rows do as well.
 */
bool block_read_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                       int64_t to, store_metric_visit *visit, void *context, int64_t *next,
                       bool *ended, struct api_error *err);

#endif
