/*
 * store_run_upgrade.c - gives old headers the members that lists go by. Called by
 * app/admin/admin_schema.c. Next: store_run_search.c, store_run_rank.c.
 */
#include "store/store_run_upgrade.h"

#include "base/clock.h"
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_run_rank.h"
#include "store_run_search.h"

/* Only if the tags, which the text is made of, are still those that were read (`edits`). */
static bool
upgrade_one(struct store *store, const bson_t *doc, int64_t *count, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    struct run_held held = {.holder = NULL};
    bson_error_t cause;
    bson_oid_t oid;

    run_doc_borrow(doc, &held);
    bson_oid_init_from_string(&oid, held.run.oid);
    run_search_append_retagged(&set, &held.run, held.run.tags, held.run.tag_count);
    run_rank_append_new(&set);
    store_run_release(&held);
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&oid), "edits",
                BCON_INT64(store_read_whole(doc, "edits")), "}", "u", "{", "$set",
                BCON_DOCUMENT(&set), "$min", "{", "unranked_since", BCON_DATE_TIME(clock_now_ms()),
                "}", "}", "}", "]");
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "upgrade_run", &cause, &reply);
    *count += store_read_whole(&reply, "n");
    return true;
}

bool
store_run_upgrade(struct store *store, int64_t *count, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good = true;

    *count = 0;
    if (runs == NULL)
        return false;
    BCON_APPEND(&filter, "search", "{", "$exists", BCON_BOOL(false), "}");
    BCON_APPEND(&opts, "projection", "{", "run_id", BCON_INT32(1), "strategy_label", BCON_INT32(1),
                "agent_id", BCON_INT32(1), "algorithm", BCON_INT32(1), "tags", BCON_INT32(1),
                "edits", BCON_INT32(1), "}");
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    while (good && mongoc_cursor_next(cursor, &doc))
        good = upgrade_one(store, doc, count, err);
    if (good && mongoc_cursor_error(cursor, &cause))
        good = store_fail(store, err, "find_old_runs", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}
