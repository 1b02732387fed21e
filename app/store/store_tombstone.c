/*
 * store_tombstone.c - writes and removes what is left to do for a deleted run.
 * Called by store_delete.c, store_purge.c. Next: schema/mongo/purges.json.
 */
#include "store_tombstone.h"

#include "store_bson.h"

enum step
tombstone_put(struct transaction *transaction, const struct tombstone *tombstone,
              struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;

    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_PURGES]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&tombstone->run), "}", "u", "{", "account",
                BCON_UTF8(tombstone->account), "run_id", BCON_UTF8(tombstone->run_id), "deleted_at",
                BCON_DATE_TIME(tombstone->deleted_ms), "due", BCON_DATE_TIME(tombstone->due_ms),
                "next_at", BCON_DATE_TIME(tombstone->due_ms), "}", "upsert", BCON_BOOL(true), "}",
                "]");
    return transaction_run(transaction, "put_tombstone", &command, NULL, err);
}

enum step
tombstone_remove(struct transaction *transaction, const struct tombstone *tombstone,
                 struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    enum step step;

    BCON_APPEND(&command, "delete", BCON_UTF8(store_collection_names[STORE_PURGES]), "deletes", "[",
                "{", "q", "{", "_id", BCON_OID(&tombstone->run), "deleted_at",
                BCON_DATE_TIME(tombstone->deleted_ms), "}", "limit", BCON_INT32(1), "}", "]");
    step = transaction_run(transaction, "remove_tombstone", &command, &reply, err);
    return step == STEP_DONE && store_read_whole(&reply, "n") == 0 ? STEP_OTHER : step;
}
