/*
 * store_doctor.c - goes through all runs. Called by app/admin/admin_doctor.c.
 * Next: store_doctor_run.c, store_doctor_orphan.c.
 */
#include "store/store_doctor.h"

#include "store/store_run.h"
#include "store_bson.h"
#include "store_doctor_run.h"
#include "store_private.h"

#include <stdarg.h>
#include <stdio.h>

#define LOOKS_MAX 5      /* at a run that others write meanwhile */
#define RUNS_AT_ONCE 50  /* names in one answer of the server */
#define SUBJECT_SIZE 160 /* bytes with the NUL */
#define WHAT_SIZE 240    /* bytes with the NUL */
#define HOUR_MS INT64_C(3600000)

void
examination_tell(const struct examination *on, const char *subject, bool mended, const char *fmt,
                 ...)
{
    char what[WHAT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    on->counts->findings++;
    if (mended)
        on->counts->mended++;
    on->doctor->tell(subject, what, mended, on->doctor->context);
}

/* The header as it is now, into *header, which is initialised; *found false: it has gone. */
static bool
read_header(const struct examination *on, const bson_oid_t *oid, bson_t *header, bool *found)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(on->store, STORE_RUNS, on->err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (runs == NULL)
        return false;
    BSON_APPEND_OID(&filter, "_id", oid);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{",
                "config", BCON_INT32(0), "config_json", BCON_INT32(0), "metadata", BCON_INT32(0),
                "metadata_json", BCON_INT32(0), "checkpoint_paths", BCON_INT32(0), "notes",
                BCON_INT32(0), "}");
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found)
        bson_concat(header, doc);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(on->store, on->err, "examine_run", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* ---- runs that never ended ---- */

static bool
is_unended(const struct examination *on, const bson_t *header)
{
    const char *status = store_read_text(header, "status");

    return on->doctor->unended_after_ms > 0 && status != NULL &&
           run_status_find(status) == RUN_RUNNING && store_read_time(header, "deleted_at") == 0 &&
           on->doctor->now_ms - store_read_time(header, "last_reported_at") >
               on->doctor->unended_after_ms;
}

/* The run becomes failed, and says why. */
static bool
end_run(const struct examination *on, const bson_t *header, bool *ended)
{
    struct run_change change = {.status = RUN_FAILED, .sets_metadata = true};
    const struct store_author by = {.account = store_read_text(header, "account"),
                                    .actor = STORE_AUDIT_PROGRAM,
                                    .now_ms = on->doctor->now_ms};
    struct run_held held = {.holder = NULL};

    change.metadata = json_object_new_object();
    json_object_object_add(
        change.metadata, "error_message",
        json_object_new_string("The run was never ended; training-admin doctor ended it."));
    *ended = store_run_change(on->store, &by, store_read_text(header, "run_id"), &change, INT32_MAX,
                              &held, on->err);
    store_run_release(&held);
    run_change_clear(&change);
    if (*ended)
        return true;
    if (on->err->id != API_RUN_ENDED && on->err->id != API_RUN_NOT_FOUND)
        return false;
    *on->err = (struct api_error){.id = API_OK}; /* others were quicker */
    return true;
}

static bool
judge_end(const struct examination *on, const bson_t *header, const char *subject)
{
    bool ended = false;

    if (!is_unended(on, header))
        return true;
    if (on->doctor->mend && on->doctor->end_unended && !end_run(on, header, &ended))
        return false;
    examination_tell(
        on, subject, ended, "is running, but was last heard of %lld hours ago",
        (long long)((on->doctor->now_ms - store_read_time(header, "last_reported_at")) / HOUR_MS));
    return true;
}

/* ---- all runs ---- */

/* "run local/run-1", with nothing in it that could move a terminal's cursor. */
static void
name_subject(const bson_t *header, char subject[SUBJECT_SIZE])
{
    const char *account = store_read_text(header, "account");
    const char *run_id = store_read_text(header, "run_id");

    snprintf(subject, SUBJECT_SIZE, "run %.64s/%.64s", account == NULL ? "?" : account,
             run_id == NULL ? "?" : run_id);
    for (char *c = subject; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = '?';
}

/* Until the run keeps still; a run that has gone meanwhile is none. */
static bool
examine_run(const struct examination *on, const bson_oid_t *oid)
{
    for (int look = 0; look < LOOKS_MAX; look++) {
        AUTO_BSON header = BSON_INITIALIZER;
        char subject[SUBJECT_SIZE];
        enum verdict verdict;
        bool found;

        if (!read_header(on, oid, &header, &found))
            return false;
        if (!found)
            return true;
        name_subject(&header, subject);
        verdict = doctor_judge_run(on, &header, subject);
        if (verdict == VERDICT_FAILED)
            return false;
        if (verdict == VERDICT_GIVEN)
            return judge_end(on, &header, subject);
    }
    on->counts->busy++;
    return true;
}

static mongoc_cursor_t *
each_run(const struct examination *on, mongoc_collection_t *runs)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    const char *account = on->doctor->account;

    if (account != NULL)
        BSON_APPEND_UTF8(&filter, "account", account);
    BCON_APPEND(&opts, "projection", "{", "_id", BCON_INT32(1), "}", "sort", "{",
                account != NULL ? "run_id" : "_id", BCON_INT32(1), "}", "batchSize",
                BCON_INT32(RUNS_AT_ONCE));
    on->counts->total += mongoc_collection_count_documents(runs, &filter, NULL, NULL, NULL, NULL);
    return mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
}

static bool
examine_runs(const struct examination *on)
{
    mongoc_collection_t *runs = store_collection(on->store, STORE_RUNS, on->err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bson_iter_t id;
    bool good = true;

    if (runs == NULL)
        return false;
    cursor = each_run(on, runs);
    while (good && mongoc_cursor_next(cursor, &doc)) {
        if (bson_iter_init_find(&id, doc, "_id") && BSON_ITER_HOLDS_OID(&id))
            good = examine_run(on, bson_iter_oid(&id));
        on->counts->runs++;
        on->doctor->step(on->counts, on->doctor->context);
    }
    if (good && mongoc_cursor_error(cursor, &cause))
        good = store_fail(on->store, on->err, "examine_runs", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

bool
store_doctor_examine(struct store *store, const struct store_doctor *doctor,
                     struct store_doctor_counts *counts, struct api_error *err)
{
    const struct examination on = {store, doctor, counts, err};

    return examine_runs(&on) && (doctor->account != NULL || doctor_judge_orphans(&on));
}
