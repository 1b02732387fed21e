/*
 * store_episode_read.c - a run's episodes in the order of their numbers: the rows, and the header's
 * tail. Called by the routes and store_summary.c. Next: store_row.c, store_episode_doc.c,
 * store_tail.c.
 */
#include "store/store_episode.h"

#include "store_episode_doc.h"
#include "store_row.h"
#include "store_tail.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * A reply of this many rows stays below a megabyte, so that reading a run of any length needs the
 * same memory and no single answer of the server comes near the socket's time-out.
 */
#define ROWS_AT_ONCE 4000

/* _id from {run, n: from} to {run, n: to}: one range of the index, in order. */
static void
append_filter(bson_t *filter, const struct run *run, const struct store_episode_range *range)
{
    bson_oid_t oid;
    bson_t id;

    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &id);
    episode_doc_append_id(&id, "$gte", &oid, range->from);
    episode_doc_append_id(&id, "$lte", &oid, range->to);
    bson_append_document_end(filter, &id);
}

/*
 * What a row holds: {_id} comes from the index alone; of metrics, the i-th is under "v<i>".
 * $getField: a custom metric's name may hold dots, which a path would split at.
 */
static void
append_projection(bson_t *opts, const struct store_episode_range *range)
{
    bson_t projection;

    if (!range->numbers_only && range->metric_count == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &projection);
    BSON_APPEND_INT32(&projection, range->numbers_only ? "_id" : "_id.n", 1);
    for (size_t i = 0; !range->numbers_only && i < range->metric_count; i++) {
        char key[24];

        snprintf(key, sizeof key, "v%zu", i);
        BCON_APPEND(&projection, key, "{", "$getField", "{", "field", "{", "$literal",
                    BCON_UTF8(range->metrics[i]), "}", "input", BCON_UTF8("$metrics"), "}", "}");
    }
    bson_append_document_end(opts, &projection);
}

static void
append_opts(bson_t *opts, const struct store_episode_range *range)
{
    BCON_APPEND(opts, "sort", "{", "_id", BCON_INT32(range->descending ? -1 : 1), "}", "batchSize",
                BCON_INT32(ROWS_AT_ONCE));
    if (range->count > 0) /* of the rows: enough, even if none of the tail is among the first */
        BCON_APPEND(opts, "limit", BCON_INT64(range->count));
    append_projection(opts, range);
}

/*
 * The rows and the tail as one sequence. The header, and with it the tail, was read first: what
 * has become a row since then is met twice, and the row is no older.
 */
struct reader {
    const struct store_episode_range *range;
    const struct tail *tail; /* NULL: empty */
    size_t tail_done;        /* so many of its episodes, from the end where the range begins */
    store_episode_visit *visit;
    void *context;
    int64_t visited;
    bool ended; /* by the visitor, or because it has all it wants */
};

static void
visit_one(struct reader *reader, const struct episode *episode)
{
    reader->ended =
        !reader->visit(episode, reader->context) || ++reader->visited == reader->range->count;
}

static const struct episode *
next_of_tail(const struct reader *reader)
{
    const struct tail *tail = reader->tail;

    if (tail == NULL || reader->tail_done == tail->count)
        return NULL;
    return &tail->items[reader->range->descending ? tail->count - 1 - reader->tail_done
                                                  : reader->tail_done];
}

/* The tail's episodes that come before this number; one that has it is passed over. */
static void
visit_tail(struct reader *reader, int64_t number)
{
    const struct store_episode_range *range = reader->range;
    const struct episode *next;

    while (!reader->ended && (next = next_of_tail(reader)) != NULL) {
        if (range->descending ? next->number < number : next->number > number)
            return;
        reader->tail_done++;
        if (next->number != number && next->number >= range->from && next->number <= range->to)
            visit_one(reader, next);
    }
}

static void
read_number(bson_iter_t *id, struct episode *episode)
{
    bson_iter_t inside;

    if (BSON_ITER_HOLDS_DOCUMENT(id) && bson_iter_recurse(id, &inside) &&
        bson_iter_find(&inside, "n"))
        episode->number = bson_iter_as_int64(&inside);
}

/* {_id: {n}, v0, v1, …}, as append_projection asked for it. */
static bool
read_projected(const bson_t *row, const struct store_episode_range *range, struct episode *episode,
               struct metric_value *values)
{
    bson_iter_t at;

    *episode = (struct episode){.values = values};
    if (!bson_iter_init(&at, row))
        return false;
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);

        if (key[0] == '_') {
            read_number(&at, episode);
        } else if (episode->value_count < range->metric_count) {
            struct metric_value *value = &values[episode->value_count++];

            value->name = range->metrics[strtoul(key + 1, NULL, 10)];
            episode_doc_read_value(&at, value);
        }
    }
    return episode->number > 0;
}

static bool
read_row(const bson_t *row, void *context)
{
    struct reader *reader = context;
    const struct store_episode_range *range = reader->range;
    const bool whole = !range->numbers_only && range->metric_count == 0;
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;

    if (whole ? !episode_doc_read(row, &episode, values)
              : !read_projected(row, range, &episode, values))
        return true;
    visit_tail(reader, episode.number);
    if (!reader->ended)
        visit_one(reader, &episode);
    return !reader->ended;
}

bool
store_episode_read(struct store *store, const struct run *run,
                   const struct store_episode_range *range, store_episode_visit *visit,
                   void *context, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    struct reader reader = {.range = range, .tail = run->tail, .visit = visit, .context = context};

    append_filter(&filter, run, range);
    append_opts(&opts, range);
    if (!store_row_each(store, &filter, &opts, read_row, &reader, err))
        return false;
    visit_tail(&reader, range->descending ? 0 : INT64_MAX);
    return true;
}

bool
store_episode_each(struct store *store, const struct run *run, int64_t from, int64_t to,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    const struct store_episode_range range = {.from = from, .to = to};

    return store_episode_read(store, run, &range, visit, context, err);
}

/* The visitor of one metric, behind that of episodes. */
struct metric_reader {
    store_metric_visit *visit;
    void *context;
    const char *metric;
};

static bool
visit_value(const struct episode *episode, void *context)
{
    const struct metric_reader *reader = context;
    const struct metric_value *value = episode_metric(episode, reader->metric);

    return value == NULL || reader->visit(episode->number, value->real, reader->context);
}

bool
store_episode_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                     int64_t to, store_metric_visit *visit, void *context, struct api_error *err)
{
    const struct store_episode_range range = {
        .from = from, .to = to, .metrics = &metric, .metric_count = 1};
    struct metric_reader reader = {.visit = visit, .context = context, .metric = metric};

    return store_episode_read(store, run, &range, visit_value, &reader, err);
}
