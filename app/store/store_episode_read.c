/*
 * store_episode_read.c - a run's episodes in the order of their numbers: the rows, and the header's
 * tail. Called by the routes and store_summary.c. Next: store_row.c, store_episode_doc.c,
 * store_tail.c.
 */
#include "store/store_episode.h"

#include "store_block.h"
#include "store_episode_doc.h"
#include "store_pace.h"
#include "store_row.h"
#include "store_tail.h"

#include <stdio.h>
#include <string.h>

/* _id from {run, n: from} to {run, n: to}: one range of the index, in order. */
static void
append_filter(bson_t *filter, const struct run *run, int64_t from, int64_t to)
{
    bson_oid_t oid;
    bson_t id;

    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &id);
    episode_doc_append_id(&id, "$gte", &oid, from);
    episode_doc_append_id(&id, "$lte", &oid, to);
    bson_append_document_end(filter, &id);
}

/* Would a path split this metric's name? */
static bool
has_dots(const char *name)
{
    return strchr(name, '.') != NULL;
}

/* The i-th metric, as "v<i>", by an expression that takes its name as it is. */
static void
append_dotted(bson_t *projection, size_t i, const char *name)
{
    char key[24];

    snprintf(key, sizeof key, "v%zu", i);
    BCON_APPEND(projection, key, "{", "$getField", "{", "field", "{", "$literal", BCON_UTF8(name),
                "}", "input", BCON_UTF8("$metrics"), "}", "}");
}

/*
 * What a row holds: {_id} comes from the index alone. Paths are for most metrics, as they cost
 * mongod a third less than expressions (measured: 107 against 157 to 179 ms CPU for 100 000 rows).
 */
static void
append_projection(bson_t *opts, const struct store_episode_range *range)
{
    bson_t projection;

    if (!range->numbers_only && range->metric_count == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &projection);
    BSON_APPEND_INT32(&projection, "_id", 1);
    for (size_t i = 0; !range->numbers_only && i < range->metric_count; i++) {
        const char *name = range->metrics[i];
        char path[sizeof "metrics." + METRIC_NAME_MAX];

        if (has_dots(name)) {
            append_dotted(&projection, i, name);
            continue;
        }
        snprintf(path, sizeof path, "metrics.%s", name);
        BSON_APPEND_INT32(&projection, path, 1);
    }
    bson_append_document_end(opts, &projection);
}

static void
append_opts(bson_t *opts, const struct store_episode_range *range)
{
    BCON_APPEND(opts, "sort", "{", "_id", BCON_INT32(range->descending ? -1 : 1), "}", "batchSize",
                BCON_INT64(STORE_ROWS_FIRST));
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

/* The metrics that append_dotted asked for. */
static void
read_dotted(const bson_t *row, const struct store_episode_range *range, struct episode *episode,
            struct metric_value values[EPISODE_VALUES_MAX])
{
    for (size_t i = 0; i < range->metric_count; i++) {
        struct metric_value *value = &values[episode->value_count];
        bson_iter_t at;
        char key[24];

        if (!has_dots(range->metrics[i]) || episode->value_count == EPISODE_VALUES_MAX)
            continue;
        snprintf(key, sizeof key, "v%zu", i);
        if (!bson_iter_init_find(&at, row, key))
            continue;
        value->name = range->metrics[i];
        episode_doc_read_value(&at, value);
        episode->value_count++;
    }
}

static bool
read_row(const bson_t *row, void *context)
{
    struct reader *reader = context;
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;

    if (!episode_doc_read(row, &episode, values))
        return true;
    read_dotted(row, reader->range, &episode, values);
    visit_tail(reader, episode.number);
    if (!reader->ended)
        visit_one(reader, &episode);
    return !reader->ended;
}

/* The rows from this number on, and what of the tail comes before, between and after them. */
static bool
read_rows(struct store *store, const struct run *run, int64_t from, struct reader *reader,
          struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    const struct store_episode_range *range = reader->range;

    append_filter(&filter, run, from, range->to);
    append_opts(&opts, range);
    if (from <= range->to && !store_row_each(store, &filter, &opts, read_row, reader, err))
        return false;
    visit_tail(reader, range->descending ? 0 : INT64_MAX);
    return true;
}

bool
store_episode_read(struct store *store, const struct run *run,
                   const struct store_episode_range *range, store_episode_visit *visit,
                   void *context, struct api_error *err)
{
    struct reader reader = {.range = range, .tail = run->tail, .visit = visit, .context = context};

    return read_rows(store, run, range->from, &reader, err);
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

/* A value out of a block, as the episode that it belongs to. */
static bool
visit_packed(int64_t number, double value, void *context)
{
    struct reader *reader = context;
    const struct metric_value values = {
        .name = reader->range->metrics[0], .type = METRIC_IS_REAL, .real = value};
    const struct episode episode = {.number = number, .values = &values, .value_count = 1};

    visit_tail(reader, number);
    if (!reader->ended)
        visit_one(reader, &episode);
    return !reader->ended;
}

bool
store_episode_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                     int64_t to, store_metric_visit *visit, void *context, struct api_error *err)
{
    const struct store_episode_range range = {
        .from = from, .to = to, .metrics = &metric, .metric_count = 1};
    struct metric_reader of_metric = {.visit = visit, .context = context, .metric = metric};
    struct reader reader = {
        .range = &range, .tail = run->tail, .visit = visit_value, .context = &of_metric};
    const int64_t packed = to < run->blocks_to ? to : run->blocks_to;
    bool ended = false;

    block_want(store, run);
    if (from <= packed && !block_read_metric(store, run, metric, from, packed, visit_packed,
                                             &reader, &from, &ended, err))
        return false;
    return ended || read_rows(store, run, from, &reader, err);
}
