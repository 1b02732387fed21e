/*
 * store_plan.c - plans the writes of one request. Called by store_episode.c.
 * Next: store_episode_doc.c, store_counters.c.
 */
#include "store_plan.h"

#include "store_episode_doc.h"

#include <stdio.h>

/* A command under construction: its array of documents or updates. */
struct builder {
    bson_t *command;
    bson_t array;
    size_t *count;
};

void
plan_init(struct plan *plan)
{
    bson_init(&plan->inserts);
    bson_init(&plan->updates);
    plan->insert_count = plan->update_count = 0;
}

void
plan_clear(struct plan *plan)
{
    bson_destroy(&plan->inserts);
    bson_destroy(&plan->updates);
}

static void
build(struct builder *builder, bson_t *command, const char *verb, const char *array, size_t *count)
{
    builder->command = command;
    builder->count = count;
    BSON_APPEND_UTF8(command, verb, store_collection_names[STORE_EPISODES]);
    BSON_APPEND_ARRAY_BEGIN(command, array, &builder->array);
}

static void
build_end(struct builder *builder)
{
    bson_append_array_end(builder->command, &builder->array);
}

/* The next element of the array, open. */
static void
next_element(struct builder *builder, bson_t *element)
{
    char number[16];
    const char *place;

    bson_uint32_to_string((uint32_t)(*builder->count)++, &place, number, sizeof number);
    BSON_APPEND_DOCUMENT_BEGIN(&builder->array, place, element);
}

static void
add_insert(struct builder *builder, const bson_oid_t *run, const struct episode *episode)
{
    bson_t doc;

    next_element(builder, &doc);
    episode_doc_append(&doc, run, episode);
    bson_append_document_end(&builder->array, &doc);
}

/* {q: {_id}, u: the whole new document} */
static void
add_update(struct builder *builder, const bson_oid_t *run, const struct episode *episode)
{
    bson_t update, part;

    next_element(builder, &update);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "q", &part);
    episode_doc_append_id(&part, "_id", run, episode->number);
    bson_append_document_end(&update, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "u", &part);
    episode_doc_append(&part, run, episode);
    bson_append_document_end(&update, &part);
    bson_append_document_end(&builder->array, &update);
}

bool
plan_all_new(struct plan *plan, const bson_oid_t *run, const struct episode_list *list,
             struct counters *counters)
{
    struct builder inserts;
    bool good = true;

    build(&inserts, &plan->inserts, "insert", "documents", &plan->insert_count);
    for (size_t i = 0; good && i < list->count; i++) {
        add_insert(&inserts, run, &list->items[i]);
        good = counters_insert(counters, &list->items[i]);
    }
    build_end(&inserts);
    return good;
}

/* find one batch with a command, as a transaction's opts need it. */
static bool
find_header(struct store *store, const bson_t *opts, const bson_oid_t *run, bson_t *header,
            bson_t *reply, bson_error_t *cause)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_iter_t root, at;
    const uint8_t *bytes;
    uint32_t size;

    BCON_APPEND(&command, "find", BCON_UTF8(store_collection_names[STORE_RUNS]), "filter", "{",
                "_id", BCON_OID(run), "}", "projection", "{", "metrics", BCON_INT32(1), "wins",
                BCON_INT32(1), "}", "limit", BCON_INT32(1), "singleBatch", BCON_BOOL(true));
    if (!store_command(store, &command, opts, reply, cause))
        return false;
    bson_init(header);
    if (bson_iter_init(&root, reply) &&
        bson_iter_find_descendant(&root, "cursor.firstBatch.0", &at) &&
        BSON_ITER_HOLDS_DOCUMENT(&at)) {
        bson_t found;

        bson_iter_document(&at, &size, &bytes);
        if (bson_init_static(&found, bytes, size))
            bson_concat(header, &found);
    }
    return true;
}

/* {find: episodes, filter: {_id: {$in: […]}}} in number order. */
static void
append_find(bson_t *command, const bson_oid_t *run, const struct episode_list *list)
{
    bson_t filter, id, in;

    BSON_APPEND_UTF8(command, "find", store_collection_names[STORE_EPISODES]);
    BSON_APPEND_DOCUMENT_BEGIN(command, "filter", &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &id);
    BSON_APPEND_ARRAY_BEGIN(&id, "$in", &in);
    for (size_t i = 0; i < list->count; i++) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        episode_doc_append_id(&in, place, run, list->items[i].number);
    }
    bson_append_array_end(&id, &in);
    bson_append_document_end(&filter, &id);
    bson_append_document_end(command, &filter);
    BCON_APPEND(command, "sort", "{", "_id", BCON_INT32(1), "}", "batchSize",
                BCON_INT32((int32_t)list->count + 1), "singleBatch", BCON_BOOL(true));
}

/* The stored reports, read one after another, beside the list that asks for them. */
struct stored {
    bson_iter_t rows;
    bool has;
    bson_t row;
    struct episode episode;
    struct metric_value values[EPISODE_VALUES_MAX];
};

static void
next_stored(struct stored *stored)
{
    const uint8_t *bytes;
    uint32_t size;

    do {
        stored->has = bson_iter_next(&stored->rows);
        if (!stored->has)
            return;
        bson_iter_document(&stored->rows, &size, &bytes);
    } while (!bson_init_static(&stored->row, bytes, size) ||
             !episode_doc_read(&stored->row, &stored->episode, stored->values));
}

static bool
start_stored(struct stored *stored, const bson_t *reply)
{
    bson_iter_t root, batch;

    if (!bson_iter_init(&root, reply) ||
        !bson_iter_find_descendant(&root, "cursor.firstBatch", &batch) ||
        !bson_iter_recurse(&batch, &stored->rows))
        return false;
    next_stored(stored);
    return true;
}

/* Both are in number order. */
static bool
plan_beside(struct plan *plan, const bson_oid_t *run, const struct episode_list *list,
            struct stored *stored, const bson_t *header, struct counters *counters)
{
    struct builder inserts, updates;
    bool good = true;

    build(&inserts, &plan->inserts, "insert", "documents", &plan->insert_count);
    build(&updates, &plan->updates, "update", "updates", &plan->update_count);
    for (size_t i = 0; good && i < list->count; i++) {
        const struct episode *new = &list->items[i];

        if (!stored->has || stored->episode.number != new->number) {
            add_insert(&inserts, run, new);
            good = counters_insert(counters, new);
            continue;
        }
        /* A report that waited in a queue never replaces one that reached nginx after it. */
        if (stored->episode.created_ms <= new->created_ms) {
            add_update(&updates, run, new);
            good = counters_replace(counters, &stored->episode, new, header);
        }
        next_stored(stored);
    }
    build_end(&inserts);
    build_end(&updates);
    return good;
}

bool
plan_look(struct plan *plan, struct store *store, const bson_t *opts, const bson_oid_t *run,
          const struct episode_list *list, struct counters *counters, bson_t *reply,
          bson_error_t *cause)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON header = BSON_INITIALIZER;
    AUTO_BSON rows = BSON_INITIALIZER;
    struct stored stored = {.has = false};

    if (!find_header(store, opts, run, &header, reply, cause))
        return false;
    append_find(&command, run, list);
    if (!store_command(store, &command, opts, &rows, cause)) {
        bson_destroy(reply);
        bson_copy_to(&rows, reply);
        return false;
    }
    if (start_stored(&stored, &rows) && plan_beside(plan, run, list, &stored, &header, counters))
        return true;
    bson_set_error(cause, MONGOC_ERROR_BSON, 0, "no memory for the plan, or no rows in the reply");
    return false;
}
