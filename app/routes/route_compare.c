/*
 * route_compare.c - GET /api/v1/training/compare?run_ids=a,b. Called through routes.c.
 * Next: store/store_episode_read.c, training/statistics.c.
 */
#include "route_private.h"

#include "base/auto.h"
#include "store/store_episode.h"
#include "training/statistics.h"

#include <stdio.h>
#include <string.h>

#define RUNS_MAX 50

/* The ids asked for, in their order. */
struct id_list {
    char text[HTTP_QUERY_MAX]; /* the ids themselves, NUL-terminated */
    const char *ids[RUNS_MAX];
    size_t count;
};

static bool
read_ids(const struct call *call, struct id_list *list, struct api_error *err)
{
    struct http_query parsed;
    const char *given;
    char *rest;

    list->count = 0;
    if (!http_query_parse(call->req->query, &parsed, err))
        return false;
    given = http_query_text(&parsed, "run_ids");
    snprintf(list->text, sizeof list->text, "%s", given == NULL ? "" : given);
    for (char *id = strtok_r(list->text, ", ", &rest); id != NULL;
         id = strtok_r(NULL, ", ", &rest)) {
        if (list->count == RUNS_MAX)
            return api_fault(err, "run_ids", "must be 1 to %d ids, separated by commas", RUNS_MAX);
        list->ids[list->count++] = id;
    }
    if (list->count == 0)
        return api_fault(err, "run_ids", "must be 1 to %d ids, separated by commas", RUNS_MAX);
    return true;
}

static bool
add_episode(const struct episode *episode, void *context)
{
    return statistics_add(context, episode);
}

static void
write_run(const struct run *run, const struct statistics *statistics, struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_text(json, "run_id", run->id);
    json_out_text(json, "status", run_status_name(run->status));
    json_out_text(json, "strategy_label", run->strategy_label);
    json_out_text(json, "agent_id", run->agent_id);
    json_out_text(json, "algorithm", run->algorithm);
    json_out_raw(json, "config", run->config_json);
    json_out_whole(json, "episodes_completed", statistics->episodes);
    statistics_write(statistics, json, "aggregate_stats");
    json_out_time(json, "started_at", run->started_ms);
    json_out_time(json, "completed_at", run->ended_ms);
    json_out_object_end(json);
}

/* *missing: there is no such run, and nothing is held. Errors: STORE_UNAVAILABLE. */
static bool
find_one(struct call *call, const char *given, struct run_held *held, bool *missing,
         struct api_error *err)
{
    char id[RUN_ID_MAX + 1] = "";

    if (strlen(given) <= RUN_ID_MAX)
        memcpy(id, given, strlen(given) + 1);
    *missing = !run_id_settle(id);
    if (*missing || store_run_find(call->store, call->account, id, held, err))
        return true;
    *missing = err->id == API_RUN_NOT_FOUND;
    if (*missing)
        *err = (struct api_error){.id = API_OK};
    return *missing;
}

/* Has nothing changed in any of the runs? Only their headers are read for that. */
static bool
is_unchanged(struct call *call, const struct id_list *list, struct api_error *err)
{
    struct route_mark mark = {.hash = list->count};

    for (size_t i = 0; i < list->count; i++) {
        struct run_held held = {.holder = NULL};
        bool missing;

        if (!find_one(call, list->ids[i], &held, &missing, err))
            return false;
        if (!missing)
            route_mark_run(&mark, call, &held.run);
        store_run_release(&held);
    }
    return route_unchanged_since(call, &mark);
}

/* Of the header, or of all episodes where it is in doubt. Clear it in any case. */
static bool
read_statistics(struct call *call, const struct run_held *held, struct statistics *statistics,
                struct api_error *err)
{
    if (store_run_statistics(held, statistics))
        return true;
    statistics_init(statistics);
    return store_episode_each(call->store, &held->run, 1, EPISODE_NUMBER_MAX, add_episode,
                              statistics, err);
}

static bool
write_one(struct call *call, const char *given, struct json_out *json, bool *missing,
          struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct statistics statistics;
    bool good;

    if (!find_one(call, given, &held, missing, err) || *missing)
        return err->id == API_OK;
    good = read_statistics(call, &held, &statistics, err);
    if (good)
        write_run(&held.run, &statistics, json);
    statistics_clear(&statistics);
    store_run_release(&held);
    return good;
}

/* {runs: […], missing: [ids not found]} */
bool
route_compare_show(struct call *call, struct api_error *err)
{
    struct id_list list;
    struct json_out json;
    bool missing[RUNS_MAX];

    if (!read_ids(call, &list, err))
        return false;
    if (is_unchanged(call, &list, err) || err->id != API_OK)
        return err->id == API_OK;
    json = http_reply_json(call->reply, 200);
    json_out_object(&json, NULL);
    json_out_array(&json, "runs");
    for (size_t i = 0; i < list.count; i++)
        if (!write_one(call, list.ids[i], &json, &missing[i], err))
            return false;
    json_out_array_end(&json);
    json_out_array(&json, "missing");
    for (size_t i = 0; i < list.count; i++)
        if (missing[i])
            json_out_text(&json, NULL, list.ids[i]);
    json_out_array_end(&json);
    json_out_object_end(&json);
    return true;
}
