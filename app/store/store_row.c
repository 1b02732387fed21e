/*
 * store_row.c - rows through a cursor. Called by store_episode_read.c, store_episode_pick.c.
 * Next: store_pace.c.
 */
#include "store_row.h"

#include "store_pace.h"

bool
store_row_each(struct store *store, const bson_t *filter, const bson_t *opts,
               store_row_visit *visit, void *context, struct api_error *err)
{
    mongoc_collection_t *episodes = store_collection(store, STORE_EPISODES, err);
    struct store_pace pace = {.rows = 0};
    mongoc_cursor_t *cursor;
    const bson_t *row;
    bson_error_t cause;
    bool good;

    if (episodes == NULL)
        return false;
    cursor = mongoc_collection_find_with_opts(episodes, filter, opts, NULL);
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
