/*
 * store_summary.c - a replacement may leave a header's sums, extremes or wins in doubt; the next
 * reader of a list recomputes them here. Called by store_run_list.c, routes/route_training_run.c.
 * Next: store_episode_read.c.
 */
#include "store_summary.h"

#include "store/store_episode.h"
#include "store_bson.h"
#include "store_counters.h"
#include "store_private.h"
#include "store_run_doc.h"
#include "store_tail.h"

static bool
add_episode(const struct episode *episode, void *context)
{
    return statistics_add(context, episode);
}

/*
 * Only if no transaction has touched the episodes since the header was read; else *stored is
 * false, and the next reader does it again.
 */
static bool
store_mended(struct store *store, const struct run *run, int64_t merges,
             const struct counters *counters, bool *stored, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_oid_t oid;

    bson_oid_init_from_string(&oid, run->oid);
    counters_append(counters, &set);
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&oid), "merges", BCON_INT64(merges), "}", "u", "{",
                "$set", BCON_DOCUMENT(&set), "}", "}", "]");
    store_append_durable(&command);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "mend_summary", &cause, &reply);
    *stored = store_read_whole(&reply, "n") == 1;
    return true;
}

/* All episodes of the run, or with tail NULL the rows alone, which are what a header counts. */
static bool
count_all(struct store *store, const struct run *run, const void *tail, struct counters *counters,
          struct api_error *err)
{
    struct statistics statistics;
    struct run counted = *run;
    bool good;

    counted.tail = tail;
    statistics_init(&statistics);
    good =
        store_episode_each(store, &counted, 1, EPISODE_NUMBER_MAX, add_episode, &statistics, err);
    counters_from_pass(&statistics, counters);
    return good;
}

/* The rows are as the header said: with its tail they are all episodes. */
static bool
add_tail(const struct run *run, struct counters *counters)
{
    const struct tail *tail = run->tail;
    bool good = true;

    for (size_t i = 0; good && tail != NULL && i < tail->count; i++)
        good = counters_add(counters, &tail->items[i]);
    return good;
}

bool
store_summary_mend(struct store *store, struct run *run, int64_t merges, struct api_error *err)
{
    struct counters counters;
    bool stored = false;
    bool good = count_all(store, run, NULL, &counters, err) &&
                store_mended(store, run, merges, &counters, &stored, err);

    if (good && stored && !add_tail(run, &counters))
        good = api_fail(err, API_INTERNAL, NULL);
    if (good && !stored) { /* some of the tail are rows by now: read both side by side */
        counters_clear(&counters);
        good = count_all(store, run, run->tail, &counters, err);
    }
    if (good)
        counters_summarise(&counters, &run->summary);
    counters_clear(&counters);
    return good;
}

bool
store_run_settle(struct store *store, struct run_held *held, struct api_error *err)
{
    const bson_t *doc = run_doc_of(held);

    return run_doc_in_step(doc) ||
           store_summary_mend(store, &held->run, store_read_whole(doc, "merges"), err);
}
