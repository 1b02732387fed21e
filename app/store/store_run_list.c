/*
 * store_run_list.c - lists, counts and agents of an account's runs. Called by
 * routes/route_list.c. Next: store_run_sort.c, store_run_search.c, store_run_rank.c.
 */
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_run_rank.h"
#include "store_run_search.h"
#include "store_run_sort.h"
#include "store_summary.h"

#include <string.h>

#define ROWS_AT_ONCE 20 /* headers may be large: config's text is up to 256 KiB */

/* A list being read. */
struct listing {
    struct store *store;
    const char *account;
    const struct run_query *query;
    store_run_visit *visit;
    void *context;
    int64_t seen;   /* runs so far, up to the limit and one more */
    int64_t offset; /* runs to be passed over, until their place is found */
    bool goes_on;
    /* The rows of a backwards query come in reverse: copies of them, shown from behind. */
    bson_t **docs;
    int64_t doc_count;
};

/* Mend it first if need be, then show it. */
static bool
visit_run(struct listing *listing, const bson_t *doc, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    bool good = true;

    run_doc_borrow(doc, &held);
    if (!run_doc_in_step(doc))
        good = store_summary_mend(listing->store, &held.run, store_read_whole(doc, "merges"), err);
    if (good)
        listing->goes_on = listing->visit(&held.run, listing->context);
    store_run_release(&held);
    return good;
}

static bool
show_backwards(struct listing *listing, struct api_error *err)
{
    bool good = true;

    while (listing->doc_count > 0) {
        bson_t *doc = listing->docs[--listing->doc_count];

        if (good && listing->goes_on)
            good = visit_run(listing, doc, err);
        bson_destroy(doc);
    }
    bson_free(listing->docs);
    return good;
}

static void
append_filter(bson_t *filter, const struct listing *listing, enum run_section section)
{
    run_search_filter(filter, listing->account, listing->query);
    run_sort_filter(filter, listing->query, section);
}

static void
append_opts(bson_t *opts, const struct listing *listing, enum run_section section)
{
    bson_t projection;

    run_sort_order(opts, listing->query, section);
    BCON_APPEND(opts, "limit", BCON_INT64(listing->query->limit + 1 - listing->seen), "hint",
                BCON_UTF8(run_sort_index(listing->query)), "batchSize", BCON_INT32(ROWS_AT_ONCE));
    BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &projection);
    BCON_APPEND(&projection, "config", BCON_INT32(0), "metadata", BCON_INT32(0), "search",
                BCON_INT32(0));
    if (listing->query->names_only)
        BCON_APPEND(&projection, "config_json", BCON_INT32(0), "metadata_json", BCON_INT32(0),
                    "notes", BCON_INT32(0), "checkpoint_paths", BCON_INT32(0));
    bson_append_document_end(opts, &projection);
}

static bool
take_rows(struct listing *listing, mongoc_cursor_t *cursor, struct api_error *err)
{
    bool good = true;
    bson_error_t cause;
    const bson_t *doc;

    while (good && listing->goes_on && mongoc_cursor_next(cursor, &doc)) {
        if (listing->seen++ == listing->query->limit)
            break;
        if (listing->docs != NULL)
            listing->docs[listing->doc_count++] = bson_copy(doc);
        else
            good = visit_run(listing, doc, err);
    }
    if (good && mongoc_cursor_error(cursor, &cause))
        good = store_fail(listing->store, err, "list_runs", &cause, NULL);
    return good;
}

static bool
read_section(struct listing *listing, enum run_section section, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(listing->store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    bool good;

    if (runs == NULL)
        return false;
    append_filter(&filter, listing, section);
    append_opts(&opts, listing, section);
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    good = take_rows(listing, cursor, err);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* By the index's keys alone: the filters name nothing else. */
static bool
count_keys(struct store *store, const bson_t *filter, const char *index, int64_t *count,
           struct api_error *err)
{
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    bson_error_t cause;

    if (runs == NULL)
        return false;
    BSON_APPEND_UTF8(&opts, "hint", index);
    *count = mongoc_collection_count_documents(runs, filter, &opts, NULL, NULL, &cause);
    return *count >= 0 || store_fail(store, err, "count_runs", &cause, NULL);
}

/*
 * Turn an offset into the place of the last run that it passes over, again by the keys alone.
 * *found false: the section has not so many runs.
 */
static bool
find_place(struct listing *listing, enum run_section section, struct run_place *place, bool *found,
           struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *runs = store_collection(listing->store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (runs == NULL)
        return false;
    append_filter(&filter, listing, section);
    run_sort_order(&opts, listing->query, section);
    run_sort_append_keys(&opts, listing->query);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "skip", BCON_INT64(listing->offset - 1), "hint",
                BCON_UTF8(run_sort_index(listing->query)));
    cursor = mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found)
        run_sort_read_place(doc, listing->query, place);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(listing->store, err, "find_offset", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* Pass over query->offset runs of the whole list: *query then has a place instead. */
static bool
pass_over(struct listing *listing, struct run_query *query, bool *beyond, struct api_error *err)
{
    enum run_section sections[RUN_SECTIONS_MAX];
    const size_t count = run_sort_sections(query, sections);
    bool found = false, good = true;

    listing->offset = query->offset;
    for (size_t i = 0; good && !found && i < count; i++) {
        AUTO_BSON filter = BSON_INITIALIZER;
        int64_t passed;

        good = find_place(listing, sections[i], &query->cursor.place, &found, err);
        if (!good || found || i + 1 == count)
            break;
        append_filter(&filter, listing, sections[i]);
        good = count_keys(listing->store, &filter, run_sort_index(query), &passed, err);
        listing->offset -= passed;
        if (listing->offset <= 0) /* runs were deleted in between */
            break;
    }
    *beyond = !found;
    return good;
}

static bool
read_sections(struct listing *listing, struct api_error *err)
{
    enum run_section sections[RUN_SECTIONS_MAX];
    const size_t count = run_sort_sections(listing->query, sections);
    bool good = true;

    for (size_t i = 0; good && listing->goes_on && i < count; i++)
        if (listing->seen <= listing->query->limit)
            good = read_section(listing, sections[i], err);
    return good;
}

bool
store_run_list(struct store *store, const char *account, const struct run_query *query,
               store_run_visit *visit, void *context, bool *more, struct api_error *err)
{
    struct run_query placed = *query;
    struct listing listing = {.store = store,
                              .account = account,
                              .query = &placed,
                              .visit = visit,
                              .context = context,
                              .goes_on = true};
    bool beyond = false, good = true;

    *more = false;
    if (query->order.sort != RUN_SORT_START_TIME && !store_run_rank_settle(store, account, err))
        return false;
    if (query->offset > 0 && query->cursor.place.id[0] == '\0')
        good = pass_over(&listing, &placed, &beyond, err);
    if (!good || beyond)
        return good;
    if (query->cursor.backwards)
        listing.docs = bson_malloc0((size_t)query->limit * sizeof *listing.docs);
    good = read_sections(&listing, err);
    if (listing.docs != NULL)
        good = show_backwards(&listing, err) && good;
    *more = listing.seen > query->limit;
    return good;
}

bool
store_run_count(struct store *store, const char *account, const struct run_query *query,
                int64_t *count, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    const char *index;

    run_search_count(&filter, account, query, &index);
    return count_keys(store, &filter, index, count, err);
}

bool
store_agent_list(struct store *store, const char *account, store_agent_visit *visit, void *context,
                 struct api_error *err)
{
    mongoc_collection_t *runs = store_collection(store, STORE_RUNS, err);
    AUTO_BSON pipeline = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    const struct run_query all = {.limit = 0};
    bson_t stages, stage, match;
    mongoc_cursor_t *cursor;
    bson_error_t cause;
    const bson_t *doc;
    bool good;

    if (runs == NULL)
        return false;
    /* The index jumps from one agent to the next: as many keys as agents, and no document. */
    BSON_APPEND_ARRAY_BEGIN(&pipeline, "pipeline", &stages);
    BSON_APPEND_DOCUMENT_BEGIN(&stages, "0", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &match);
    run_search_filter(&match, account, &all);
    bson_append_document_end(&stage, &match);
    bson_append_document_end(&stages, &stage);
    BCON_APPEND(&stages, "1", "{", "$group", "{", "_id", BCON_UTF8("$agent_id"), "}", "}", "2", "{",
                "$sort", "{", "_id", BCON_INT32(1), "}", "}");
    bson_append_array_end(&pipeline, &stages);
    BSON_APPEND_UTF8(&opts, "hint", "list_by_agent");
    cursor = mongoc_collection_aggregate(runs, MONGOC_QUERY_NONE, &pipeline, &opts, NULL);
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
