/*
 * store_episode_pick.c - some of a run's episodes, by their numbers, in the order asked.
 * Called by routes/route_episode_list.c. Next: store_row.c, store_episode_doc.c, store_tail.c.
 */
#include "store/store_episode.h"

#include "store_episode_doc.h"
#include "store_row.h"
#include "store_tail.h"

#define AT_ONCE \
    250 /* rows in memory: at most 1.5 MB when every one has 73 metrics with long names */

/* The rows of one step, each at the place of its number. */
struct picked {
    const int64_t *numbers;
    size_t count;
    bson_t *rows[AT_ONCE]; /* owned; NULL: there is no such row */
};

static bool
keep_row(const bson_t *row, void *context)
{
    struct picked *picked = context;
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;

    if (!episode_doc_read(row, &episode, values))
        return true;
    for (size_t i = 0; i < picked->count; i++)
        if (picked->numbers[i] == episode.number && picked->rows[i] == NULL)
            picked->rows[i] = bson_copy(row);
    return true;
}

static bool
read_rows(struct store *store, const struct run *run, struct picked *picked, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    bson_t id, in;
    bson_oid_t oid;

    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &id);
    BSON_APPEND_ARRAY_BEGIN(&id, "$in", &in);
    for (size_t i = 0; i < picked->count; i++) {
        char text[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, text, sizeof text);
        episode_doc_append_id(&in, place, &oid, picked->numbers[i]);
    }
    bson_append_array_end(&id, &in);
    bson_append_document_end(&filter, &id);
    BCON_APPEND(&opts, "batchSize", BCON_INT32(AT_ONCE + 1));
    return store_row_each(store, &filter, &opts, keep_row, picked, err);
}

/* A row is no older than the tail, which was read with the header. */
static bool
visit_picked(const struct run *run, const struct picked *picked, store_episode_visit *visit,
             void *context)
{
    for (size_t i = 0; i < picked->count; i++) {
        struct metric_value values[EPISODE_VALUES_MAX];
        const struct episode *episode = NULL;
        struct episode read;

        if (picked->rows[i] == NULL)
            episode = tail_find(run->tail, picked->numbers[i]);
        else if (episode_doc_read(picked->rows[i], &read, values))
            episode = &read;
        if (episode != NULL && !visit(episode, context))
            return false;
    }
    return true;
}

bool
store_episode_pick(struct store *store, const struct run *run, const int64_t *numbers, size_t count,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    bool good = true, more = true;

    for (size_t at = 0; good && more && at < count; at += AT_ONCE) {
        const size_t left = count - at;
        struct picked picked = {.numbers = numbers + at, .count = left < AT_ONCE ? left : AT_ONCE};

        good = read_rows(store, run, &picked, err);
        more = good && visit_picked(run, &picked, visit, context);
        for (size_t i = 0; i < picked.count; i++)
            bson_destroy(picked.rows[i]);
    }
    return good;
}
