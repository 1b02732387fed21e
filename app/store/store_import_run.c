/*
 * store_import_run.c - brings one document of seed 004's logger into a run: its header, then the
 * episodes that are not here yet or differ, through the same door as reports over HTTP, so that
 * counters stay in step. Called by store_import.c.
 * Next: store_import_doc.c, store_import_header.c, store_episode.c.
 */
#include "store_import_run.h"

#include "base/clock.h"
#include "store/store_episode.h"
#include "store_import_header.h"
#include "store_private.h"
#include "store_run_doc.h"

#include <string.h>

/*
 * How long a batch that meets another writer is tried again. A writer that was killed leaves its
 * transaction open, and the run locked, for a minute (transactionLifetimeLimitSeconds): the import
 * that was killed a moment ago may be this writer.
 */
#define PUT_WAIT_MS 90000

/* One document on its way. */
struct run_import {
    struct importing *all;
    const struct import_doc *doc;
    struct run_held held; /* the run as stored; its holder is NULL when it is new */
    bool changed;
};

static void
tell(const char *member, const char *why, void *context)
{
    struct run_import *run = context;
    const struct store_import *import = run->all->import;

    run->all->counts->not_taken++;
    import->tell(run->doc->name, member, why, import->context);
}

/* ---- which of a batch differ from what is stored ---- */

struct comparing {
    struct run_import *run;
    size_t at;                   /* in the batch */
    bool same[IMPORT_BATCH_MAX]; /* nothing to be done */
};

static bool
same_values(const struct episode *a, const struct episode *b)
{
    if (a->value_count != b->value_count || strcmp(a->session_id, b->session_id) != 0)
        return false;
    for (size_t i = 0; i < a->value_count; i++) {
        const struct metric_value *mine = &a->values[i];
        const struct metric_value *theirs = episode_metric(b, mine->name);

        if (theirs == NULL || theirs->type != mine->type ||
            memcmp(&theirs->real, &mine->real, sizeof mine->real) != 0 ||
            (mine->type == METRIC_IS_WHOLE && theirs->whole != mine->whole))
            return false;
    }
    return true;
}

static bool
compare_one(const struct episode *stored, void *context)
{
    struct comparing *comparing = context;
    const struct import_batch *batch = comparing->run->all->batch;
    const struct episode *mine;

    while (comparing->at < batch->count && batch->episodes[comparing->at].number < stored->number)
        comparing->at++;
    if (comparing->at == batch->count)
        return false;
    mine = &batch->episodes[comparing->at];
    if (mine->number != stored->number)
        return true;
    if (same_values(mine, stored) && stored->created_ms >= mine->created_ms) {
        comparing->same[comparing->at] = true;
    } else if (stored->created_ms > mine->created_ms) {
        comparing->same[comparing->at] = true;
        comparing->run->all->counts->superseded++;
    } else {
        comparing->run->all->counts->replaced++;
    }
    return true;
}

/* Leave those in the list that are to be written, and count them. */
static bool
choose(struct run_import *run, struct episode_list *list, struct api_error *err)
{
    const struct import_batch *batch = run->all->batch;
    struct store_import_counts *counts = run->all->counts;
    const int64_t replaced = counts->replaced;
    struct comparing comparing = {.run = run};

    if (run->held.holder != NULL &&
        !store_episode_each(run->all->to, &run->held.run, batch->episodes[0].number,
                            batch->episodes[batch->count - 1].number, compare_one, &comparing, err))
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (!comparing.same[i])
            list->items[list->count++] = batch->episodes[i];
    list->reported = list->count;
    counts->episodes += (int64_t)batch->count;
    counts->inserted += (int64_t)list->count - (counts->replaced - replaced);
    return true;
}

/* ---- writing ---- */

static bool
put(struct run_import *run, const struct episode_list *list, struct api_error *err)
{
    const struct import_doc *doc = run->doc;
    struct run_held after = {.holder = NULL};
    struct store_receipt receipt;
    const int64_t give_up_at_ms = clock_steady_ms() + PUT_WAIT_MS;
    bool good;

    do {
        *err = (struct api_error){.id = API_OK};
        good = store_episode_put(run->all->to, run->all->import->account, doc->request.id, list,
                                 import_reported_ms(doc), &after, &receipt, err);
    } while (!good && err->id == API_STORE_BUSY && clock_steady_ms() < give_up_at_ms);
    store_run_release(&after);
    if (good || err->id != API_FIELD_INVALID)
        return good;
    tell("metrics.episodes", err->message, run); /* too many different metrics */
    return true;
}

static bool
write_batch(struct run_import *run, struct api_error *err)
{
    static struct episode items[IMPORT_BATCH_MAX]; /* too large for the stack */
    struct episode_list list = {.items = items};

    if (!choose(run, &list, err))
        return false;
    run->changed = run->changed || list.count > 0;
    return list.count == 0 || run->all->import->dry || put(run, &list, err);
}

static bool
import_episodes(struct run_import *run, struct api_error *err)
{
    struct import_batch *batch = run->all->batch;
    size_t next = 0;
    bool good = true;

    while (good && next < run->doc->episode_count) {
        import_batch_read(run->doc, &next, batch, tell, run);
        good = batch->count == 0 || write_batch(run, err);
        import_batch_clear(batch);
    }
    return good;
}

static void
count_run(struct run_import *run, enum import_header header)
{
    struct store_import_counts *counts = run->all->counts;

    counts->twice += run->doc->twice;
    if (header == IMPORT_HEADER_NEW)
        counts->imported++;
    else if (run->changed)
        counts->extended++;
    else
        counts->unchanged++;
}

static bool
import_known(struct run_import *run, struct api_error *err)
{
    const struct import_target target = {run->all->to, run->all->import->account,
                                         run->all->import->dry};
    enum import_header header = import_header_settle(&target, run->doc, &run->held, tell, run, err);
    bool good = header != IMPORT_HEADER_FAILED;

    if (header == IMPORT_HEADER_REFUSED) {
        run->all->counts->refused++;
        return true;
    }
    run->changed = header != IMPORT_HEADER_SAME;
    good = good && import_episodes(run, err);
    if (good)
        count_run(run, header);
    store_run_release(&run->held);
    return good;
}

bool
import_run(struct importing *importing, const bson_t *doc, struct api_error *err)
{
    struct import_doc made;
    struct run_import run = {.all = importing, .doc = &made};
    bool good = true;

    importing->counts->runs++;
    if (import_doc_read(doc, &made, tell, &run))
        good = import_known(&run, err);
    else
        importing->counts->refused++;
    import_doc_clear(&made);
    return good;
}
