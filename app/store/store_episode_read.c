/*
 * store_episode_read.c - a run's episodes in number order: the rows, and the header's tail.
 * Called by the routes and store_summary.c. Next: store_pace.c, store_episode_doc.c,
 * store_tail.c.
 */
#include "store/store_episode.h"

#include "store_episode_doc.h"
#include "store_pace.h"
#include "store_private.h"
#include "store_tail.h"

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
    struct store_pace pace = {.rows = 0};
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
                BCON_INT64(STORE_ROWS_FIRST));
    if (projection != NULL)
        BSON_APPEND_DOCUMENT(&opts, "projection", projection);
    cursor = mongoc_collection_find_with_opts(episodes, &filter, &opts, NULL);
    while (mongoc_cursor_next(cursor, &row)) {
        store_pace_keep(&pace, cursor, row);
        if (!visit(row, context))
            break;
    }
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "read_episodes", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/*
 * The rows and the tail as one sequence. The header, and with it the tail, was read first: what
 * has become a row since then is met twice, and the row is no older.
 */
struct tail_beside {
    const struct tail *tail;
    size_t next;
    int64_t to;
};

static void
tail_start(struct tail_beside *beside, const struct run *run, int64_t from, int64_t to)
{
    *beside = (struct tail_beside){.tail = run->tail, .to = to};
    while (beside->tail != NULL && beside->next < beside->tail->count &&
           beside->tail->items[beside->next].number < from)
        beside->next++;
}

/* The tail's next episode with a number below `number`, or NULL; one with that number is passed. */
static const struct episode *
tail_before(struct tail_beside *beside, int64_t number)
{
    const struct episode *next;

    if (beside->tail == NULL || beside->next == beside->tail->count)
        return NULL;
    next = &beside->tail->items[beside->next];
    if (next->number > beside->to || next->number > number)
        return NULL;
    beside->next++;
    return next->number < number ? next : NULL;
}

struct episode_reader {
    store_episode_visit *visit;
    void *context;
    struct tail_beside tail;
    bool ended; /* by the visitor */
};

/* The tail's episodes below this number. */
static void
visit_tail(struct episode_reader *reader, int64_t number)
{
    const struct episode *episode;

    while (!reader->ended && (episode = tail_before(&reader->tail, number)) != NULL)
        reader->ended = !reader->visit(episode, reader->context);
}

static bool
read_episode(const bson_t *row, void *context)
{
    struct episode_reader *reader = context;
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;

    if (!episode_doc_read(row, &episode, values))
        return true;
    visit_tail(reader, episode.number);
    if (!reader->ended)
        reader->ended = !reader->visit(&episode, reader->context);
    return !reader->ended;
}

bool
store_episode_each(struct store *store, const struct run *run, int64_t from, int64_t to,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    struct episode_reader reader = {.visit = visit, .context = context};

    tail_start(&reader.tail, run, from, to);
    if (!each_row(store, run, from, to, NULL, read_episode, &reader, err))
        return false;
    visit_tail(&reader, INT64_MAX);
    return true;
}

struct metric_reader {
    store_metric_visit *visit;
    void *context;
    const char *metric;
    struct tail_beside tail;
    bool ended; /* by the visitor */
};

/* The tail's values below this number. */
static void
visit_tail_values(struct metric_reader *reader, int64_t number)
{
    const struct episode *episode;

    while (!reader->ended && (episode = tail_before(&reader->tail, number)) != NULL) {
        const struct metric_value *value = episode_metric(episode, reader->metric);

        if (value != NULL)
            reader->ended = !reader->visit(episode->number, value->real, reader->context);
    }
}

/* {_id: {n}, v} */
static bool
read_value(const bson_t *row, void *context)
{
    struct metric_reader *reader = context;
    int64_t number = 0;
    double value = 0.0;
    bool has = false;
    bson_iter_t at, inside;

    if (!bson_iter_init(&at, row))
        return true;
    while (bson_iter_next(&at)) {
        if (BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &inside) &&
            bson_iter_find(&inside, "n")) {
            number = bson_iter_as_int64(&inside);
        } else if (BSON_ITER_HOLDS_NUMBER(&at) || BSON_ITER_HOLDS_BOOL(&at)) {
            value =
                BSON_ITER_HOLDS_BOOL(&at) ? (double)bson_iter_bool(&at) : bson_iter_as_double(&at);
            has = true;
        }
    }
    visit_tail_values(reader, number);
    if (has && !reader->ended)
        reader->ended = !reader->visit(number, value, reader->context);
    return !reader->ended;
}

bool
store_episode_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                     int64_t to, store_metric_visit *visit, void *context, struct api_error *err)
{
    AUTO_BSON projection = BSON_INITIALIZER;
    struct metric_reader reader = {.visit = visit, .context = context, .metric = metric};

    /* $getField: a custom metric's name may hold dots, which a path would split at. */
    BCON_APPEND(&projection, "_id.n", BCON_INT32(1), "v", "{", "$getField", "{", "field", "{",
                "$literal", BCON_UTF8(metric), "}", "input", BCON_UTF8("$metrics"), "}", "}");
    tail_start(&reader.tail, run, from, to);
    if (!each_row(store, run, from, to, &projection, read_value, &reader, err))
        return false;
    visit_tail_values(&reader, INT64_MAX);
    return true;
}
