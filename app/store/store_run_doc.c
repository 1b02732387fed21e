/*
 * store_run_doc.c - the header of a run as a document. Called by store_run.c, store_run_list.c.
 * Next: store_bson.c; the shape is kept by schema/mongo/runs.json.
 */
#include "store_run_doc.h"

#include "base/json_text.h"
#include "store_bson.h"
#include "store_counters.h"
#include "store_run_rank.h"
#include "store_run_search.h"
#include "store_tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct holder {
    bson_t *copy; /* NULL when the document is borrowed */
    const bson_t *doc;
    struct run_checkpoint *checkpoints;
    struct tail *tail; /* NULL: empty, or not asked for */
};

static void
append_tags(bson_t *doc, const char *const *tags, size_t count)
{
    bson_t array;

    BSON_APPEND_ARRAY_BEGIN(doc, "tags", &array);
    for (size_t i = 0; i < count; i++) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_UTF8(&array, place, tags[i]);
    }
    bson_append_array_end(doc, &array);
}

static void
append_request(bson_t *doc, const struct run_request *request)
{
    const bool strategy = request->strategy_id[0] != '\0';

    store_append_json(doc, "config", request->config);
    store_append_text(doc, "config_json",
                      request->config == NULL ? NULL : json_text_of(request->config));
    store_append_text(doc, "strategy_id", strategy ? request->strategy_id : NULL);
    store_append_text(doc, "strategy_label", request->strategy_label);
    store_append_text(doc, "agent_id", request->agent_id);
    store_append_text(doc, "algorithm", request->algorithm);
    if (request->episodes_total == 0)
        BSON_APPEND_NULL(doc, "episodes_total");
    else
        BSON_APPEND_INT64(doc, "episodes_total", request->episodes_total);
    append_tags(doc, request->tags, request->tag_count);
    store_append_text(doc, "notes", request->notes);
    run_search_append(doc,
                      &(struct run_texts){request->id, request->strategy_label, request->agent_id,
                                          request->algorithm, request->tags, request->tag_count});
}

static void
append_metadata(bson_t *doc, json_object *metadata)
{
    bson_t empty = BSON_INITIALIZER;

    if (metadata == NULL)
        BSON_APPEND_DOCUMENT(doc, "metadata", &empty);
    else
        store_append_json(doc, "metadata", metadata);
    BSON_APPEND_UTF8(doc, "metadata_json", metadata == NULL ? "{}" : json_text_of(metadata));
}

static void
append_counters(bson_t *doc)
{
    bson_t empty = BSON_INITIALIZER;

    BSON_APPEND_ARRAY(doc, "checkpoint_paths", &empty);
    BSON_APPEND_INT32(doc, "edits", 0);
    BSON_APPEND_INT64(doc, "episodes", 0);
    BSON_APPEND_INT64(doc, "revision", 0);
    BSON_APPEND_INT64(doc, "merges", 0);
    BSON_APPEND_INT64(doc, "fence", 0);
    BSON_APPEND_DOCUMENT(doc, "metrics", &empty);
    BSON_APPEND_ARRAY(doc, "wins", &empty);
    BSON_APPEND_INT32(doc, "metric_count", 0);
    BSON_APPEND_BOOL(doc, "summary_stale", false);
    BSON_APPEND_ARRAY(doc, "tail", &empty);
    BSON_APPEND_INT64(doc, "rows_max", 0);
    BSON_APPEND_INT64(doc, "blocks_to", 0);
}

void
run_doc_new(bson_t *doc, const char *account, const struct run_request *request, int64_t now_ms)
{
    bson_oid_t oid;

    bson_oid_init(&oid, NULL);
    BSON_APPEND_OID(doc, "_id", &oid);
    BSON_APPEND_UTF8(doc, "account", account);
    BSON_APPEND_UTF8(doc, "run_id", request->id);
    BSON_APPEND_UTF8(doc, "status", run_status_name(RUN_RUNNING));
    append_request(doc, request);
    append_metadata(doc, request->metadata);
    BSON_APPEND_DATE_TIME(doc, "started_at", now_ms);
    BSON_APPEND_NULL(doc, "completed_at");
    BSON_APPEND_DATE_TIME(doc, "last_reported_at", now_ms);
    BSON_APPEND_NULL(doc, "deleted_at");
    append_counters(doc);
    run_rank_append_new(doc);
}

static void
read_tags(const bson_t *doc, struct run *run)
{
    bson_iter_t at;

    if (!store_read_inside(doc, "tags", &at))
        return;
    while (run->tag_count < RUN_TAGS_MAX && bson_iter_next(&at))
        if (BSON_ITER_HOLDS_UTF8(&at))
            run->tags[run->tag_count++] = bson_iter_utf8(&at, NULL);
}

static void
read_checkpoint(bson_iter_t *item, struct run_checkpoint *checkpoint)
{
    bson_iter_t member;

    *checkpoint = (struct run_checkpoint){.path = ""};
    if (!BSON_ITER_HOLDS_DOCUMENT(item) || !bson_iter_recurse(item, &member))
        return;
    while (bson_iter_next(&member)) {
        if (strcmp(bson_iter_key(&member), "episode") == 0)
            checkpoint->episode = bson_iter_as_int64(&member);
        else if (BSON_ITER_HOLDS_UTF8(&member))
            checkpoint->path = bson_iter_utf8(&member, NULL);
    }
}

static void
read_checkpoints(const bson_t *doc, struct holder *holder, struct run *run)
{
    bson_iter_t at;
    size_t count = 0;

    if (!store_read_inside(doc, "checkpoint_paths", &at))
        return;
    while (bson_iter_next(&at))
        count++;
    if (count == 0 || !store_read_inside(doc, "checkpoint_paths", &at))
        return;
    holder->checkpoints = calloc(count, sizeof *holder->checkpoints);
    if (holder->checkpoints == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    for (size_t i = 0; i < count && bson_iter_next(&at); i++)
        read_checkpoint(&at, &holder->checkpoints[i]);
    run->checkpoints = holder->checkpoints;
    run->checkpoint_count = count;
}

/* The counted episodes, and those that wait in the tail. Clear them. */
static void
read_counters(const bson_t *doc, const struct tail *tail, struct counters *counters)
{
    bool good = counters_read(doc, counters);

    for (size_t i = 0; good && tail != NULL && i < tail->count; i++)
        good = counters_add(counters, &tail->items[i]);
    if (!good)
        abort(); /* out of memory ends the worker; the master starts another */
}

static void
read_summary(const bson_t *doc, const struct tail *tail, struct run_summary *summary)
{
    struct counters counters;

    read_counters(doc, tail, &counters);
    summary->episodes = store_read_whole(doc, "episodes");
    counters_summarise(&counters, summary);
    counters_clear(&counters);
}

static void
read_oid(const bson_t *doc, char oid[RUN_OID_SIZE])
{
    bson_iter_t at;

    oid[0] = '\0';
    if (bson_iter_init_find(&at, doc, "_id") && BSON_ITER_HOLDS_OID(&at))
        bson_oid_to_string(bson_iter_oid(&at), oid);
}

static void
read_run(const bson_t *doc, struct holder *holder, struct run *run)
{
    const char *status = store_read_text(doc, "status");

    read_oid(doc, run->oid);
    run->id = store_read_text(doc, "run_id");
    run->status = status == NULL ? RUN_STATUS_NONE : run_status_find(status);
    run->config_json = store_read_text(doc, "config_json");
    run->strategy_id = store_read_text(doc, "strategy_id");
    run->strategy_label = store_read_text(doc, "strategy_label");
    run->agent_id = store_read_text(doc, "agent_id");
    run->algorithm = store_read_text(doc, "algorithm");
    run->episodes_total = store_read_whole(doc, "episodes_total");
    run->started_ms = store_read_time(doc, "started_at");
    run->ended_ms = store_read_time(doc, "completed_at");
    run->reported_ms = store_read_time(doc, "last_reported_at");
    run->deleted_ms = store_read_time(doc, "deleted_at");
    run->revision = store_read_whole(doc, "revision");
    run->edits = store_read_whole(doc, "edits");
    run->metadata_json = store_read_text(doc, "metadata_json");
    run->notes = store_read_text(doc, "notes");
    read_tags(doc, run);
    read_checkpoints(doc, holder, run);
    run->tail = holder->tail = tail_read(doc);
    run->rows_max = store_read_whole(doc, "rows_max");
    run->blocks_to = store_read_whole(doc, "blocks_to");
    read_summary(doc, holder->tail, &run->summary);
    run_rank_read(doc, &run->rank);
}

static void
hold(bson_t *copy, const bson_t *doc, struct run_held *held)
{
    struct holder *holder = calloc(1, sizeof *holder);

    if (holder == NULL)
        abort();
    holder->copy = copy;
    holder->doc = doc;
    held->holder = holder;
    read_run(doc, holder, &held->run);
}

void
run_doc_hold(const bson_t *doc, struct run_held *held)
{
    bson_t *copy = bson_copy(doc);

    hold(copy, copy, held);
}

void
run_doc_borrow(const bson_t *doc, struct run_held *held)
{
    hold(NULL, doc, held);
}

const bson_t *
run_doc_of(const struct run_held *held)
{
    const struct holder *holder = held->holder;

    return holder->doc;
}

bool
run_doc_in_step(const bson_t *doc)
{
    return !store_read_bool(doc, "summary_stale");
}

bool
store_run_has_metric(const struct run_held *held, const char *metric)
{
    const struct holder *holder = held->holder;
    char key[METRIC_NAME_MAX + 1];
    bson_iter_t metrics;

    store_metric_key(metric, key, sizeof key);
    if (store_read_inside(holder->doc, "metrics", &metrics) && bson_iter_find(&metrics, key))
        return true;
    for (size_t i = 0; holder->tail != NULL && i < holder->tail->count; i++)
        if (episode_metric(&holder->tail->items[i], metric) != NULL)
            return true;
    return false;
}

bool
store_run_statistics(const struct run_held *held, struct statistics *statistics)
{
    const struct holder *holder = held->holder;
    struct counters counters;

    read_counters(holder->doc, holder->tail, &counters);
    if (counters.stale) {
        counters_clear(&counters);
        return false;
    }
    *statistics = counters.figures;
    statistics->episodes = held->run.summary.episodes;
    return true;
}

int64_t
store_run_highest(const struct run_held *held)
{
    const struct holder *holder = held->holder;
    const struct tail *tail = holder->tail;
    const int64_t of_rows = store_read_whole(holder->doc, "rows_max");
    const int64_t of_tail =
        tail == NULL || tail->count == 0 ? 0 : tail->items[tail->count - 1].number;

    return of_rows > of_tail ? of_rows : of_tail;
}

static bool
each_metric_of(const struct episode *episode, store_run_metric_visit *visit, void *context)
{
    for (size_t i = 0; i < episode->value_count; i++)
        if (!visit(episode->values[i].name, context))
            return false;
    return true;
}

/* Header and rows change in one commit, so the counters name every metric of the rows. */
bool
store_run_each_metric(const struct run_held *held, store_run_metric_visit *visit, void *context)
{
    const struct holder *holder = held->holder;
    char name[METRIC_NAME_MAX + 1];
    bson_iter_t metrics;

    for (bool more = store_read_inside(holder->doc, "metrics", &metrics);
         more && bson_iter_next(&metrics);) {
        store_metric_name(bson_iter_key(&metrics), name, sizeof name);
        if (!visit(name, context))
            return false;
    }
    for (size_t i = 0; holder->tail != NULL && i < holder->tail->count; i++)
        if (!each_metric_of(&holder->tail->items[i], visit, context))
            return false;
    return true;
}

void
store_run_release(struct run_held *held)
{
    struct holder *holder = held->holder;

    if (holder != NULL) {
        bson_destroy(holder->copy);
        free(holder->checkpoints);
        tail_free(holder->tail);
        free(holder);
    }
    *held = (struct run_held){.holder = NULL};
}
