/*
 * store_doctor_orphan.c - episodes and blocks whose run is gone. Called by
 * store_doctor.c. Next: store_episode_doc.c, then MongoDB.
 *
 * A run is made before its first episode, and a purge leaves a tombstone in
 * `purges` before the header goes, until the last episode has gone: rows with
 * neither header nor tombstone are nobody's. So are blocks. "Row" means a
 * document of either here.
 */
#include "store_doctor_run.h"

#include "store_bson.h"
#include "store_episode_doc.h"
#include "store_private.h"

#include <stdio.h>

#define ROWS_AT_ONCE 5000 /* removed by one command, which must end within a socket's time-out */

/* What a run has many of; the _id of one is {run, <number>}. */
struct kind {
    enum store_collection_id where;
    const char *number, *name;
};

static const struct kind kinds[] = {
    {STORE_EPISODES, "n", "episodes"},
    {STORE_BLOCKS, "b", "blocks"},
};

/* The first document's _id of a collection in a range of _id; *found false:
 * none. */
struct look {
    enum store_collection_id where;
    const bson_t *filter;
    int64_t skip;
    const char *doing;
};

static bool
find_id(const struct examination *on, const struct look *look, bson_t *id, bool *found)
{
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *collection = store_collection(on->store, look->where, on->err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (collection == NULL)
        return false;
    BCON_APPEND(&opts, "sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(1), "skip",
                BCON_INT64(look->skip), "projection", "{", "_id", BCON_INT32(1), "}");
    cursor = mongoc_collection_find_with_opts(collection, look->filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found) {
        bson_reinit(id);
        bson_concat(id, doc);
    }
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(on->store, on->err, look->doing, &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* {_id: {$gt: {run, <number>: from}, …}}; from is MinKey or MaxKey: before or
 * behind all of the run's. */
static void
append_bound(bson_t *range, const struct kind *kind, const char *bound, const bson_oid_t *run,
             bool behind)
{
    bson_t id;

    BSON_APPEND_DOCUMENT_BEGIN(range, bound, &id);
    BSON_APPEND_OID(&id, "run", run);
    if (behind)
        BSON_APPEND_MAXKEY(&id, kind->number);
    else
        BSON_APPEND_MINKEY(&id, kind->number);
    bson_append_document_end(range, &id);
}

/* The run of the first row behind all of `after`'s (NULL: of the first row of
 * all). */
static bool
next_run(const struct examination *on, const struct kind *kind, const bson_oid_t *after,
         bson_oid_t *run, bool *found)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON row = BSON_INITIALIZER;
    const struct look look = {kind->where, &filter, 0, "next_run_of_rows"};
    bson_iter_t root, at;
    bson_t range;

    if (after != NULL) {
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
        append_bound(&range, kind, "$gt", after, true);
        bson_append_document_end(&filter, &range);
    }
    if (!find_id(on, &look, &row, found))
        return false;
    *found = *found && bson_iter_init(&root, &row) &&
             bson_iter_find_descendant(&root, "_id.run", &at) && BSON_ITER_HOLDS_OID(&at);
    if (*found)
        bson_oid_copy(bson_iter_oid(&at), run);
    return true;
}

static bool
is_there(const struct examination *on, enum store_collection_id where, const bson_oid_t *run,
         bool *there)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON id = BSON_INITIALIZER;
    const struct look look = {where, &filter, 0, "look_for_run_of_rows"};

    BSON_APPEND_OID(&filter, "_id", run);
    return find_id(on, &look, &id, there);
}

static void
append_rows(bson_t *filter, const struct kind *kind, const bson_oid_t *run, const bson_iter_t *last)
{
    bson_t range;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    append_bound(&range, kind, "$gte", run, false);
    if (last != NULL)
        bson_append_iter(&range, "$lte", -1, last);
    else
        append_bound(&range, kind, "$lte", run, true);
    bson_append_document_end(filter, &range);
}

static bool
has_rows(const struct examination *on, const struct kind *kind, const bson_oid_t *run, bool *there)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON id = BSON_INITIALIZER;
    const struct look look = {kind->where, &filter, 0, "look_for_rows_again"};

    append_rows(&filter, kind, run, NULL);
    return find_id(on, &look, &id, there);
}

/*
 * The order of the questions matters: the tombstone comes before the header
 * goes, and goes when the last row has gone.
 */
static bool
is_orphan(const struct examination *on, const struct kind *kind, const bson_oid_t *run,
          bool *orphan)
{
    bool doomed, there = true, rows = false;

    if (!is_there(on, STORE_PURGES, run, &doomed) ||
        (!doomed && !is_there(on, STORE_RUNS, run, &there)) ||
        (!doomed && !there && !has_rows(on, kind, run, &rows)))
        return false;
    *orphan = rows;
    return true;
}

/* The first of the run's rows, at most ROWS_AT_ONCE. */
static bool
remove_some(const struct examination *on, const struct kind *kind, const bson_oid_t *run,
            int64_t *removed)
{
    AUTO_BSON all = BSON_INITIALIZER;
    AUTO_BSON last = BSON_INITIALIZER;
    AUTO_BSON some = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    const struct look look = {kind->where, &all, ROWS_AT_ONCE - 1, "look_for_rows"};
    bson_error_t cause;
    bson_iter_t id;
    bool more;

    append_rows(&all, kind, run, NULL);
    if (!find_id(on, &look, &last, &more))
        return false;
    append_rows(&some, kind, run, more && bson_iter_init_find(&id, &last, "_id") ? &id : NULL);
    BCON_APPEND(&command, "delete", BCON_UTF8(store_collection_names[kind->where]), "deletes", "[",
                "{", "q", BCON_DOCUMENT(&some), "limit", BCON_INT32(0), "}", "]");
    store_append_durable(&command);
    if (!store_command(on->store, &command, NULL, &reply, &cause))
        return store_fail(on->store, on->err, "remove_orphans", &cause, &reply);
    *removed = store_read_whole(&reply, "n");
    return true;
}

static bool
remove_rows(const struct examination *on, const struct kind *kind, const bson_oid_t *run,
            int64_t *total)
{
    int64_t removed = 1;

    for (*total = 0; removed > 0; *total += removed) {
        if (!remove_some(on, kind, run, &removed))
            return false;
        on->doctor->step(on->counts, on->doctor->context);
    }
    return true;
}

static bool
judge_run(const struct examination *on, const struct kind *kind, const bson_oid_t *run)
{
    char subject[48], oid[25];
    bool orphan;
    int64_t removed;

    if (!is_orphan(on, kind, run, &orphan) || !orphan)
        return on->err->id == API_OK;
    bson_oid_to_string(run, oid);
    snprintf(subject, sizeof subject, "%s of %s", kind->name, oid);
    if (!on->doctor->mend) {
        examination_tell(on, subject, false, "are in the database; a run with this _id is not");
        return true;
    }
    if (!remove_rows(on, kind, run, &removed))
        return false;
    examination_tell(on, subject, true, "were no run's: %lld", (long long)removed);
    return true;
}

static bool
judge_kind(const struct examination *on, const struct kind *kind)
{
    bson_oid_t run, last;
    bool found = true;
    const bson_oid_t *after = NULL;

    while (found) {
        if (!next_run(on, kind, after, &run, &found) || (found && !judge_run(on, kind, &run)))
            return false;
        bson_oid_copy(&run, &last);
        after = &last;
    }
    return true;
}

bool
doctor_judge_orphans(const struct examination *on)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (!judge_kind(on, &kinds[i]))
            return false;
    return true;
}
