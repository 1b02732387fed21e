/*
 * store_job_doc.c - a job's document, and the two commands on `jobs` that others are made of.
 * Called by store_job.c, store_job_work.c. Next: schema/mongo/jobs.json.
 */
#include "store_job_doc.h"

#include "store_bson.h"

#include <stdio.h>

void
job_doc_append(bson_t *doc, const bson_oid_t *oid, const struct job *job)
{
    BSON_APPEND_OID(doc, "_id", oid);
    BSON_APPEND_UTF8(doc, "account", job->account);
    BSON_APPEND_UTF8(doc, "state", job_state_name(job->state));
    BSON_APPEND_BOOL(doc, "active", true);
    BSON_APPEND_UTF8(doc, "scenario_name", job->scenario);
    store_append_whole(doc, "num_episodes", job->num_episodes);
    store_append_whole(doc, "save_interval", job->save_interval);
    store_append_whole(doc, "eval_episodes", job->eval_episodes);
    if (job->seed != JOB_NO_SEED)
        store_append_whole(doc, "seed", job->seed);
    BSON_APPEND_UTF8(doc, "run_id", job->run_id);
    BSON_APPEND_DATE_TIME(doc, "requested_at", job->requested_ms);
}

static void
copy_text(const bson_t *doc, const char *key, char *to, size_t size)
{
    const char *text = store_read_text(doc, key);

    snprintf(to, size, "%s", text == NULL ? "" : text);
}

void
job_doc_read(const bson_t *doc, struct job *job)
{
    const char *state = store_read_text(doc, "state");
    bson_iter_t at;

    *job = (struct job){.seed = JOB_NO_SEED};
    if (bson_iter_init_find(&at, doc, "_id") && BSON_ITER_HOLDS_OID(&at))
        bson_oid_to_string(bson_iter_oid(&at), job->oid);
    copy_text(doc, "account", job->account, sizeof job->account);
    job->state = state == NULL ? JOB_STATE_NONE : job_state_find(state);
    job->active = store_read_bool(doc, "active");
    copy_text(doc, "scenario_name", job->scenario, sizeof job->scenario);
    job->num_episodes = store_read_whole(doc, "num_episodes");
    job->save_interval = store_read_whole(doc, "save_interval");
    job->eval_episodes = store_read_whole(doc, "eval_episodes");
    if (bson_iter_init_find(&at, doc, "seed"))
        job->seed = store_read_whole(doc, "seed");
    copy_text(doc, "run_id", job->run_id, sizeof job->run_id);
    job->requested_ms = store_read_time(doc, "requested_at");
    job->started_ms = store_read_time(doc, "started_at");
    job->ended_ms = store_read_time(doc, "ended_at");
    job->stop_requested_ms = store_read_time(doc, "stop_requested_at");
    job->lease_until_ms = store_read_time(doc, "lease_until");
    copy_text(doc, "supervisor", job->supervisor, sizeof job->supervisor);
    copy_text(doc, "key_id", job->key_id, sizeof job->key_id);
    copy_text(doc, "error", job->error, sizeof job->error);
}

void
job_doc_append_oid(bson_t *query, const char *oid)
{
    bson_oid_t id;

    bson_oid_init_from_string(&id, oid);
    BSON_APPEND_OID(query, "_id", &id);
}

bool
job_doc_find(struct store *store, const char *doing, const bson_t *query, const bson_t *sort,
             struct job *job, bool *found, struct api_error *err)
{
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *jobs = store_collection(store, STORE_JOBS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (jobs == NULL)
        return false;
    /* The printed lines are for admins. */
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{",
                "lines", BCON_INT32(0), "}");
    if (sort != NULL)
        BSON_APPEND_DOCUMENT(&opts, "sort", sort);
    cursor = mongoc_collection_find_with_opts(jobs, query, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found)
        job_doc_read(doc, job);
    good = !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, doing, &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

bool
job_doc_update(struct store *store, const char *doing, const bson_t *query, const bson_t *stages,
               bool *matched, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t updates, update;
    bson_error_t cause;

    BSON_APPEND_UTF8(&command, "update", store_collection_names[STORE_JOBS]);
    BSON_APPEND_ARRAY_BEGIN(&command, "updates", &updates);
    BSON_APPEND_DOCUMENT_BEGIN(&updates, "0", &update);
    BSON_APPEND_DOCUMENT(&update, "q", query);
    BSON_APPEND_ARRAY(&update, "u", stages);
    bson_append_document_end(&updates, &update);
    bson_append_array_end(&command, &updates);
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, doing, &cause, &reply);
    *matched = store_read_whole(&reply, "n") > 0;
    return true;
}
