/*
 * store_slice.c - deletes in bounded pieces: no command runs long, whatever there is to delete.
 * Called by store_purge.c, store_purge_account.c. Next: store.c.
 */
#include "store_slice.h"

#include "store_block.h"
#include "store_bson.h"
#include "store_episode_doc.h"

void
slice_filter_episodes(bson_t *filter, const bson_oid_t *run)
{
    bson_t range;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    episode_doc_append_id(&range, "$gte", run, 0);
    episode_doc_append_id(&range, "$lte", run, INT64_MAX);
    bson_append_document_end(filter, &range);
}

void
slice_filter_blocks(bson_t *filter, const bson_oid_t *run)
{
    bson_t range;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    block_append_id(&range, "$gte", run, 0);
    block_append_id(&range, "$lte", run, INT64_MAX);
    bson_append_document_end(filter, &range);
}

/* The _ids of at most max documents, as the array `in`. */
static bool
find_ids(struct store *store, enum store_collection_id from, const bson_t *filter, int64_t max,
         bson_t *in, int64_t *count, struct api_error *err)
{
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *collection = store_collection(store, from, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bson_iter_t id;
    bool good;

    *count = 0;
    if (collection == NULL)
        return false;
    BCON_APPEND(&opts, "projection", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(max));
    cursor = mongoc_collection_find_with_opts(collection, filter, &opts, NULL);
    while (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&id, doc, "_id")) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)(*count)++, &place, number, sizeof number);
        bson_append_iter(in, place, -1, &id);
    }
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "find_deleted", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

static bool
delete_ids(struct store *store, enum store_collection_id from, const bson_t *ids, int64_t *removed,
           struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    BCON_APPEND(&command, "delete", BCON_UTF8(store_collection_names[from]), "deletes", "[", "{",
                "q", "{", "_id", "{", "$in", BCON_ARRAY(ids), "}", "}", "limit", BCON_INT32(0), "}",
                "]");
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "delete_slice", &cause, &reply);
    *removed = store_read_whole(&reply, "n");
    return true;
}

bool
slice_delete(struct store *store, enum store_collection_id from, const bson_t *filter, int64_t max,
             int64_t *removed, bool *more, struct api_error *err)
{
    AUTO_BSON ids = BSON_INITIALIZER;
    int64_t count;

    *removed = 0;
    if (!find_ids(store, from, filter, max, &ids, &count, err))
        return false;
    *more = count == max;
    return count == 0 || delete_ids(store, from, &ids, removed, err);
}
