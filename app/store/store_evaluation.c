/*
 * store_evaluation.c - evaluations of a run's checkpoints. Called by routes/route_evaluation.c.
 * Next: store_bson.c, then MongoDB; the shape is kept by schema/mongo/evaluations.json.
 */
#include "store/store_evaluation.h"

#include "store_bson.h"
#include "store_private.h"

#include <stdlib.h>

static double
read_real(const bson_t *doc, const char *key)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_NUMBER(&at)
               ? bson_iter_as_double(&at)
               : 0.0;
}

static const char *
read_text(const bson_t *doc, const char *key)
{
    const char *text = store_read_text(doc, key);

    return text == NULL ? "" : text;
}

static void
read_doc(const bson_t *doc, struct evaluation *evaluation)
{
    bson_iter_t at;

    *evaluation = (struct evaluation){
        .created_ms = store_read_time(doc, "created_at"),
        .checkpoint_path = read_text(doc, "checkpoint_path"),
        .opponent_type = read_text(doc, "opponent_type"),
        .games_played = store_read_whole(doc, "games_played"),
        .win_rate = read_real(doc, "win_rate"),
        .avg_reward = read_real(doc, "avg_reward"),
        .avg_game_length = read_real(doc, "avg_game_length"),
    };
    if (bson_iter_init_find(&at, doc, "_id") && BSON_ITER_HOLDS_OID(&at))
        bson_oid_to_string(bson_iter_oid(&at), evaluation->id);
}

static void
hold(const bson_t *doc, struct evaluation_held *held)
{
    bson_t *copy = bson_copy(doc);

    held->holder = copy;
    read_doc(copy, &held->evaluation);
}

void
store_evaluation_release(struct evaluation_held *held)
{
    bson_destroy(held->holder);
    *held = (struct evaluation_held){.holder = NULL};
}

static void
append_doc(bson_t *doc, const char *account, const struct run *run,
           const struct evaluation *evaluation, const char *key)
{
    bson_oid_t id, run_oid;

    bson_oid_init(&id, NULL);
    bson_oid_init_from_string(&run_oid, run->oid);
    BSON_APPEND_OID(doc, "_id", &id);
    BSON_APPEND_OID(doc, "run", &run_oid);
    BSON_APPEND_UTF8(doc, "account", account);
    BSON_APPEND_DATE_TIME(doc, "created_at", evaluation->created_ms);
    BSON_APPEND_UTF8(doc, "checkpoint_path", evaluation->checkpoint_path);
    BSON_APPEND_UTF8(doc, "opponent_type", evaluation->opponent_type);
    store_append_whole(doc, "games_played", evaluation->games_played);
    BSON_APPEND_DOUBLE(doc, "win_rate", evaluation->win_rate);
    BSON_APPEND_DOUBLE(doc, "avg_reward", evaluation->avg_reward);
    BSON_APPEND_DOUBLE(doc, "avg_game_length", evaluation->avg_game_length);
    if (key != NULL)
        BSON_APPEND_UTF8(doc, "idempotency_key", key);
}

/* {run: oid} */
static void
run_filter(bson_t *filter, const struct run *run)
{
    bson_oid_t oid;

    bson_oid_init_from_string(&oid, run->oid);
    BSON_APPEND_OID(filter, "run", &oid);
}

/* The evaluation that has this key. Gone since the insert was refused: the run was purged. */
static bool
find_by_key(struct store *store, const struct run *run, const char *key,
            struct evaluation_held *held, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *evaluations = store_collection(store, STORE_EVALUATIONS, err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (evaluations == NULL)
        return false;
    run_filter(&filter, run);
    BSON_APPEND_UTF8(&filter, "idempotency_key", key);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
    cursor = mongoc_collection_find_with_opts(evaluations, &filter, &opts, NULL);
    if (mongoc_cursor_next(cursor, &doc))
        hold(doc, held);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "find_evaluation", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good && (held->holder != NULL || api_fail(err, API_RUN_NOT_FOUND, NULL));
}

bool
store_evaluation_insert(struct store *store, const char *account, const struct run *run,
                        const struct evaluation *evaluation, const char *key,
                        struct evaluation_held *held, bool *inserted, struct api_error *err)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t documents;
    bson_error_t cause;

    append_doc(&doc, account, run, evaluation, key);
    BSON_APPEND_UTF8(&command, "insert", store_collection_names[STORE_EVALUATIONS]);
    BSON_APPEND_ARRAY_BEGIN(&command, "documents", &documents);
    BSON_APPEND_DOCUMENT(&documents, "0", &doc);
    bson_append_array_end(&command, &documents);
    store_append_durable(&command);
    *inserted = store_command(store, &command, NULL, &reply, &cause);
    if (*inserted) {
        hold(&doc, held);
        return true;
    }
    if (key == NULL || !store_is_duplicate(&cause))
        return store_fail(store, err, "insert_evaluation", &cause, &reply);
    return find_by_key(store, run, key, held, err);
}

/* Those after (from_ms, from_id) in the order of the list. */
static void
append_place(bson_t *filter, const struct evaluation_query *query)
{
    bson_oid_t id;

    if (query->from_id == NULL)
        return;
    bson_oid_init_from_string(&id, query->from_id);
    BCON_APPEND(filter, "$or", "[", "{", "created_at", "{", "$lt", BCON_DATE_TIME(query->from_ms),
                "}", "}", "{", "created_at", BCON_DATE_TIME(query->from_ms), "_id", "{", "$lt",
                BCON_OID(&id), "}", "}", "]");
}

static bool
read_list(struct store *store, mongoc_cursor_t *cursor, int64_t limit,
          store_evaluation_visit *visit, void *context, bool *more, struct api_error *err)
{
    bson_error_t cause;
    const bson_t *doc;

    *more = false;
    for (int64_t seen = 0; mongoc_cursor_next(cursor, &doc); seen++) {
        struct evaluation evaluation;

        *more = seen == limit;
        if (*more)
            break;
        read_doc(doc, &evaluation);
        if (!visit(&evaluation, context))
            break;
    }
    return !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "list_evaluations", &cause, NULL);
}

bool
store_evaluation_list(struct store *store, const struct run *run,
                      const struct evaluation_query *query, store_evaluation_visit *visit,
                      void *context, bool *more, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *evaluations = store_collection(store, STORE_EVALUATIONS, err);
    mongoc_cursor_t *cursor;
    bool good;

    if (evaluations == NULL)
        return false;
    run_filter(&filter, run);
    append_place(&filter, query);
    BCON_APPEND(&opts, "sort", "{", "created_at", BCON_INT32(-1), "_id", BCON_INT32(-1), "}",
                "limit", BCON_INT64(query->limit + 1), "skip",
                BCON_INT64(query->from_id == NULL ? query->offset : 0));
    cursor = mongoc_collection_find_with_opts(evaluations, &filter, &opts, NULL);
    good = read_list(store, cursor, query->limit, visit, context, more, err);
    mongoc_cursor_destroy(cursor);
    return good;
}

bool
store_evaluation_count(struct store *store, const struct run *run, int64_t *count,
                       struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    mongoc_collection_t *evaluations = store_collection(store, STORE_EVALUATIONS, err);
    bson_error_t cause;

    if (evaluations == NULL)
        return false;
    run_filter(&filter, run);
    *count = mongoc_collection_count_documents(evaluations, &filter, NULL, NULL, NULL, &cause);
    return *count >= 0 || store_fail(store, err, "count_evaluations", &cause, NULL);
}
