/*
 * store_episode_newest.c - the newest values of a metric, read backwards: the tail and the rows.
 * Called by routes/route_benchmark.c. Next: store_episode_doc.c, store_tail.c.
 */
#include "store/store_episode_newest.h"

#include "store_episode_doc.h"
#include "store_private.h"
#include "store_tail.h"

/* Usually the metric is in every episode, and the first page is all that is read. */
#define FIRST_PAGE 128
#define LATER_PAGE 4000 /* still below a megabyte */

/*
 * The header, and with it the tail, was read first: what has become a row since then is met twice,
 * and the row is no older.
 */
struct newest {
    store_metric_visit *visit;
    void *context;
    const char *metric;
    const struct tail *tail;
    size_t tail_left; /* entries of the tail not yet passed, the lowest numbers */
    int64_t lowest;   /* number of the last row */
    bool ended;       /* by the visitor */
};

/* The tail's values above this number; an entry with this very number is passed over. */
static void
visit_tail_above(struct newest *newest, int64_t number)
{
    while (!newest->ended && newest->tail_left > 0) {
        const struct episode *episode = &newest->tail->items[newest->tail_left - 1];
        const struct metric_value *value = episode_metric(episode, newest->metric);

        if (episode->number < number)
            return;
        newest->tail_left--;
        if (episode->number > number && value != NULL)
            newest->ended = !newest->visit(episode->number, value->real, newest->context);
    }
}

/* {_id: {n}, v} */
static void
visit_row(struct newest *newest, const bson_t *row)
{
    bson_iter_t id, value;

    if (!bson_iter_init_find(&id, row, "_id") || !bson_iter_recurse(&id, &value) ||
        !bson_iter_find(&value, "n"))
        return;
    newest->lowest = bson_iter_as_int64(&value);
    visit_tail_above(newest, newest->lowest);
    if (newest->ended || !bson_iter_init_find(&value, row, "v"))
        return;
    if (BSON_ITER_HOLDS_BOOL(&value))
        newest->ended =
            !newest->visit(newest->lowest, bson_iter_bool(&value) ? 1.0 : 0.0, newest->context);
    else if (BSON_ITER_HOLDS_NUMBER(&value))
        newest->ended =
            !newest->visit(newest->lowest, bson_iter_as_double(&value), newest->context);
}

static void
page_filter(bson_t *filter, const struct run *run, int64_t below)
{
    bson_oid_t oid;
    bson_t range;

    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    episode_doc_append_id(&range, "$gte", &oid, 1);
    episode_doc_append_id(&range, "$lt", &oid, below);
    bson_append_document_end(filter, &range);
}

/* One page of rows in one answer, so that no cursor is left open. *count: rows it had. */
static bool
read_page(struct store *store, const struct run *run, struct newest *newest, int64_t size,
          int64_t *count, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *episodes = store_collection(store, STORE_EPISODES, err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *row;
    bool good;

    if (episodes == NULL)
        return false;
    page_filter(&filter, run, newest->lowest);
    /* batchSize too: a first batch has 101 rows unless told, and a single one is the first. */
    BCON_APPEND(&opts, "sort", "{", "_id", BCON_INT32(-1), "}", "limit", BCON_INT64(size),
                "batchSize", BCON_INT64(size), "singleBatch", BCON_BOOL(true), "projection", "{",
                "_id.n", BCON_INT32(1), "v", "{", "$getField", "{", "field", "{", "$literal",
                BCON_UTF8(newest->metric), "}", "input", BCON_UTF8("$metrics"), "}", "}", "}");
    cursor = mongoc_collection_find_with_opts(episodes, &filter, &opts, NULL);
    for (*count = 0; !newest->ended && mongoc_cursor_next(cursor, &row); (*count)++)
        visit_row(newest, row);
    good = newest->ended || !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "read_newest_episodes", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

bool
store_episode_newest(struct store *store, const struct run *run, const char *metric,
                     store_metric_visit *visit, void *context, struct api_error *err)
{
    const struct tail *tail = run->tail;
    struct newest newest = {.visit = visit,
                            .context = context,
                            .metric = metric,
                            .tail = tail,
                            .tail_left = tail == NULL ? 0 : tail->count,
                            .lowest = INT64_MAX};
    int64_t size = FIRST_PAGE, count;

    do {
        if (!read_page(store, run, &newest, size, &count, err))
            return false;
        if (count < size)
            visit_tail_above(&newest, 0);
        size = count < size ? 0 : LATER_PAGE;
    } while (!newest.ended && size > 0);
    return true;
}
