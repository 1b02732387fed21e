/*
 * store_summary.c - a replacement may leave a header's sums, extremes or wins in doubt; the next
 * reader of a list recomputes them here. Called by store_run_list.c. Next: store_episode_read.c.
 */
#include "store_summary.h"

#include "store_counters.h"
#include "store_private.h"
#include "store/store_episode.h"

#include <math.h>

static bool
add_episode(const struct episode *episode, void *context)
{
    return statistics_add(context, episode);
}

static void
fill_summary(const struct statistics *statistics, struct run_summary *summary)
{
    const struct metric_statistics *reward = statistics_find(statistics, METRIC_REWARD);

    summary->episodes = statistics->episodes;
    summary->avg_roi_pct = metric_mean(statistics_find(statistics, "roi_pct"));
    summary->avg_sharpe = metric_mean(statistics_find(statistics, "sharpe_ratio"));
    summary->avg_reward = metric_mean(reward);
    summary->min_reward = reward == NULL ? NAN : reward->min;
    summary->max_reward = reward == NULL ? NAN : reward->max;
    summary->final_win_rate = statistics->final_win_rate;
}

/* Only if the header is still the one that was read; otherwise the next reader does it again. */
static bool
store_mended(struct store *store, const struct run *run, int64_t revision,
             const struct statistics *statistics, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_oid_t oid;

    bson_oid_init_from_string(&oid, run->oid);
    counters_append_mended(statistics, &update);
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&oid), "revision", BCON_INT64(revision), "}", "u",
                BCON_DOCUMENT(&update), "}", "]");
    store_append_durable(&command);
    return store_command(store, &command, NULL, &reply, &cause) ||
           store_fail(store, err, "mend_summary", &cause, &reply);
}

bool
store_summary_mend(struct store *store, struct run *run, int64_t revision, struct api_error *err)
{
    struct statistics statistics;
    bool good;

    statistics_init(&statistics);
    good = store_episode_each(store, run, 1, EPISODE_NUMBER_MAX, add_episode, &statistics, err);
    if (good) {
        fill_summary(&statistics, &run->summary);
        good = store_mended(store, run, revision, &statistics, err);
    }
    statistics_clear(&statistics);
    return good;
}
