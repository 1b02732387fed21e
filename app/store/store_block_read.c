/*
 * store_block_read.c - one metric of a long run, out of its blocks. Called by
 * store_episode_read.c. Next: store_block_doc.c; why they may be trusted: store_block.h.
 */
#include "store_block.h"

#include "base/log.h"
#include "store_bson.h"

#include <stdio.h>

#define BLOCKS_AT_ONCE 100 /* a reply of 0.8 to 1 MB */

struct reading {
    const char *key;
    int64_t from, to, index; /* numbers; the block that is next */
    store_metric_visit *visit;
    void *context;
    bool ended; /* by the visitor */
};

static mongoc_cursor_t *
open_cursor(mongoc_collection_t *blocks, const struct run *run, const struct reading *reading)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    char path[sizeof "metrics." + METRIC_NAME_MAX];
    bson_oid_t oid;
    bson_t range;

    snprintf(path, sizeof path, "metrics.%s", reading->key);
    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
    block_append_id(&range, "$gte", &oid, reading->index);
    block_append_id(&range, "$lte", &oid, (reading->to - 1) / BLOCK_SIZE);
    bson_append_document_end(&filter, &range);
    BCON_APPEND(&opts, "sort", "{", "_id", BCON_INT32(1), "}", "batchSize",
                BCON_INT64(BLOCKS_AT_ONCE), "projection", "{", "rows", BCON_INT32(1), "at",
                BCON_INT32(1), path, BCON_INT32(1), "}");
    return mongoc_collection_find_with_opts(blocks, &filter, &opts, NULL);
}

/* False: this is not the block that must come here. */
static bool
visit_block(struct reading *reading, const bson_t *doc)
{
    struct block_values values;

    if (!block_read_values(doc, reading->index, reading->key, &values))
        return false;
    for (size_t i = 0; i < values.count && !reading->ended; i++) {
        const int64_t number = block_number(&values, reading->index, i);

        if (number >= reading->from && number <= reading->to)
            reading->ended = !reading->visit(number, block_value(&values, i), reading->context);
    }
    reading->index++;
    return true;
}

/* Blocks from this one on are to be made again. To lower blocks_to is always right. */
static void
give_up_blocks(struct store *store, const struct run *run, int64_t index)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_error_t cause;
    bson_oid_t oid;

    bson_oid_init_from_string(&oid, run->oid);
    log_event(LOG_WARN, "block_not_usable", LOG_TEXT("run_id", run->id), LOG_WHOLE("block", index),
              LOG_TEXT("then", "its episodes are read one by one, and packed again"));
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&oid), "blocks_to", "{", "$gt",
                BCON_INT64(index * BLOCK_SIZE), "}", "}", "u", "{", "$set", "{", "blocks_to",
                BCON_INT64(index * BLOCK_SIZE), "}", "}", "}", "]");
    if (!store_command(store, &command, NULL, NULL, &cause))
        log_event(LOG_WARN, "blocks_not_given_up", LOG_TEXT("why", cause.message));
}

bool
block_read_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                  int64_t to, store_metric_visit *visit, void *context, int64_t *next, bool *ended,
                  struct api_error *err)
{
    mongoc_collection_t *blocks = store_collection(store, STORE_BLOCKS, err);
    char key[METRIC_NAME_MAX + 1];
    struct reading reading = {.key = key,
                              .from = from,
                              .to = to,
                              .index = (from - 1) / BLOCK_SIZE,
                              .visit = visit,
                              .context = context};
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool usable = true, good;

    if (blocks == NULL)
        return false;
    store_metric_key(metric, key, sizeof key);
    cursor = open_cursor(blocks, run, &reading);
    while (usable && !reading.ended && mongoc_cursor_next(cursor, &doc))
        usable = visit_block(&reading, doc);
    good =
        !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "read_blocks", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    if (good && !reading.ended && reading.index * BLOCK_SIZE < to)
        give_up_blocks(store, run, reading.index);
    *ended = reading.ended;
    *next = reading.index * BLOCK_SIZE + 1;
    if (*next < from)
        *next = from;
    return good;
}
