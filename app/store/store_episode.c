/*
 * store_episode.c - stores reports: the quick way for one new episode, the thorough way for
 * anything else. Called by routes/route_episode.c. Next: store_append.c, store_merge.c.
 */
#include "store/store_episode.h"

#include "base/clock.h"
#include "store_block.h"
#include "store_put.h"

#define PUT_TRIES 40      /* of a write that meets another's */
#define PUT_TRIES_MS 1300 /* and for how long at most */

void
put_append_fields(bson_t *command)
{
    BCON_APPEND(command, "fields", "{", "config", BCON_INT32(0), "metadata", BCON_INT32(0),
                "metadata_json", BCON_INT32(0), "checkpoint_paths", BCON_INT32(0), "notes",
                BCON_INT32(0), "tags", BCON_INT32(0), "metrics", BCON_INT32(0), "wins",
                BCON_INT32(0), "tail", BCON_INT32(0), "rank", BCON_INT32(0), "search",
                BCON_INT32(0), "}");
}

void
put_learn(struct put *put, const bson_t *header)
{
    store_run_key_learn(put->store, put->account, put->run_id, &put->key, header);
}

bool
put_found(const bson_t *reply, bson_t *doc)
{
    bson_iter_t root, at;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init(&root, reply) ||
        !bson_iter_find_descendant(&root, "cursor.firstBatch.0", &at) ||
        !BSON_ITER_HOLDS_DOCUMENT(&at))
        return false;
    bson_iter_document(&at, &size, &bytes);
    return bson_init_static(doc, bytes, size);
}

bool
put_look(struct put *put, bson_t *reply, bson_t *header, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_error_t cause;

    BCON_APPEND(&command, "find", BCON_UTF8(store_collection_names[STORE_RUNS]), "filter", "{",
                "_id", BCON_OID(&put->key.oid), "deleted_at", BCON_NULL, "}", "projection", "{",
                "rows_max", BCON_INT32(1), "merges", BCON_INT32(1), "fence", BCON_INT32(1),
                "metric_count", BCON_INT32(1), "tail.n", BCON_INT32(1), "}", "limit", BCON_INT32(1),
                "singleBatch", BCON_BOOL(true));
    if (!store_command(put->store, &command, NULL, reply, &cause))
        return store_fail(put->store, err, "look_at_header", &cause, reply);
    if (put_found(reply, header)) {
        put_learn(put, header);
        return true;
    }
    store_run_key_forget(put->store, put->account, put->run_id);
    return api_fail(err, API_RUN_NOT_FOUND, NULL);
}

/* Until it is done, fails, or has been tried often enough. */
static bool
put_reports(struct put *put, struct api_error *err)
{
    const int64_t give_up_at_ms = clock_steady_ms() + PUT_TRIES_MS;
    const bool single = put->list->count == 1;
    bool quick = single;

    for (int try = 0; try < PUT_TRIES; try++) {
        switch (quick ? put_append(put, err) : put_merge(put, err)) {
        case STEP_DONE:
            return true;
        case STEP_FAILED:
            return false;
        case STEP_OTHER:
            quick = single && !quick;
            break;
        case STEP_AGAIN:
            store_pause_before(try);
            break;
        }
        if (clock_steady_ms() > give_up_at_ms)
            break;
    }
    return api_fail(err, API_STORE_BUSY, NULL);
}

bool
store_episode_put(struct store *store, const char *account, const char *run_id,
                  const struct episode_list *list, int64_t now_ms, struct run_held *held,
                  struct store_receipt *receipt, struct api_error *err)
{
    struct put put = {.store = store,
                      .account = account,
                      .run_id = run_id,
                      .list = list,
                      .now_ms = now_ms,
                      .held = held,
                      .receipt = receipt};
    bool remembered;

    *receipt = (struct store_receipt){.accepted = (int64_t)list->reported};
    if (!store_run_key(store, account, run_id, &put.key, &remembered, err))
        return false;
    if (put_reports(&put, err)) {
        block_want(store, &held->run);
        return true;
    }
    if (!remembered || err->id != API_RUN_NOT_FOUND)
        return false;
    /* What was remembered is gone; the id may belong to a newer run by now. Asked once more. */
    *err = (struct api_error){.id = API_OK};
    return store_run_key(store, account, run_id, &put.key, &remembered, err) &&
           put_reports(&put, err);
}
