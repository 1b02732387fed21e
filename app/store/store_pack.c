/*
 * store_pack.c - puts rows of long runs into blocks, a few thousand at a time.
 * Called by api/pack.c. Next: store_block_doc.c, store_transaction.c; why it is exact:
 * store_block.h.
 */
#include "store/store_pack.h"

#include "base/clock.h"
#include "base/log.h"
#include "store_block.h"
#include "store_bson.h"
#include "store_episode_doc.h"
#include "store_transaction.h"

#include <string.h>

/*
 * Rows of a transaction: 8000 of the usual metrics are a reply of a megabyte, and some 30 ms in
 * which the run's writers wait. Of wider rows, fewer.
 */
#define BLOCKS_AT_ONCE 8
#define METRICS_USUAL 8

/*
 * A run that was written so lately is left alone: it will be again. Unless so many rows wait that
 * reading them takes a quarter of a second.
 */
#define QUIET_MS 2000
#define ROWS_MANY 200000

#define PAUSE_MS 40 /* between two transactions: writers and readers go first */
#define LATER_MS 1000

/* How many rows could be put into blocks: of full blocks alone. */
static int64_t
rows_waiting(int64_t rows_max, int64_t blocks_to)
{
    return rows_max / BLOCK_SIZE * BLOCK_SIZE - blocks_to;
}

void
block_want(struct store *store, const struct run *run)
{
    struct block_wanted *wanted = &store->blocks;
    bson_oid_t oid;

    if (rows_waiting(run->rows_max, run->blocks_to) < BLOCK_SIZE ||
        wanted->count == COUNT_OF(wanted->runs))
        return;
    bson_oid_init_from_string(&oid, run->oid);
    for (size_t i = 0; i < wanted->count; i++)
        if (bson_oid_equal(&wanted->runs[i], &oid))
            return;
    bson_oid_copy(&oid, &wanted->runs[wanted->count++]);
}

bool
store_pack_waits(const struct store *store)
{
    return store->blocks.count > 0;
}

/* ---- looking ---- */

/* What the header says of a run that is wanted. */
struct look {
    bson_oid_t run;
    int64_t rows_max, blocks_to, fence, reported_ms;
    size_t metric_count;
};

/* Drop the first that is wanted; or let the others come first. */
static void
pass_on(struct block_wanted *wanted, bool again)
{
    const bson_oid_t first = wanted->runs[0];

    wanted->count--;
    memmove(wanted->runs, wanted->runs + 1, wanted->count * sizeof wanted->runs[0]);
    if (again)
        wanted->runs[wanted->count++] = first;
}

static void
read_look(const bson_t *header, struct look *look)
{
    look->rows_max = store_read_whole(header, "rows_max");
    look->blocks_to = store_read_whole(header, "blocks_to");
    look->fence = store_read_whole(header, "fence");
    look->reported_ms = store_read_time(header, "last_reported_at");
    look->metric_count = (size_t)store_read_whole(header, "metric_count");
}

/* *found false: it is gone, or deleted. */
static bool
look_at(struct store *store, struct look *look, bool *found, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (runs == NULL)
        return false;
    BCON_APPEND(&filter, "_id", BCON_OID(&look->run), "deleted_at", BCON_NULL);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{",
                "rows_max", BCON_INT32(1), "blocks_to", BCON_INT32(1), "fence", BCON_INT32(1),
                "last_reported_at", BCON_INT32(1), "metric_count", BCON_INT32(1), "}");
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found)
        read_look(doc, look);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "look_at_long_run", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* ---- building ---- */

struct building {
    const struct look *look;
    int64_t to; /* blocks_to afterwards */
};

/* Take the header's write lock, if it still says what it said, by writing what will be true. */
static enum step
lock_header(struct transaction *transaction, const struct building *building, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    const struct look *look = building->look;
    bson_t value, query;
    enum step step;

    BSON_APPEND_UTF8(&command, "findAndModify", store_collection_names[STORE_RUNS]);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "query", &query);
    BCON_APPEND(&query, "_id", BCON_OID(&look->run), "deleted_at", BCON_NULL, "fence",
                BCON_INT64(look->fence));
    if (look->blocks_to > 0)
        BCON_APPEND(&query, "blocks_to", BCON_INT64(look->blocks_to));
    else
        BCON_APPEND(&query, "blocks_to", "{", "$in", "[", BCON_NULL, BCON_INT64(0), "]", "}");
    bson_append_document_end(&command, &query);
    BCON_APPEND(&command, "update", "{", "$set", "{", "blocks_to", BCON_INT64(building->to), "}",
                "}", "fields", "{", "_id", BCON_INT32(1), "}");
    step = transaction_run(transaction, "lock_long_run", &command, &reply, err);
    if (step == STEP_DONE && !store_read_document(&reply, "value", &value))
        return STEP_OTHER; /* somebody was quicker */
    return step;
}

static enum step
read_rows(struct transaction *transaction, const struct building *building, bson_t *reply,
          struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    const struct look *look = building->look;
    bson_t filter, range;

    BSON_APPEND_UTF8(&command, "find", store_collection_names[STORE_EPISODES]);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "filter", &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
    episode_doc_append_id(&range, "$gt", &look->run, look->blocks_to);
    episode_doc_append_id(&range, "$lte", &look->run, building->to);
    bson_append_document_end(&filter, &range);
    bson_append_document_end(&command, &filter);
    BCON_APPEND(&command, "sort", "{", "_id", BCON_INT32(1), "}", "projection", "{", "metrics",
                BCON_INT32(1), "}", "batchSize",
                BCON_INT32((int32_t)(building->to - look->blocks_to + 1)));
    return transaction_run(transaction, "read_long_run", &command, reply, err);
}

/* The command that writes blocks grows block by block. */
struct writing {
    bson_t updates;
    uint32_t count;
    struct block_maker maker;
    const bson_oid_t *run;
};

/* {q: {_id}, u: the whole block, upsert}: what an older one of its number held is gone with it. */
static void
write_block(struct writing *writing)
{
    char text[16];
    const char *place;
    bson_t update, part;

    bson_uint32_to_string(writing->count++, &place, text, sizeof text);
    BSON_APPEND_DOCUMENT_BEGIN(&writing->updates, place, &update);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "q", &part);
    block_append_id(&part, "_id", writing->run, writing->maker.index);
    bson_append_document_end(&update, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "u", &part);
    block_append(&writing->maker, writing->run, &part);
    bson_append_document_end(&update, &part);
    BSON_APPEND_BOOL(&update, "upsert", true);
    bson_append_document_end(&writing->updates, &update);
    block_start(&writing->maker, writing->maker.index + 1);
}

/* Write the blocks before the one that a number belongs to. */
static void
write_blocks_before(struct writing *writing, int64_t number)
{
    while ((number - 1) / BLOCK_SIZE > writing->maker.index)
        write_block(writing);
}

/* All rows of the reply. False: they are not all, or have too many metrics. */
static bool
gather(struct writing *writing, const bson_t *reply, int64_t to)
{
    bson_iter_t root, at, rows;

    if (!bson_iter_init(&root, reply) || !bson_iter_find_descendant(&root, "cursor.id", &at) ||
        bson_iter_as_int64(&at) != 0 || !bson_iter_init(&root, reply) ||
        !bson_iter_find_descendant(&root, "cursor.firstBatch", &at) ||
        !bson_iter_recurse(&at, &rows))
        return false;
    while (bson_iter_next(&rows)) {
        struct metric_value values[EPISODE_VALUES_MAX];
        struct episode episode;
        const uint8_t *bytes;
        uint32_t size;
        bson_t row;

        bson_iter_document(&rows, &size, &bytes);
        if (!bson_init_static(&row, bytes, size) || !episode_doc_read(&row, &episode, values))
            return false;
        write_blocks_before(writing, episode.number);
        if (!block_add(&writing->maker, &episode))
            return false;
    }
    write_blocks_before(writing, to + 1);
    return true;
}

/* Its readers read rows, as before; `training-admin doctor` may say what is wrong with them. */
static void
tell_unpacked(const bson_oid_t *run)
{
    char oid[25];

    bson_oid_to_string(run, oid);
    log_event(LOG_WARN, "rows_not_packed", LOG_TEXT("run", oid));
}

static enum step
write_blocks(struct transaction *transaction, const struct building *building,
             const bson_t *rows_reply, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    struct writing writing = {.run = &building->look->run};
    enum step step = STEP_OTHER;
    bool whole;

    BSON_APPEND_UTF8(&command, "update", store_collection_names[STORE_BLOCKS]);
    BSON_APPEND_ARRAY_BEGIN(&command, "updates", &writing.updates);
    block_start(&writing.maker, building->look->blocks_to / BLOCK_SIZE);
    whole = gather(&writing, rows_reply, building->to);
    bson_append_array_end(&command, &writing.updates);
    block_clear(&writing.maker);
    if (whole)
        step = transaction_run(transaction, "write_blocks", &command, NULL, err);
    else
        tell_unpacked(&building->look->run);
    return step;
}

/* The transaction's inside. */
static enum step
build_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    const struct building *building = context;
    enum step step = lock_header(transaction, building, err);

    if (step == STEP_DONE)
        step = read_rows(transaction, building, &reply, err);
    return step == STEP_DONE ? write_blocks(transaction, building, &reply, err) : step;
}

/* How many rows a transaction may take. */
static int64_t
rows_at_once(const struct look *look)
{
    size_t blocks = BLOCKS_AT_ONCE;

    if (look->metric_count > METRICS_USUAL)
        blocks = BLOCKS_AT_ONCE * METRICS_USUAL / look->metric_count;
    return (int64_t)(blocks == 0 ? 1 : blocks) * BLOCK_SIZE;
}

static enum step
build(struct store *store, const struct look *look, bool *more, struct api_error *err)
{
    const int64_t waiting = rows_waiting(look->rows_max, look->blocks_to);
    const int64_t taken = waiting < rows_at_once(look) ? waiting : rows_at_once(look);
    struct building building = {.look = look, .to = look->blocks_to + taken};

    *more = waiting > taken;
    return store_transact(store, look->run.bytes, build_inside, &building, err);
}

static bool
is_wanted(const struct look *look)
{
    return look->metric_count <= BLOCK_METRICS_MAX &&
           rows_waiting(look->rows_max, look->blocks_to) >= BLOCK_SIZE;
}

static bool
is_busy(const struct look *look, int64_t now_ms)
{
    return now_ms - look->reported_ms < QUIET_MS &&
           rows_waiting(look->rows_max, look->blocks_to) < ROWS_MANY;
}

int64_t
store_pack_step(struct store *store, int64_t now_ms)
{
    struct block_wanted *wanted = &store->blocks;
    struct api_error err = {.id = API_OK};
    struct look look = {.rows_max = 0};
    bool found, more = false;
    int64_t wait_ms = PAUSE_MS;

    if (wanted->count == 0)
        return -1;
    bson_oid_copy(&wanted->runs[0], &look.run);
    if (look_at(store, &look, &found, &err) && found && is_wanted(&look)) {
        if (is_busy(&look, now_ms)) {
            more = true;
            wait_ms = LATER_MS;
        } else if (build(store, &look, &more, &err) != STEP_DONE) {
            more = false;
        }
    }
    pass_on(wanted, more);
    return wanted->count == 0 ? -1 : wait_ms;
}
