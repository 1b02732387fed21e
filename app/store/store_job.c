/*
 * store_job.c - asks for trainings and for their end. Called by routes/route_control.c.
 * Next: store_job_work.c (what a supervisor does with them), store_job_doc.c.
 */
#include "store_job_doc.h"

#include "store_bson.h"

#define LOST "The supervisor was lost."
#define DOUBT_MS 5000 /* how long one that is not heard of has time to come back */

bool
store_job_insert(struct store *store, struct job *job, int64_t lease_ms, bool *busy,
                 struct api_error *err)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    mongoc_collection_t *jobs = store_collection(store, STORE_JOBS, err);
    bson_error_t cause;
    bson_oid_t oid;

    *busy = false;
    if (jobs == NULL)
        return false;
    job->state = JOB_QUEUED;
    job->active = true;
    bson_oid_init(&oid, NULL);
    bson_oid_to_string(&oid, job->oid);
    job_doc_append(&doc, &oid, job);
    BSON_APPEND_DATE_TIME(&doc, "lease_until", job->requested_ms + lease_ms);
    if (mongoc_collection_insert_one(jobs, &doc, NULL, NULL, &cause))
        return true;
    *busy = store_is_duplicate(&cause);
    return *busy || store_fail(store, err, "insert_job", &cause, NULL);
}

bool
store_job_find(struct store *store, const char *oid, struct job *job, bool *found,
               struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;

    job_doc_append_oid(&query, oid);
    return job_doc_find(store, "find_job", &query, NULL, job, found, err);
}

bool
store_job_find_active(struct store *store, struct job *job, bool *found, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;

    BSON_APPEND_BOOL(&query, "active", true);
    return job_doc_find(store, "find_job", &query, NULL, job, found, err);
}

bool
store_job_find_latest(struct store *store, const char *account, struct job *job, bool *found,
                      struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON sort = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&query, "account", account);
    BCON_APPEND(&sort, "requested_at", BCON_INT32(-1), "_id", BCON_INT32(-1));
    return job_doc_find(store, "find_job", &query, &sort, job, found, err);
}

bool
store_job_ask_stop(struct store *store, const char *account, int64_t now_ms, struct job *job,
                   bool *found, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON stages = BSON_INITIALIZER;
    bool matched;

    /* The time of the first one that asked stays. */
    BCON_APPEND(&query, "active", BCON_BOOL(true), "account", BCON_UTF8(account));
    BCON_APPEND(&stages, "0", "{", "$set", "{", "stop_requested_at", "{", "$ifNull", "[",
                "$stop_requested_at", BCON_DATE_TIME(now_ms), "]", "}", "}", "}");
    return job_doc_find(store, "find_job", &query, NULL, job, found, err) &&
           (!*found || job_doc_update(store, "stop_job", &query, &stages, &matched, err));
}

bool
store_job_withdraw(struct store *store, const char *oid, enum job_state state, const char *why,
                   int64_t now_ms, bool *withdrawn, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON stages = BSON_INITIALIZER;

    job_doc_append_oid(&query, oid);
    BCON_APPEND(&query, "active", BCON_BOOL(true), "supervisor", BCON_NULL);
    BCON_APPEND(&stages, "0", "{", "$set", "{", "state", BCON_UTF8(job_state_name(state)),
                "ended_at", BCON_DATE_TIME(now_ms), "}", "}", "1", "{", "$unset", "[", "active",
                "doubted_at", "]", "}");
    if (why != NULL)
        BCON_APPEND(&stages, "2", "{", "$set", "{", "error", "{", "$literal", BCON_UTF8(why), "}",
                    "}", "}");
    return job_doc_update(store, "withdraw_job", &query, &stages, withdrawn, err);
}

/* ---- a supervisor that is lost ---- */

/* {active: true, lease_until < now, doubted_at: …} */
static void
append_lapsed(bson_t *query)
{
    BCON_APPEND(query, "active", BCON_BOOL(true), "$expr", "{", "$lt", "[", "$lease_until", "$$NOW",
                "]", "}");
}

static bool
note_doubt(struct store *store, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON stages = BSON_INITIALIZER;
    bool matched;

    append_lapsed(&query);
    BSON_APPEND_NULL(&query, "doubted_at");
    BCON_APPEND(&stages, "0", "{", "$set", "{", "doubted_at", "$$NOW", "}", "}");
    return job_doc_update(store, "doubt_job", &query, &stages, &matched, err);
}

/* One that no supervisor has taken leaves nothing to settle. */
static bool
fail_lapsed(struct store *store, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON stages = BSON_INITIALIZER;
    bson_t *and;
    bool matched;

    and = BCON_NEW("active", BCON_BOOL(true), "$expr", "{", "$and", "[", "{", "$lt", "[",
                   "$lease_until", "$$NOW", "]", "}", "{", "$gt", "[", "$doubted_at", BCON_NULL,
                   "]", "}", "{", "$lt", "[", "$doubted_at", "{", "$subtract", "[", "$$NOW",
                   BCON_INT64(DOUBT_MS), "]", "}", "]", "}", "]", "}");
    bson_concat(&query, and);
    bson_destroy(and);
    BCON_APPEND(&stages, "0", "{", "$set", "{", "state", "failed", "ended_at", "$$NOW", "error",
                "{", "$literal", LOST, "}", "unsettled", "{", "$cond", "[", "{", "$gt", "[",
                "$supervisor", BCON_NULL, "]", "}", BCON_BOOL(true), "$$REMOVE", "]", "}", "}", "}",
                "1", "{", "$unset", "[", "active", "doubted_at", "]", "}");
    return job_doc_update(store, "fail_job", &query, &stages, &matched, err);
}

bool
store_job_lapse(struct store *store, struct api_error *err)
{
    return fail_lapsed(store, err) && note_doubt(store, err);
}
