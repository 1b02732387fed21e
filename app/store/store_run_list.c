/*
 * store_run_list.c - lists, counts and agents of an account's runs. Called by
 * routes/route_list.c. Next: store_run_doc.c, store_summary.c.
 */
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_summary.h"

#include <stdio.h>
#include <string.h>

#define ROWS_AT_ONCE 20 /* headers may be large: config's text is up to 256 KiB */
#define SEARCH_MAX 1024 /* bytes of a search that count */

/* text as a regular expression that means itself. */
static void
escape_regex(const char *text, char *pattern, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used + 3 < size; text++) {
        if (strchr("\\^$.|?*+()[]{}-/#", *text) != NULL)
            pattern[used++] = '\\';
        pattern[used++] = *text;
    }
    pattern[used] = '\0';
}

/* {$or: [{run_id: /text/i}, …]} */
static void
append_text_search(bson_t *filter, const char *text)
{
    static const char *const members[] = {"run_id", "strategy_label", "agent_id", "algorithm",
                                          "tags"};
    char pattern[2 * SEARCH_MAX];
    bson_t any;

    escape_regex(text, pattern, sizeof pattern);
    BSON_APPEND_ARRAY_BEGIN(filter, "$or", &any);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        char number[16];
        const char *place;
        bson_t one;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_DOCUMENT_BEGIN(&any, place, &one);
        BSON_APPEND_REGEX(&one, members[i], pattern, "i");
        bson_append_document_end(&any, &one);
    }
    bson_append_array_end(filter, &any);
}

static void
append_times(bson_t *filter, const struct run_query *query)
{
    bson_t range;

    if (query->since_ms == 0 && query->until_ms == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "started_at", &range);
    if (query->since_ms != 0)
        BSON_APPEND_DATE_TIME(&range, "$gte", query->since_ms);
    if (query->until_ms != 0)
        BSON_APPEND_DATE_TIME(&range, "$lte", query->until_ms);
    bson_append_document_end(filter, &range);
}

/* What the query asks for, but for its place in the list. Every value is compared as text. */
static void
append_filter(bson_t *filter, const char *account, const struct run_query *query)
{
    BSON_APPEND_UTF8(filter, "account", account);
    BSON_APPEND_NULL(filter, "deleted_at");
    if (query->status != RUN_STATUS_NONE)
        BSON_APPEND_UTF8(filter, "status", run_status_name(query->status));
    if (query->strategy_label != NULL)
        BSON_APPEND_UTF8(filter, "strategy_label", query->strategy_label);
    if (query->agent_id != NULL)
        BSON_APPEND_UTF8(filter, "agent_id", query->agent_id);
    if (query->tag != NULL)
        BSON_APPEND_UTF8(filter, "tags", query->tag);
    if (query->text != NULL)
        append_text_search(filter, query->text);
    append_times(filter, query);
}

/* Runs after (from_ms, from_id) in the order of the list; with `backwards` those before it. */
static void
append_place(bson_t *filter, const struct run_query *query)
{
    const bool upwards = query->backwards != query->oldest_first;
    const char *time = upwards ? "$gt" : "$lt";
    const char *id = upwards ? "$lt" : "$gt";

    if (query->from_id == NULL)
        return;
    BCON_APPEND(filter, "$and", "[", "{", "$or", "[", "{", "started_at", "{", time,
                BCON_DATE_TIME(query->from_ms), "}", "}", "{", "started_at",
                BCON_DATE_TIME(query->from_ms), "run_id", "{", id, BCON_UTF8(query->from_id), "}",
                "}", "]", "}", "]");
}

static void
list_opts(bson_t *opts, const struct run_query *query)
{
    const int32_t newest = query->backwards != query->oldest_first ? 1 : -1;
    bson_t projection;

    BCON_APPEND(opts, "sort", "{", "started_at", BCON_INT32(newest), "run_id", BCON_INT32(-newest),
                "}", "limit", BCON_INT64(query->limit + 1), "skip",
                BCON_INT64(query->from_id == NULL ? query->offset : 0), "batchSize",
                BCON_INT32(ROWS_AT_ONCE));
    BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &projection);
    BCON_APPEND(&projection, "config", BCON_INT32(0), "metadata", BCON_INT32(0));
    if (query->names_only)
        BCON_APPEND(&projection, "config_json", BCON_INT32(0), "metadata_json", BCON_INT32(0),
                    "notes", BCON_INT32(0), "checkpoint_paths", BCON_INT32(0));
    bson_append_document_end(opts, &projection);
}

/* Mend it first if need be, then show it. */
static bool
visit_run(struct store *store, const bson_t *doc, store_run_visit *visit, void *context,
          bool *goes_on, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    bool good = true;

    run_doc_borrow(doc, &held);
    if (!run_doc_in_step(doc))
        good = store_summary_mend(store, &held.run, store_read_whole(doc, "merges"), err);
    if (good)
        *goes_on = visit(&held.run, context);
    store_run_release(&held);
    return good;
}

/* The rows of a backwards query come oldest first: keep copies and show them from behind. */
struct rows {
    bson_t **docs;
    int64_t count;
};

static bool
show_backwards(struct store *store, struct rows *rows, store_run_visit *visit, void *context,
               struct api_error *err)
{
    bool goes_on = true, good = true;

    while (rows->count > 0) {
        bson_t *doc = rows->docs[--rows->count];

        if (good && goes_on)
            good = visit_run(store, doc, visit, context, &goes_on, err);
        bson_destroy(doc);
    }
    bson_free(rows->docs);
    return good;
}

static bool
read_list(struct store *store, mongoc_cursor_t *cursor, const struct run_query *query,
          store_run_visit *visit, void *context, bool *more, struct api_error *err)
{
    struct rows rows = {.docs = NULL};
    bool goes_on = true, good = true;
    int64_t seen = 0;
    bson_error_t cause;
    const bson_t *doc;

    *more = false;
    if (query->backwards)
        rows.docs = bson_malloc0((size_t)query->limit * sizeof *rows.docs);
    while (good && goes_on && mongoc_cursor_next(cursor, &doc)) {
        if (seen++ == query->limit) {
            *more = true;
            break;
        }
        if (query->backwards)
            rows.docs[rows.count++] = bson_copy(doc);
        else
            good = visit_run(store, doc, visit, context, &goes_on, err);
    }
    if (good && mongoc_cursor_error(cursor, &cause))
        good = store_fail(store, err, "list_runs", &cause, NULL);
    if (query->backwards)
        good = show_backwards(store, &rows, visit, context, err) && good;
    return good;
}

bool
store_run_list(struct store *store, const char *account, const struct run_query *query,
               store_run_visit *visit, void *context, bool *more, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    bool good;

    if (runs == NULL)
        return false;
    append_filter(&filter, account, query);
    append_place(&filter, query);
    list_opts(&opts, query);
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    good = read_list(store, cursor, query, visit, context, more, err);
    mongoc_cursor_destroy(cursor);
    return good;
}

bool
store_run_count(struct store *store, const char *account, const struct run_query *query,
                int64_t *count, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    bson_error_t cause;

    if (runs == NULL)
        return false;
    append_filter(&filter, account, query);
    *count = mongoc_collection_count_documents(runs, &filter, NULL, NULL, NULL, &cause);
    return *count >= 0 || store_fail(store, err, "count_runs", &cause, NULL);
}

bool
store_agent_list(struct store *store, const char *account, store_agent_visit *visit, void *context,
                 struct api_error *err)
{
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    AUTO_BSON pipeline = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (runs == NULL)
        return false;
    BCON_APPEND(&pipeline, "pipeline", "[", "{", "$match", "{", "account", BCON_UTF8(account),
                "deleted_at", BCON_NULL, "}", "}", "{", "$group", "{", "_id",
                BCON_UTF8("$agent_id"), "}", "}", "{", "$sort", "{", "_id", BCON_INT32(1), "}", "}",
                "]");
    cursor = mongoc_collection_aggregate(runs, MONGOC_QUERY_NONE, &pipeline, NULL, NULL);
    while (mongoc_cursor_next(cursor, &doc)) {
        const char *agent = store_read_text(doc, "_id");

        if (agent != NULL && !visit(agent, context))
            break;
    }
    good =
        !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "list_agents", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}
