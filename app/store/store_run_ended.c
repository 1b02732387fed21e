/*
 * store_run_ended.c - the ended runs of an account. Called by routes/route_benchmark.c.
 * Next: store_run_doc.c.
 */
#include "store/store_run_ended.h"

#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "training/benchmark.h"
#include "training/metric.h"

#include <stdio.h>

#define ROWS_AT_ONCE 50 /* a header without its config is a few KiB, most of it the tail */

static void
ended_filter(bson_t *filter, const char *account, const char *agent_id)
{
    BCON_APPEND(filter, "account", BCON_UTF8(account), "deleted_at", BCON_NULL, "status", "{",
                "$in", "[", BCON_UTF8(run_status_name(RUN_COMPLETED)),
                BCON_UTF8(run_status_name(RUN_STOPPED)), BCON_UTF8(run_status_name(RUN_FAILED)),
                "]", "}");
    if (agent_id != NULL)
        BSON_APPEND_UTF8(filter, "agent_id", agent_id);
}

static void
ended_opts(bson_t *opts, const char *metric, int64_t limit)
{
    char key[METRIC_NAME_MAX + 1], path[METRIC_NAME_MAX + sizeof "metrics."];
    bson_t projection;

    store_metric_key(metric, key, sizeof key);
    snprintf(path, sizeof path, "metrics.%s", key);
    BCON_APPEND(opts, "sort", "{", "started_at", BCON_INT32(-1), "run_id", BCON_INT32(1), "}",
                "limit", BCON_INT64(limit + 1), "batchSize", BCON_INT32(ROWS_AT_ONCE));
    BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &projection);
    BCON_APPEND(&projection, "agent_id", BCON_INT32(1), "algorithm", BCON_INT32(1), "tail",
                BCON_INT32(1), path, BCON_INT32(1));
    for (size_t i = 0; i < benchmark_task_member_count; i++) {
        char member[64];

        snprintf(member, sizeof member, "config.%s", benchmark_task_members[i]);
        BSON_APPEND_INT32(&projection, member, 1);
    }
    bson_append_document_end(opts, &projection);
}

/* Whatever a client has put there, other than a text of a name's length, is as good as absent. */
static const char *
task_of(const bson_t *doc)
{
    bson_iter_t config;

    for (size_t i = 0; i < benchmark_task_member_count; i++)
        if (store_read_inside(doc, "config", &config) &&
            bson_iter_find(&config, benchmark_task_members[i]) && BSON_ITER_HOLDS_UTF8(&config)) {
            uint32_t size;
            const char *text = bson_iter_utf8(&config, &size);

            if (size > 0 && size <= RUN_NAME_MAX)
                return text;
        }
    return "";
}

static bool
read_ended(struct store *store, mongoc_cursor_t *cursor, int64_t limit,
           store_run_ended_visit *visit, void *context, bool *more, struct api_error *err)
{
    bson_error_t cause;
    const bson_t *doc;
    bool goes_on = true;

    *more = false;
    for (int64_t seen = 0; goes_on && mongoc_cursor_next(cursor, &doc); seen++) {
        struct run_held held = {.holder = NULL};

        *more = seen == limit;
        if (*more)
            break;
        run_doc_borrow(doc, &held);
        goes_on = visit(&held, task_of(doc), context);
        store_run_release(&held);
    }
    return !goes_on || !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "list_ended_runs", &cause, NULL);
}

bool
store_run_ended(struct store *store, const char *account, const char *agent_id, const char *metric,
                int64_t limit, store_run_ended_visit *visit, void *context, bool *more,
                struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    bool good;

    if (runs == NULL)
        return false;
    ended_filter(&filter, account, agent_id);
    ended_opts(&opts, metric, limit);
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    good = read_ended(store, cursor, limit, visit, context, more, err);
    mongoc_cursor_destroy(cursor);
    return good;
}
