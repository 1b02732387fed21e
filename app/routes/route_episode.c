/*
 * route_episode.c - reports of episodes, in both families. Called through routes.c.
 * Next: training/episode.c, store/store_episode.c.
 */
#include "route_private.h"

#include "store/store_episode.h"

/* What a report became, and the run after it. */
struct stored {
    struct run_held held;
    struct store_receipt receipt;
};

/* "404 no such run" comes before "422": only then is it asked again. */
static bool
refuse(struct call *call, const char *id, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct api_error missing = {.id = API_OK};

    if (!store_run_find(call->store, call->account, id, &held, &missing))
        *err = missing;
    store_run_release(&held);
    return false;
}

static bool
store_reports(struct call *call, enum episode_form form, struct stored *stored,
              struct api_error *err)
{
    struct episode_list list = {.count = 0};
    char id[RUN_ID_MAX + 1];
    bool good;

    *stored = (struct stored){.held = {.holder = NULL}};
    if (!route_run_id(call, id, err))
        return false;
    if (episode_list_from_json(call->req->json, form, call->limits->batch_episodes_max,
                               call->req->arrived_ms, &list, err))
        good = store_episode_put(call->store, call->account, id, &list, call->now_ms, &stored->held,
                                 &stored->receipt, err);
    else
        good = refuse(call, id, err);
    episode_list_clear(&list);
    return good;
}

static bool
report(struct call *call, enum episode_form form, struct api_error *err)
{
    struct stored stored;

    if (!store_reports(call, form, &stored, err))
        return false;
    route_reply_run(call, 200, &stored.held.run);
    store_run_release(&stored.held);
    return true;
}

/* POST /api/v1/training/runs/{run_id}/episodes: one report. 200 with the TrainingRun after it. */
bool
route_episode_report(struct call *call, struct api_error *err)
{
    return report(call, EPISODE_ONE, err);
}

/* POST …/episodes/batch: {"episodes": […]}, all or none. 200 with the TrainingRun after them. */
bool
route_episode_report_batch(struct call *call, struct api_error *err)
{
    return report(call, EPISODE_BATCH, err);
}

/* POST /api/training-runs/{run_id}/episodes: one report or a batch. 200 with a receipt,
 * which tells the run's status too. */
bool
route_episode_log(struct call *call, struct api_error *err)
{
    struct stored stored;
    struct json_out json;

    if (!store_reports(call, EPISODE_EITHER, &stored, err))
        return false;
    json = http_reply_json(call->reply, 200);
    json_out_object(&json, NULL);
    json_out_text(&json, "run_id", stored.held.run.id);
    json_out_whole(&json, "accepted", stored.receipt.accepted);
    json_out_whole(&json, "inserted", stored.receipt.inserted);
    json_out_whole(&json, "replaced", stored.receipt.replaced);
    json_out_whole(&json, "episodes", stored.held.run.summary.episodes);
    /* So that a trainer hears in time that somebody ended its run, without asking. */
    json_out_text(&json, "status", run_status_name(stored.held.run.status));
    json_out_object_end(&json);
    store_run_release(&stored.held);
    return true;
}
