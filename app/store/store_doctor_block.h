/* store_doctor_block.h - do a run's blocks say what its rows say? For store_doctor_run.c alone. */
#ifndef STORE_DOCTOR_BLOCK_H
#define STORE_DOCTOR_BLOCK_H

#include "store_block.h"

struct block_check {
    struct store *store;
    bson_oid_t run;
    int64_t to;         /* the header's blocks_to */
    int64_t wrong_from; /* blocks may be trusted up to here, and no further; -1: all of them */
    struct block_maker maker;
};

void block_check_start(struct block_check *check, struct store *store, const bson_oid_t *run,
                       int64_t blocks_to);

/* The next row, in number order. False, as at the end: the database is away. */
bool block_check_row(struct block_check *check, const struct episode *row, struct api_error *err);
bool block_check_end(struct block_check *check, struct api_error *err);

void block_check_clear(struct block_check *check);

#endif
