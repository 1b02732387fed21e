/*
 * route_metrics.c - a run's episodes and rolling win rate as seed 004 shows them.
 * Called by route_training_run.c, route_training_run_list.c. Next: store/store_episode_read.c.
 */
#include "route_metrics.h"

#include <string.h>

#include "store/store_episode.h"
#include "training/statistics.h"

#include <math.h>

#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)

struct pass {
    struct json_out episodes;
    struct json_out win_rates;
    struct spool win_rate_text; /* waits until the episodes are written */
    struct statistics statistics;
    int64_t most;
    bool cut_short;
    bool lost; /* memory, the disk or the client gave out */
};

static bool
write_episode(const struct episode *episode, void *context)
{
    struct pass *pass = context;

    if (pass->statistics.episodes == pass->most) {
        pass->cut_short = true;
        return false;
    }
    episode_write_flat(episode, &pass->episodes);
    pass->lost = !statistics_add(&pass->statistics, episode) || pass->episodes.out->failed;
    if (episode_metric(episode, "win") != NULL) {
        json_out_object(&pass->win_rates, NULL);
        json_out_whole(&pass->win_rates, "episode", episode->number);
        json_out_real(&pass->win_rates, "win_rate", pass->statistics.final_win_rate);
        json_out_object_end(&pass->win_rates);
    }
    return !pass->lost;
}

static void
summarise(const struct statistics *statistics, struct run_summary *summary)
{
    const struct metric_statistics *reward = statistics_find(statistics, METRIC_REWARD);

    *summary = (struct run_summary){
        .episodes = statistics->episodes,
        .avg_reward = metric_mean(reward),
        .min_reward = reward == NULL ? NAN : reward->min,
        .max_reward = reward == NULL ? NAN : reward->max,
        .final_win_rate = statistics->final_win_rate,
    };
}

bool
route_with_metrics(const struct http_query *parsed, bool *with, struct api_error *err)
{
    const char *metrics = http_query_text(parsed, "metrics");

    *with = metrics == NULL || strcmp(metrics, "full") == 0;
    return *with || strcmp(metrics, "none") == 0 ||
           api_fault(err, "metrics", "must be full or none");
}

bool
route_metrics_write(struct call *call, const struct run *run, int64_t most, struct json_out *json,
                    struct route_metrics *metrics, struct api_error *err)
{
    struct pass pass = {.most = most};
    bool good;

    statistics_init(&pass.statistics);
    spool_init(&pass.win_rate_text, TEXT_BUFFER_SIZE);
    pass.win_rates.out = &pass.win_rate_text.out;
    json_out_object(json, "metrics");
    json_out_array(json, "episodes");
    pass.episodes = *json;
    pass.cut_short = most == 0 && run->summary.episodes > 0;
    good = most == 0 ||
           store_episode_each(call->store, run, 1, EPISODE_NUMBER_MAX, write_episode, &pass, err);
    json_out_array_end(json);
    json_out_array(json, "rolling_win_rate");
    if (good && (pass.lost || !spool_copy(&pass.win_rate_text, json->out)))
        good = api_fail(err, API_INTERNAL, NULL);
    json_out_array_end(json);
    json_out_object_end(json);
    metrics->episodes = pass.statistics.episodes;
    metrics->cut_short = pass.cut_short;
    summarise(&pass.statistics, &metrics->summary);
    spool_clear(&pass.win_rate_text);
    statistics_clear(&pass.statistics);
    return good;
}
