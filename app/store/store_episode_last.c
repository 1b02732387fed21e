/*
 * store_episode_last.c - the end of a run, without reading what is before it.
 * Called by routes/route_control.c. Next: store_episode_doc.c, store_tail.c.
 */
#include "store/store_episode.h"

#include "store_episode_doc.h"
#include "store_private.h"
#include "store_tail.h"

/* _id from {run, n: 0} on, backwards: the end of one range of the index. */
static mongoc_cursor_t *
open_rows(mongoc_collection_t *episodes, const struct run *run, int64_t count)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    bson_oid_t oid;
    bson_t range;

    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
    episode_doc_append_id(&range, "$gte", &oid, 0);
    episode_doc_append_id(&range, "$lte", &oid, EPISODE_NUMBER_MAX);
    bson_append_document_end(&filter, &range);
    BCON_APPEND(&opts, "sort", "{", "_id", BCON_INT32(-1), "}", "limit", BCON_INT64(count),
                "singleBatch", BCON_BOOL(true));
    return mongoc_collection_find_with_opts(episodes, &filter, &opts, NULL);
}

bool
store_episode_last(struct store *store, const struct run *run, int64_t count,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    mongoc_collection_t *episodes = store_collection(store, STORE_EPISODES, err);
    const struct tail *tail = run->tail;
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;
    mongoc_cursor_t *cursor;
    const bson_t *row;
    bson_error_t cause;
    bool good, more = true;

    if (episodes == NULL)
        return false;
    cursor = open_rows(episodes, run, count);
    while (more && mongoc_cursor_next(cursor, &row))
        if (episode_doc_read(row, &episode, values))
            more = visit(&episode, context);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "read_episodes", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    for (size_t i = 0; good && more && tail != NULL && i < tail->count; i++)
        more = visit(&tail->items[i], context);
    return good;
}
