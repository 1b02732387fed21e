/*
 * store_plan.c - plans a transaction's writes. Called by store_merge.c.
 * Next: store_tail.c, store_counters.c, store_episode_doc.c.
 */
#include "store_plan.h"

#include "store_block.h"
#include "store_bson.h"
#include "store_private.h"
#include "store_run_rank.h"

#include <stdlib.h>

#define GONE 0 /* the number of an entry of the tail that a newer report has replaced */

void
plan_start(struct plan *plan, const bson_oid_t *run, const struct episode_list *list,
           const bson_t *header)
{
    *plan = (struct plan){.run = run, .list = list};
    bson_init(&plan->inserts);
    bson_init(&plan->updates);
    plan->tail = tail_read(header);
    plan->rows_max = store_read_whole(header, "rows_max");
    plan->blocks_to = plan->blocks_before = store_read_whole(header, "blocks_to");
    plan->waiting = calloc(TAIL_MAX + list->count, sizeof *plan->waiting);
    if (plan->waiting == NULL || !counters_read(header, &plan->counters))
        abort(); /* out of memory ends the worker; the master starts another */
}

void
plan_clear(struct plan *plan)
{
    bson_destroy(&plan->inserts);
    bson_destroy(&plan->updates);
    tail_free(plan->tail);
    counters_clear(&plan->counters);
    free(plan->waiting);
}

/* May a row have this number? Not above rows_max, and not while it waits in the tail. */
static bool
may_be_a_row(const struct plan *plan, int64_t number)
{
    return number <= plan->rows_max && tail_find(plan->tail, number) == NULL;
}

bool
plan_append_find(const struct plan *plan, bson_t *command)
{
    bson_t filter, id, in;
    uint32_t count = 0;

    BSON_APPEND_UTF8(command, "find", store_collection_names[STORE_EPISODES]);
    BSON_APPEND_DOCUMENT_BEGIN(command, "filter", &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &id);
    BSON_APPEND_ARRAY_BEGIN(&id, "$in", &in);
    for (size_t i = 0; i < plan->list->count; i++) {
        const int64_t number = plan->list->items[i].number;
        char text[16];
        const char *place;

        if (!may_be_a_row(plan, number))
            continue;
        bson_uint32_to_string(count++, &place, text, sizeof text);
        episode_doc_append_id(&in, place, plan->run, number);
    }
    bson_append_array_end(&id, &in);
    bson_append_document_end(&filter, &id);
    bson_append_document_end(command, &filter);
    BCON_APPEND(command, "sort", "{", "_id", BCON_INT32(1), "}", "batchSize",
                BCON_INT32((int32_t)count + 1), "singleBatch", BCON_BOOL(true));
    return count > 0;
}

/* The rows found, one after another, beside the list that asked for them. */
struct rows {
    bson_iter_t at;
    bool has;
    bson_t doc;
    struct episode episode;
    struct metric_value values[EPISODE_VALUES_MAX];
};

static void
next_row(struct rows *rows)
{
    const uint8_t *bytes;
    uint32_t size;

    do {
        rows->has = bson_iter_next(&rows->at);
        if (!rows->has)
            return;
        bson_iter_document(&rows->at, &size, &bytes);
    } while (!bson_init_static(&rows->doc, bytes, size) ||
             !episode_doc_read(&rows->doc, &rows->episode, rows->values));
}

static void
start_rows(struct rows *rows, const bson_t *reply)
{
    bson_iter_t root, batch;

    rows->has = false;
    if (bson_iter_init(&root, reply) &&
        bson_iter_find_descendant(&root, "cursor.firstBatch", &batch) &&
        bson_iter_recurse(&batch, &rows->at))
        next_row(rows);
}

/* The commands on `episodes` grow element by element. */
static void
open_command(bson_t *command, const char *verb, const char *array_name, bson_t *array)
{
    BSON_APPEND_UTF8(command, verb, store_collection_names[STORE_EPISODES]);
    BSON_APPEND_ARRAY_BEGIN(command, array_name, array);
}

static void
open_element(bson_t *array, size_t *count, bson_t *element)
{
    char text[16];
    const char *place;

    bson_uint32_to_string((uint32_t)(*count)++, &place, text, sizeof text);
    BSON_APPEND_DOCUMENT_BEGIN(array, place, element);
}

/* {q: {_id}, u: the whole new document} */
static void
add_update(struct plan *plan, bson_t *array, const struct episode *episode)
{
    bson_t update, part;

    plan->blocks_to = block_lowered(plan->blocks_to, episode->number);
    open_element(array, &plan->update_count, &update);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "q", &part);
    episode_doc_append_id(&part, "_id", plan->run, episode->number);
    bson_append_document_end(&update, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "u", &part);
    episode_doc_append(&part, plan->run, episode);
    bson_append_document_end(&update, &part);
    bson_append_document_end(array, &update);
}

/* Takes the place of a report that waits in the tail, unless that one is the later. */
static void
settle_in_tail(struct plan *plan, const struct episode *new)
{
    struct episode *old = NULL;

    for (size_t i = 0; i < plan->tail->count; i++)
        if (plan->tail->items[i].number == new->number)
            old = &plan->tail->items[i];
    if (old == NULL || old->created_ms > new->created_ms)
        return;
    old->number = GONE;
    plan->waiting[plan->waiting_count++] = new;
    plan->replaced++;
}

/* One of this request's reports, and not one that waited in the tail. */
static bool
is_new(const struct plan *plan, const struct episode *episode)
{
    return episode >= plan->list->items && episode < plan->list->items + plan->list->count;
}

/* New ones wait; rows are replaced at once. Both the list and the rows are in number order. */
static bool
settle_list(struct plan *plan, struct rows *rows)
{
    bson_t updates;
    bool good = true;

    open_command(&plan->updates, "update", "updates", &updates);
    for (size_t i = 0; good && i < plan->list->count; i++) {
        const struct episode *new = &plan->list->items[i];

        if (tail_find(plan->tail, new->number) != NULL) {
            settle_in_tail(plan, new);
        } else if (!rows->has || rows->episode.number != new->number) {
            plan->waiting[plan->waiting_count++] = new;
            plan->inserted++;
        } else {
            if (rows->episode.created_ms <= new->created_ms) {
                add_update(plan, &updates, new);
                plan->replaced++;
                good = counters_replace(&plan->counters, &rows->episode, new);
            }
            next_row(rows);
        }
    }
    bson_append_array_end(&plan->updates, &updates);
    return good;
}

static int
by_number(const void *a, const void *b)
{
    const struct episode *left = *(const struct episode *const *)a;
    const struct episode *right = *(const struct episode *const *)b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* The tail and the new reports together, and how many of them become rows. */
static void
line_up(struct plan *plan)
{
    for (size_t i = 0; plan->tail != NULL && i < plan->tail->count; i++)
        if (plan->tail->items[i].number != GONE)
            plan->waiting[plan->waiting_count++] = &plan->tail->items[i];
    qsort(plan->waiting, plan->waiting_count, sizeof *plan->waiting, by_number);
    if (plan->list->count > 1)
        plan->moved = plan->waiting_count; /* a batch pays for the transaction anyway */
    else if (plan->waiting_count > TAIL_MAX)
        plan->moved = plan->waiting_count - TAIL_KEEP;
    else
        plan->moved = 0;
}

static bool
move_to_rows(struct plan *plan)
{
    bson_t inserts;
    bool good = true;

    open_command(&plan->inserts, "insert", "documents", &inserts);
    for (size_t i = 0; good && i < plan->moved; i++) {
        const struct episode *episode = plan->waiting[i];
        bson_t doc;

        open_element(&inserts, &plan->insert_count, &doc);
        episode_doc_append(&doc, plan->run, episode);
        if (!is_new(plan, episode))
            BSON_APPEND_BOOL(&doc, "waited", true);
        bson_append_document_end(&inserts, &doc);
        good = counters_add(&plan->counters, episode);
        if (episode->number > plan->rows_max)
            plan->rows_max = episode->number;
        plan->blocks_to = block_lowered(plan->blocks_to, episode->number);
    }
    bson_append_array_end(&plan->inserts, &inserts);
    return good;
}

/* How many different metrics the run has with these reports, and had without. */
static bool
within_metric_limit(const struct plan *plan)
{
    struct statistics names;
    size_t before;
    bool good = true;

    statistics_init(&names);
    for (size_t i = 0; i < plan->counters.figures.metric_count; i++)
        good = statistics_metric(&names, plan->counters.figures.metrics[i].name) != NULL && good;
    for (size_t i = 0; plan->tail != NULL && i < plan->tail->count; i++)
        good = statistics_add_values(&names, &plan->tail->items[i]) && good;
    before = names.metric_count;
    for (size_t i = 0; good && i < plan->list->count; i++) {
        good = statistics_add_values(&names, &plan->list->items[i]) &&
               (names.metric_count <= STATISTICS_METRICS_MAX || names.metric_count == before);
    }
    statistics_clear(&names);
    return good;
}

bool
plan_finish(struct plan *plan, const bson_t *rows_reply, struct api_error *err)
{
    struct rows rows;

    if (!within_metric_limit(plan))
        return api_fault(err, "metrics", "a run has at most %d different metrics",
                         STATISTICS_METRICS_MAX);
    start_rows(&rows, rows_reply);
    if (!settle_list(plan, &rows))
        return api_fail(err, API_INTERNAL, NULL);
    line_up(plan);
    return move_to_rows(plan) || api_fail(err, API_INTERNAL, NULL);
}

void
plan_append_update(const struct plan *plan, int64_t now_ms, bson_t *update)
{
    bson_t set, tail;
    uint32_t count = 0;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    counters_append(&plan->counters, &set);
    BSON_APPEND_INT64(&set, "rows_max", plan->rows_max);
    if (plan->blocks_to != plan->blocks_before)
        BSON_APPEND_INT64(&set, "blocks_to", plan->blocks_to);
    BSON_APPEND_ARRAY_BEGIN(&set, "tail", &tail);
    for (size_t i = plan->moved; i < plan->waiting_count; i++) {
        char text[16];
        const char *place;

        bson_uint32_to_string(count++, &place, text, sizeof text);
        tail_append(&tail, place, plan->waiting[i], is_new(plan, plan->waiting[i]));
    }
    bson_append_array_end(&set, &tail);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$inc", "{", "episodes", BCON_INT64(plan->inserted), "}", "$max", "{",
                "last_reported_at", BCON_DATE_TIME(now_ms), "}");
    run_rank_append_behind(update, now_ms);
}
