/*
 * store_doctor_block.c - a run's blocks, against the pass over its rows that is made anyway.
 * Called by store_doctor_run.c. Next: store_block_doc.c.
 */
#include "store_doctor_block.h"

#include "store_bson.h"

#include <string.h>

void
block_check_start(struct block_check *check, struct store *store, const bson_oid_t *run,
                  int64_t blocks_to)
{
    *check = (struct block_check){.store = store, .run = *run, .to = blocks_to, .wrong_from = -1};
    block_start(&check->maker, 0);
}

static void
find_wrong(struct block_check *check)
{
    if (check->wrong_from == -1)
        check->wrong_from = check->maker.index * BLOCK_SIZE;
}

static bool
same_column(const bson_t *stored, const struct block_column *made, int64_t index)
{
    struct block_values values;

    if (!block_read_values(stored, index, made->key, &values) || values.count != made->count)
        return false;
    for (size_t i = 0; i < values.count; i++) {
        const double value = block_value(&values, i);

        if (block_number(&values, 0, i) != made->places[i] + 1 ||
            memcmp(&value, &made->values[i], sizeof value) != 0)
            return false;
    }
    return true;
}

/* Each metric of the rows is in the block as it is, and the block has no other. */
static bool
same_block(const bson_t *stored, const struct block_maker *made)
{
    size_t columns = 0;
    bson_iter_t metrics;

    for (size_t i = 0; i < made->column_count; i++) {
        if (made->columns[i]->count == 0)
            continue;
        columns++;
        if (!same_column(stored, made->columns[i], made->index))
            return false;
    }
    if (store_read_inside(stored, "metrics", &metrics))
        while (bson_iter_next(&metrics))
            columns--;
    return columns == 0 && store_read_whole(stored, "rows") == made->rows;
}

/* The block that has been filled with rows, against the stored one. */
static bool
compare(struct block_check *check, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    mongoc_collection_t *blocks = store_collection(check->store, STORE_BLOCKS, err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (blocks == NULL)
        return false;
    block_append_id(&filter, "_id", &check->run, check->maker.index);
    cursor = mongoc_collection_find_with_opts(blocks, &filter, NULL, NULL);
    if (!mongoc_cursor_next(cursor, &doc) || !same_block(doc, &check->maker))
        find_wrong(check);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(check->store, err, "check_block", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* Compare the blocks before this number, as far as they are to be trusted. */
static bool
go_on_to(struct block_check *check, int64_t number, struct api_error *err)
{
    while ((number - 1) / BLOCK_SIZE > check->maker.index &&
           check->maker.index * BLOCK_SIZE < check->to && check->wrong_from == -1) {
        if (!compare(check, err))
            return false;
        block_start(&check->maker, check->maker.index + 1);
    }
    return true;
}

bool
block_check_row(struct block_check *check, const struct episode *row, struct api_error *err)
{
    if (!go_on_to(check, row->number, err))
        return false;
    if (row->number <= check->to && check->wrong_from == -1 && !block_add(&check->maker, row))
        find_wrong(check); /* so many metrics are not packed */
    return true;
}

bool
block_check_end(struct block_check *check, struct api_error *err)
{
    return go_on_to(check, check->to + 1, err);
}

void
block_check_clear(struct block_check *check)
{
    block_clear(&check->maker);
}
