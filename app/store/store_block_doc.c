/*
 * store_block_doc.c - a block as a document, both ways. Pure: no database.
 * Called by store_pack.c, store_block_read.c. Next: store_bson.c; the shape is kept by
 * schema/mongo/blocks.json.
 */
#include "store_block.h"

#include "store_bson.h"

#include <stdlib.h>
#include <string.h>

int64_t
block_lowered(int64_t blocks_to, int64_t first)
{
    return first > blocks_to ? blocks_to : (first - 1) / BLOCK_SIZE * BLOCK_SIZE;
}

void
block_append_id(bson_t *doc, const char *key, const bson_oid_t *run, int64_t index)
{
    bson_t id;

    BSON_APPEND_DOCUMENT_BEGIN(doc, key, &id);
    BSON_APPEND_OID(&id, "run", run);
    store_append_whole(&id, "b", index);
    bson_append_document_end(doc, &id);
}

/* ---- making one ---- */

void
block_start(struct block_maker *maker, int64_t index)
{
    maker->index = index;
    maker->rows = 0;
    for (size_t i = 0; i < maker->column_count; i++)
        maker->columns[i]->count = 0;
}

/* Metrics come in the same order in most rows: the column that is looked for is often the i-th. */
static struct block_column *
column_of(struct block_maker *maker, const char *key, size_t likely)
{
    struct block_column *column;

    if (likely < maker->column_count && strcmp(maker->columns[likely]->key, key) == 0)
        return maker->columns[likely];
    for (size_t i = 0; i < maker->column_count; i++)
        if (strcmp(maker->columns[i]->key, key) == 0)
            return maker->columns[i];
    if (maker->column_count == BLOCK_METRICS_MAX)
        return NULL;
    column = calloc(1, sizeof *column);
    if (column == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    memcpy(column->key, key, strlen(key) + 1);
    maker->columns[maker->column_count++] = column;
    return column;
}

bool
block_add(struct block_maker *maker, const struct episode *episode)
{
    const uint16_t place = (uint16_t)((episode->number - 1) % BLOCK_SIZE);

    maker->places[maker->rows++] = place;
    for (size_t i = 0; i < episode->value_count; i++) {
        char key[METRIC_NAME_MAX + 1];
        struct block_column *column;

        store_metric_key(episode->values[i].name, key, sizeof key);
        column = column_of(maker, key, i);
        if (column == NULL)
            return false;
        column->places[column->count] = place;
        column->values[column->count++] = episode->values[i].real;
    }
    return true;
}

static void
append_places(bson_t *doc, const uint16_t *places, size_t count)
{
    uint16_t stored[BLOCK_SIZE];

    for (size_t i = 0; i < count; i++)
        stored[i] = BSON_UINT16_TO_LE(places[i]);
    BSON_APPEND_BINARY(doc, "at", BSON_SUBTYPE_BINARY, (const uint8_t *)stored,
                       (uint32_t)(count * sizeof stored[0]));
}

static void
append_column(bson_t *metrics, const struct block_column *column, const struct block_maker *maker)
{
    double stored[BLOCK_SIZE];
    bson_t doc;

    for (size_t i = 0; i < column->count; i++)
        stored[i] = BSON_DOUBLE_TO_LE(column->values[i]);
    BSON_APPEND_DOCUMENT_BEGIN(metrics, column->key, &doc);
    BSON_APPEND_BINARY(&doc, "v", BSON_SUBTYPE_BINARY, (const uint8_t *)stored,
                       (uint32_t)(column->count * sizeof stored[0]));
    if (column->count < maker->rows)
        append_places(&doc, column->places, column->count);
    bson_append_document_end(metrics, &doc);
}

void
block_append(const struct block_maker *maker, const bson_oid_t *run, bson_t *doc)
{
    bson_t metrics;

    block_append_id(doc, "_id", run, maker->index);
    BSON_APPEND_INT32(doc, "rows", maker->rows);
    /* Each number once and in order: all are there, or there is a gap before the last. */
    if (maker->rows > 0 && maker->places[maker->rows - 1] != maker->rows - 1)
        append_places(doc, maker->places, maker->rows);
    BSON_APPEND_DOCUMENT_BEGIN(doc, "metrics", &metrics);
    for (size_t i = 0; i < maker->column_count; i++)
        if (maker->columns[i]->count > 0)
            append_column(&metrics, maker->columns[i], maker);
    bson_append_document_end(doc, &metrics);
}

void
block_clear(struct block_maker *maker)
{
    for (size_t i = 0; i < maker->column_count; i++)
        free(maker->columns[i]);
    maker->column_count = 0;
}

/* ---- reading one ---- */

/* What is packed at the iterator. *count: of items of this size. False: it is no such thing. */
static bool
read_packed(const bson_iter_t *at, size_t size, const uint8_t **bytes, size_t *count)
{
    bson_subtype_t subtype;
    uint32_t length = 0;

    if (!BSON_ITER_HOLDS_BINARY(at))
        return false;
    bson_iter_binary(at, &subtype, &length, bytes);
    *count = length / size;
    return subtype == BSON_SUBTYPE_BINARY && length % size == 0 && *count <= BLOCK_SIZE;
}

static bool
is_block(const bson_t *doc, int64_t index)
{
    bson_iter_t id, member;

    return bson_iter_init_find(&id, doc, "_id") && bson_iter_recurse(&id, &member) &&
           bson_iter_find(&member, "b") && bson_iter_as_int64(&member) == index;
}

/* {v, at?} */
static bool
read_column(bson_iter_t *at, struct block_values *values)
{
    bson_iter_t member;
    size_t placed;

    if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &member) ||
        !bson_iter_next(&member) ||
        !read_packed(&member, sizeof(double), &values->values, &values->count))
        return false;
    if (!bson_iter_next(&member))
        return true;
    return read_packed(&member, sizeof(uint16_t), &values->places, &placed) &&
           placed == values->count;
}

/* Places go up, and within the block. */
static bool
places_are_good(const struct block_values *values)
{
    int64_t before = 0;

    for (size_t i = 0; i < values->count; i++) {
        const int64_t number = block_number(values, 0, i);

        if (number <= before || number > BLOCK_SIZE)
            return false;
        before = number;
    }
    return true;
}

bool
block_read_values(const bson_t *doc, int64_t index, const char *key, struct block_values *values)
{
    const uint8_t *places = NULL;
    const int64_t rows = store_read_whole(doc, "rows");
    bson_iter_t at, metrics;
    size_t placed;

    *values = (struct block_values){.count = 0};
    if (!is_block(doc, index))
        return false;
    if (bson_iter_init_find(&at, doc, "at") &&
        (!read_packed(&at, sizeof(uint16_t), &places, &placed) || placed != (size_t)rows))
        return false;
    if (!store_read_inside(doc, "metrics", &metrics))
        return false;
    if (!bson_iter_find(&metrics, key))
        return true; /* no row of the block has it */
    if (!read_column(&metrics, values))
        return false;
    if (values->places == NULL && values->count != (size_t)rows)
        return false;
    if (values->places == NULL)
        values->places = places;
    return places_are_good(values);
}

int64_t
block_number(const struct block_values *values, int64_t index, size_t i)
{
    uint16_t place = (uint16_t)i;

    if (values->places != NULL) {
        memcpy(&place, values->places + i * sizeof place, sizeof place);
        place = BSON_UINT16_FROM_LE(place);
    }
    return index * BLOCK_SIZE + 1 + place;
}

double
block_value(const struct block_values *values, size_t i)
{
    double value;

    memcpy(&value, values->values + i * sizeof value, sizeof value);
    return BSON_DOUBLE_FROM_LE(value);
}
