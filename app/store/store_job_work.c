/*
 * store_job_work.c - what a supervisor does with a job: it takes it, keeps its lease, ends it.
 * Called by supervisor/supervisor.c. Next: store_job_doc.c.
 */
#include "store_job_doc.h"

#include "store_bson.h"

#include <stdio.h>

/* A value that is not to be read as an expression. */
static void
append_text(bson_t *set, const char *key, const char *text)
{
    BCON_APPEND(set, key, "{", "$literal", BCON_UTF8(text), "}");
}

static void
append_lines(bson_t *set, const struct job_lines *lines)
{
    bson_t literal, array;

    BSON_APPEND_DOCUMENT_BEGIN(set, "lines", &literal);
    BSON_APPEND_ARRAY_BEGIN(&literal, "$literal", &array);
    for (size_t i = 0; i < job_lines_kept(lines); i++) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_UTF8(&array, place, job_lines_line(lines, i));
    }
    bson_append_array_end(&literal, &array);
    bson_append_document_end(set, &literal);
}

/* The lease begins anew; the doubt about it is gone. */
static void
append_lease(bson_t *set, int64_t lease_ms)
{
    BCON_APPEND(set, "lease_until", "{", "$add", "[", "$$NOW", BCON_INT64(lease_ms), "]", "}",
                "doubted_at", "$$REMOVE");
}

static void
append_held(bson_t *query, const struct store_work *work)
{
    job_doc_append_oid(query, work->oid);
    BCON_APPEND(query, "active", BCON_BOOL(true), "supervisor", BCON_UTF8(work->supervisor));
}

/* stages: [{$set: set}]. */
static bool
update(struct store *store, const char *doing, const bson_t *query, const bson_t *set, bool *ours,
       struct api_error *err)
{
    AUTO_BSON stages = BSON_INITIALIZER;

    BCON_APPEND(&stages, "0", "{", "$set", BCON_DOCUMENT(set), "}");
    return job_doc_update(store, doing, query, &stages, ours, err);
}

bool
store_job_claim(struct store *store, const struct store_work *work, bool *ours,
                struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;

    job_doc_append_oid(&query, work->oid);
    BCON_APPEND(&query, "active", BCON_BOOL(true), "state", "queued", "supervisor", BCON_NULL);
    append_text(&set, "supervisor", work->supervisor);
    append_lease(&set, work->lease_ms);
    return update(store, "claim_job", &query, &set, ours, err);
}

bool
store_job_note(struct store *store, const struct store_work *work,
               const struct store_job_news *news, bool *ours, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;

    append_held(&query, work);
    append_lease(&set, work->lease_ms);
    if (news->state != JOB_STATE_NONE)
        append_text(&set, "state", job_state_name(news->state));
    if (news->pid != 0)
        BSON_APPEND_INT64(&set, "pid", news->pid);
    if (news->started_ms != 0)
        BSON_APPEND_DATE_TIME(&set, "started_at", news->started_ms);
    if (news->key_id != NULL)
        append_text(&set, "key_id", news->key_id);
    if (news->lines != NULL)
        append_lines(&set, news->lines);
    return update(store, "note_job", &query, &set, ours, err);
}

bool
store_job_end(struct store *store, const struct store_work *work, const struct store_job_end *end,
              bool *ours, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;

    append_held(&query, work);
    append_text(&set, "state", job_state_name(end->state));
    BSON_APPEND_DATE_TIME(&set, "ended_at", end->ended_ms);
    BCON_APPEND(&set, "active", "$$REMOVE", "doubted_at", "$$REMOVE");
    if (end->exit != NULL && end->exit->code >= 0)
        BSON_APPEND_INT32(&set, "exit_code", end->exit->code);
    if (end->exit != NULL && end->exit->signal[0] != '\0')
        append_text(&set, "signal", end->exit->signal);
    if (end->error != NULL && end->error[0] != '\0')
        append_text(&set, "error", end->error);
    if (end->lines != NULL)
        append_lines(&set, end->lines);
    return update(store, "end_job", &query, &set, ours, err);
}

bool
store_job_find_held(struct store *store, const char *supervisor, struct job *job, bool *found,
                    struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;

    BCON_APPEND(&query, "active", BCON_BOOL(true), "supervisor", BCON_UTF8(supervisor));
    return job_doc_find(store, "find_job", &query, NULL, job, found, err);
}

bool
store_job_find_unsettled(struct store *store, struct job *job, bool *found, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;

    BSON_APPEND_BOOL(&query, "unsettled", true);
    return job_doc_find(store, "find_job", &query, NULL, job, found, err);
}

bool
store_job_settle(struct store *store, const char *oid, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;
    bool matched;

    job_doc_append_oid(&query, oid);
    BCON_APPEND(&set, "unsettled", "$$REMOVE");
    return update(store, "settle_job", &query, &set, &matched, err);
}
