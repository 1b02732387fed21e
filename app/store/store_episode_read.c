/*
 * store_episode_read.c - a run's episodes in number order, row by row.
 * Called by the routes and store_summary.c. Next: store_episode_doc.c.
 */
#include "store/store_episode.h"

#include "store_episode_doc.h"
#include "store_private.h"

#include <string.h>

/*
 * A reply of this many rows stays below a megabyte, so that reading a run of any length needs the
 * same memory and no single answer of the server comes near the socket's time-out.
 */
#define ROWS_AT_ONCE 4000

/* _id from {run, n: from} to {run, n: to}: one range of the index, in order. */
static void
range_filter(bson_t *filter, const bson_oid_t *run, int64_t from, int64_t to)
{
    bson_t range;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    episode_doc_append_id(&range, "$gte", run, from);
    episode_doc_append_id(&range, "$lte", run, to);
    bson_append_document_end(filter, &range);
}

typedef bool row_visit(const bson_t *row, void *context);

/* Give each row to visit; projection is what a row holds. */
static bool
each_row(struct store *store, const struct run *run, int64_t from, int64_t to,
         const bson_t *projection, row_visit *visit, void *context, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *episodes = store_collection(store, STORE_EPISODES, err);
    mongoc_cursor_t *cursor;
    const bson_t *row;
    bson_error_t cause;
    bson_oid_t oid;
    bool good;

    if (episodes == NULL)
        return false;
    bson_oid_init_from_string(&oid, run->oid);
    range_filter(&filter, &oid, from, to);
    BCON_APPEND(&opts, "sort", "{", "_id", BCON_INT32(1), "}", "batchSize",
                BCON_INT32(ROWS_AT_ONCE));
    if (projection != NULL)
        BSON_APPEND_DOCUMENT(&opts, "projection", projection);
    cursor = mongoc_collection_find_with_opts(episodes, &filter, &opts, NULL);
    while (mongoc_cursor_next(cursor, &row))
        if (!visit(row, context))
            break;
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "read_episodes", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

struct episode_reader {
    store_episode_visit *visit;
    void *context;
};

static bool
read_episode(const bson_t *row, void *context)
{
    const struct episode_reader *reader = context;
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;

    return !episode_doc_read(row, &episode, values) || reader->visit(&episode, reader->context);
}

bool
store_episode_each(struct store *store, const struct run *run, int64_t from, int64_t to,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    struct episode_reader reader = {visit, context};

    return each_row(store, run, from, to, NULL, read_episode, &reader, err);
}

struct metric_reader {
    store_metric_visit *visit;
    void *context;
};

/* {_id: {n}, v} */
static bool
read_value(const bson_t *row, void *context)
{
    const struct metric_reader *reader = context;
    int64_t number = 0;
    bson_iter_t at, inside;

    if (!bson_iter_init(&at, row))
        return true;
    while (bson_iter_next(&at)) {
        if (BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &inside) &&
            bson_iter_find(&inside, "n"))
            number = bson_iter_as_int64(&inside);
        else if (BSON_ITER_HOLDS_NUMBER(&at))
            return reader->visit(number, bson_iter_as_double(&at), reader->context);
        else if (BSON_ITER_HOLDS_BOOL(&at))
            return reader->visit(number, bson_iter_bool(&at) ? 1.0 : 0.0, reader->context);
    }
    return true; /* this episode has no such metric */
}

bool
store_episode_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                     int64_t to, store_metric_visit *visit, void *context, struct api_error *err)
{
    AUTO_BSON projection = BSON_INITIALIZER;
    struct metric_reader reader = {visit, context};

    /* $getField: a custom metric's name may hold dots, which a path would split at. */
    BCON_APPEND(&projection, "_id.n", BCON_INT32(1), "v", "{", "$getField", "{", "field", "{",
                "$literal", BCON_UTF8(metric), "}", "input", BCON_UTF8("$metrics"), "}", "}");
    return each_row(store, run, from, to, &projection, read_value, &reader, err);
}
