/*
 * store_run_rank.c - brings the figures that lists are sorted by up to date. Called by
 * store_run_list.c, store_run.c. Next: store_run_doc.c (the figures), store_summary.c.
 */
#include "store_run_rank.h"

#include "base/clock.h"
#include "store_bson.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_summary.h"

#include <math.h>

#define RANK_SETTLE_MS 3000 /* of one list at most */
#define AT_ONCE 100         /* headers read, then written with one command */
#define TIDY_COUNT 2
#define TIDY_AFTER_MS 10000 /* a run that is being reported to would be behind again at once */

void
run_rank_append_new(bson_t *doc)
{
    bson_t rank;

    BSON_APPEND_DOCUMENT_BEGIN(doc, "rank", &rank);
    BSON_APPEND_INT64(&rank, "episodes", 0);
    BSON_APPEND_DOUBLE(&rank, "avg_reward", NAN);
    BSON_APPEND_DOUBLE(&rank, "win_rate", NAN);
    BSON_APPEND_INT64(&rank, "revision", 0);
    bson_append_document_end(doc, &rank);
}

void
run_rank_append_behind(bson_t *update, int64_t now_ms)
{
    BCON_APPEND(update, "$min", "{", "unranked_since", BCON_DATE_TIME(now_ms), "}");
}

void
run_rank_read(const bson_t *doc, struct run_rank *rank)
{
    bson_iter_t at;

    *rank = (struct run_rank){.avg_reward = NAN, .win_rate = NAN};
    if (!store_read_inside(doc, "rank", &at))
        return;
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);

        if (key[0] == 'e')
            rank->episodes = bson_iter_as_int64(&at);
        else if (key[0] == 'a')
            rank->avg_reward = bson_iter_as_double(&at);
        else if (key[0] == 'w')
            rank->win_rate = bson_iter_as_double(&at);
    }
}

/* Some runs of an account that were behind at began_ms. */
struct settling {
    struct store *store;
    const char *account;
    int64_t began_ms, behind_before_ms;
    int limit;
    bool quick;     /* leave alone what would take a pass over a run's episodes */
    bson_t updates; /* statements of one update command */
    uint32_t found; /* so many */
};

/*
 * The figures are those of this revision: behind the header's if a report has come meanwhile, and
 * then the run stays unranked, in line behind the others.
 */
static void
append_update(struct settling *on, const bson_t *doc, const struct run_summary *summary)
{
    const int64_t revision = store_read_whole(doc, "revision");
    char number[16];
    const char *place;
    bson_iter_t id;

    if (!bson_iter_init_find(&id, doc, "_id"))
        return;
    bson_uint32_to_string(on->found, &place, number, sizeof number);
    BCON_APPEND(&on->updates, place, "{", "q", "{", "_id", BCON_ITER(&id), "rank.revision", "{",
                "$not", "{", "$gt", BCON_INT64(revision), "}", "}", "}", "u", "[", "{", "$set", "{",
                "rank", "{", "episodes", BCON_INT64(summary->episodes), "avg_reward",
                BCON_DOUBLE(summary->avg_reward), "win_rate", BCON_DOUBLE(summary->final_win_rate),
                "revision", BCON_INT64(revision), "}", "unranked_since", "{", "$cond", "[", "{",
                "$eq", "[", "$revision", BCON_INT64(revision), "]", "}", "$$REMOVE",
                BCON_DATE_TIME(on->began_ms + 1), "]", "}", "}", "}", "]", "}");
}

/* A run whose figures take a pass over its episodes goes to the end of the line. */
static void
append_delay(struct settling *on, const bson_t *doc)
{
    char number[16];
    const char *place;
    bson_iter_t id;

    if (!bson_iter_init_find(&id, doc, "_id"))
        return;
    bson_uint32_to_string(on->found, &place, number, sizeof number);
    BCON_APPEND(&on->updates, place, "{", "q", "{", "_id", BCON_ITER(&id), "unranked_since", "{",
                "$exists", BCON_BOOL(true), "}", "}", "u", "{", "$set", "{", "unranked_since",
                BCON_DATE_TIME(on->began_ms), "}", "}", "}");
}

static bool
settle_one(struct settling *on, const bson_t *doc, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    bool good = true;

    run_doc_borrow(doc, &held);
    if (run_doc_in_step(doc))
        append_update(on, doc, &held.run.summary);
    else if (on->quick)
        append_delay(on, doc);
    else {
        good = store_summary_mend(on->store, &held.run, store_read_whole(doc, "merges"), err);
        if (good)
            append_update(on, doc, &held.run.summary);
    }
    on->found++;
    store_run_release(&held);
    return good;
}

static mongoc_cursor_t *
find_behind(const struct settling *on, mongoc_collection_t *runs)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;

    BCON_APPEND(&filter, "account", BCON_UTF8(on->account), "unranked_since", "{", "$lte",
                BCON_DATE_TIME(on->behind_before_ms), "}");
    BCON_APPEND(&opts, "sort", "{", "unranked_since", BCON_INT32(1), "}", "limit",
                BCON_INT64(on->limit), "hint", BCON_UTF8("list_unranked"), "projection", "{",
                "config", BCON_INT32(0), "config_json", BCON_INT32(0), "metadata", BCON_INT32(0),
                "metadata_json", BCON_INT32(0), "notes", BCON_INT32(0), "search", BCON_INT32(0),
                "checkpoint_paths", BCON_INT32(0), "}");
    return mongoc_collection_find_with_opts(runs, &filter, &opts, NULL);
}

static bool
read_behind(struct settling *on, struct api_error *err)
{
    mongoc_collection_t *runs = store_collection(on->store, STORE_RUNS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good = true;

    if (runs == NULL)
        return false;
    cursor = find_behind(on, runs);
    while (good && mongoc_cursor_next(cursor, &doc))
        good = settle_one(on, doc, err);
    if (good && mongoc_cursor_error(cursor, &cause))
        good = store_fail(on->store, err, "find_unranked", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* Not waited for on the disk: rank and unranked_since are lost together, or neither. */
static bool
write_ranks(struct settling *on, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    if (on->found == 0)
        return true;
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates",
                BCON_ARRAY(&on->updates), "ordered", BCON_BOOL(false), "writeConcern", "{", "w",
                BCON_INT32(1), "}");
    return store_command(on->store, &command, NULL, &reply, &cause) ||
           store_fail(on->store, err, "write_ranks", &cause, &reply);
}

static bool
settle_some(struct settling *on, struct api_error *err)
{
    bool good;

    on->found = 0;
    bson_init(&on->updates);
    good = read_behind(on, err) && write_ranks(on, err);
    bson_destroy(&on->updates);
    return good;
}

bool
store_run_rank_settle(struct store *store, const char *account, struct api_error *err)
{
    const int64_t give_up_at_ms = clock_steady_ms() + RANK_SETTLE_MS;
    const int64_t now_ms = clock_now_ms();
    struct settling on = {.store = store,
                          .account = account,
                          .began_ms = now_ms,
                          .behind_before_ms = now_ms,
                          .limit = AT_ONCE};

    do {
        if (!settle_some(&on, err))
            return false;
        if (on.found < AT_ONCE)
            return true;
    } while (clock_steady_ms() < give_up_at_ms);
    return api_fail(err, API_STORE_BUSY,
                    "Many runs had reports since the last list by this figure. Try again.");
}

void
store_run_rank_tidy(struct store *store, const char *account)
{
    const int64_t now_ms = clock_now_ms();
    struct api_error ignored = {.id = API_OK};
    struct settling on = {.store = store,
                          .account = account,
                          .began_ms = now_ms,
                          .behind_before_ms = now_ms - TIDY_AFTER_MS,
                          .limit = TIDY_COUNT,
                          .quick = true};

    (void)settle_some(&on, &ignored);
}
