/*
 * route_training_run.c - one run as seed 004 knows it: /api/training-runs and …/{run_id}.
 * Called through routes.c. Next: route_shared.c, route_metrics.c, store/store_run.c.
 */
#include "route_metrics.h"

#include <stdio.h>

#define WHOLE INT64_MAX /* all episodes, however long the run */
#define NO_EPISODES 0   /* the answer to a write: the client has them, and they may be many */

bool
route_reply_document(struct call *call, int status, const struct run *run, int64_t most,
                     struct api_error *err)
{
    struct json_out json = http_reply_json(call->reply, status);
    struct route_metrics metrics;

    json_out_object(&json, NULL);
    run_write_document(run, route_run_stale(call, run), &json);
    if (!route_metrics_write(call, run, most, &json, &metrics, err))
        return false;
    if (metrics.cut_short)
        json_out_bool(&json, "metrics_truncated", true);
    run_write_summary(metrics.cut_short ? &run->summary : &metrics.summary, &json);
    json_out_object_end(&json);
    return true;
}

/* POST /api/training-runs: open a run, or find the same one. 201 with the stored run. */
bool
route_training_run_create(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    char location[64 + RUN_ID_MAX];
    bool good;

    if (!route_run_open(call, false, &held, err))
        return false;
    snprintf(location, sizeof location, "/api/training-runs/%s", held.run.id);
    http_reply_header(call->reply, "Location", location);
    good = route_reply_document(call, 201, &held.run, NO_EPISODES, err);
    store_run_release(&held);
    return good;
}

/* All but the episodes, for pages that read them by themselves. */
static bool
reply_header(struct call *call, struct run_held *held, struct api_error *err)
{
    struct json_out json;

    if (!store_run_settle(call->store, held, err))
        return false;
    json = http_reply_json(call->reply, 200);
    json_out_object(&json, NULL);
    run_write_document(&held->run, route_run_stale(call, &held->run), &json);
    run_write_summary(&held->run.summary, &json);
    json_out_object_end(&json);
    return true;
}

/* GET /api/training-runs/{run_id}: whole, or with metrics=none without its episodes. */
bool
route_training_run_show(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct http_query parsed;
    bool with_metrics, good;

    if (!route_run_find(call, &held, err))
        return false;
    good = http_query_parse(call->req->query, &parsed, err) &&
           route_with_metrics(&parsed, &with_metrics, err);
    if (good && !route_unchanged(call, &held.run))
        good = with_metrics ? route_reply_document(call, 200, &held.run, WHOLE, err)
                            : reply_header(call, &held, err);
    store_run_release(&held);
    return good;
}

/* PATCH …: status, error_message, metadata (merged), tags, notes, episodes_total. */
bool
route_training_run_change(struct call *call, struct api_error *err)
{
    const struct store_author by = route_author(call);
    struct run_held held = {.holder = NULL};
    struct run_change change;
    char id[RUN_ID_MAX + 1];
    bool good;

    if (!route_run_id(call, id, err) || !route_run_find(call, &held, err))
        return false;
    store_run_release(&held);
    good = run_change_from_json(call->req->json, call->limits->config_max, &change, err) &&
           store_run_change(call->store, &by, id, &change, call->limits->config_max, &held, err) &&
           route_reply_document(call, 200, &held.run, NO_EPISODES, err);
    run_change_clear(&change);
    store_run_release(&held);
    return good;
}

/* POST …/checkpoints: {episode, path}. 201; the same one again is the same one. */
bool
route_checkpoint_log(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct run_checkpoint checkpoint;
    char id[RUN_ID_MAX + 1];
    bool good;

    if (!route_run_id(call, id, err) || !route_run_find(call, &held, err))
        return false;
    store_run_release(&held);
    good = run_checkpoint_from_json(call->req->json, &checkpoint, err) &&
           store_run_add_checkpoint(call->store, call->account, id, &checkpoint, call->now_ms,
                                    &held, err) &&
           route_reply_document(call, 201, &held.run, NO_EPISODES, err);
    store_run_release(&held);
    return good;
}

static bool
write_agent(const char *agent_id, void *context)
{
    json_out_text(context, NULL, agent_id);
    return true;
}

/* GET /api/training-runs/agents/list: {"agent_ids": […]}, sorted. */
bool
route_agent_list(struct call *call, struct api_error *err)
{
    struct json_out json = http_reply_json(call->reply, 200);

    json_out_object(&json, NULL);
    json_out_array(&json, "agent_ids");
    if (!store_agent_list(call->store, call->account, write_agent, &json, err))
        return false;
    json_out_array_end(&json);
    json_out_object_end(&json);
    return true;
}
