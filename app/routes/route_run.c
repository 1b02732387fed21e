/*
 * route_run.c - one run as seeds 000 and 001 know it: POST and GET /api/v1/training/runs…
 * Called through routes.c. Next: route_shared.c, training/learning_curves.c.
 */
#include "route_private.h"

#include "store/store_episode.h"
#include "training/learning_curves.h"
#include "training/statistics.h"

#include <stdio.h>

/* POST /api/v1/training/runs: open a run, or find the same one. 201 with the stored run. */
bool
route_run_create(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    char location[64 + RUN_ID_MAX];

    if (!route_run_open(call, true, &held, err))
        return false;
    snprintf(location, sizeof location, "/api/v1/training/runs/%s", held.run.id);
    http_reply_header(call->reply, "Location", location);
    route_reply_run(call, 201, &held.run);
    store_run_release(&held);
    return true;
}

/* POST …/{run_id}/complete: any or no body; again: the same answer. 409 on another ending. */
bool
route_run_complete(struct call *call, struct api_error *err)
{
    const struct run_change completed = {.status = RUN_COMPLETED};
    const struct store_author by = route_author(call);
    struct run_held held = {.holder = NULL};
    char id[RUN_ID_MAX + 1];

    if (!route_run_id(call, id, err) ||
        !store_run_change(call->store, &by, id, &completed, 0, &held, err))
        return false;
    route_reply_run(call, 200, &held.run);
    store_run_release(&held);
    return true;
}

/* One pass over the episodes: they are written as they come, the rest is made meanwhile. */
struct detail {
    struct json_out json;
    struct learning_curves curves;
    struct statistics statistics;
    bool cut; /* memory, the disk or the client gave out */
};

static bool
write_episode(const struct episode *episode, void *context)
{
    struct detail *detail = context;

    episode_write_nested(episode, &detail->json);
    detail->cut = !statistics_add(&detail->statistics, episode) ||
                  !learning_curves_add(&detail->curves, episode) || detail->json.out->failed;
    return !detail->cut;
}

/* What is known once all episodes have been seen: the same figures as the header's, and more. */
static bool
write_aggregates(struct detail *detail)
{
    const struct statistics *statistics = &detail->statistics;
    const struct run_summary summary = {
        .episodes = statistics->episodes,
        .avg_roi_pct = metric_mean(statistics_find(statistics, "roi_pct")),
        .avg_sharpe = metric_mean(statistics_find(statistics, "sharpe_ratio")),
    };
    bool whole = true;

    run_write_figures(&summary, &detail->json);
    if (statistics->episodes == 0)
        json_out_null(&detail->json, "learning_curve");
    else
        whole = learning_curves_write(&detail->curves, &detail->json, "learning_curve");
    statistics_write(statistics, &detail->json, "aggregate_stats");
    return whole;
}

/*
 * GET …/{run_id}: TrainingRun, episodes, learning_curve, aggregate_stats. Streamed: memory does
 * not grow with the run.
 */
bool
route_run_show(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct detail detail = {.curves = {.count = 0}};
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    if (route_unchanged(call, &held.run)) {
        store_run_release(&held);
        return true;
    }
    statistics_init(&detail.statistics);
    detail.json = http_reply_json(call->reply, 200);
    json_out_object(&detail.json, NULL);
    run_write_names(&held.run, route_run_stale(call, &held.run), &detail.json);
    json_out_array(&detail.json, "episodes");
    good = store_episode_each(call->store, &held.run, 1, EPISODE_NUMBER_MAX, write_episode, &detail,
                              err);
    json_out_array_end(&detail.json);
    if (good && (detail.cut || !write_aggregates(&detail)))
        good = api_fail(err, API_INTERNAL, NULL);
    json_out_object_end(&detail.json);
    learning_curves_clear(&detail.curves);
    statistics_clear(&detail.statistics);
    store_run_release(&held);
    return good;
}
