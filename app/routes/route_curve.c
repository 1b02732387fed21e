/*
 * route_curve.c - GET /api/v1/training/runs/{run_id}/learning-curve. Called through routes.c.
 * Next: store/store_episode_read.c, training/curve.c.
 */
#include "route_private.h"

#include "base/auto.h"
#include "store/store_episode.h"
#include "training/curve.h"

#include <string.h>

#define WINDOW_DEFAULT 10
#define METRIC_DEFAULT "roi_pct"

struct curve_query {
    const char *metric;
    int64_t window, max_points, from, to;
};

/* metric window max_points from to. */
static void
read_query(const struct http_query *parsed, struct curve_query *query, struct api_error *err)
{
    *query = (struct curve_query){.metric = http_query_text(parsed, "metric"),
                                  .window = WINDOW_DEFAULT,
                                  .from = 1,
                                  .to = EPISODE_NUMBER_MAX};
    if (query->metric == NULL)
        query->metric = METRIC_DEFAULT;
    http_query_whole(parsed, "window", 1, CURVE_WINDOW_MAX, &query->window, err);
    http_query_whole(parsed, "max_points", CURVE_POINTS_MIN, EPISODE_NUMBER_MAX, &query->max_points,
                     err);
    http_query_whole(parsed, "from", 1, EPISODE_NUMBER_MAX, &query->from, err);
    http_query_whole(parsed, "to", 1, EPISODE_NUMBER_MAX, &query->to, err);
    if (err->id == API_OK && query->from > query->to)
        api_fault(err, "from", "must not be greater than to");
}

/* Any of the named metrics, or a custom one that the run has. */
static void
check_metric(const struct run_held *held, const char *metric, struct api_error *err)
{
    if (metric_find(metric) == NULL &&
        !(metric_name_is_valid(metric) && store_run_has_metric(held, metric)))
        api_fault(err, "metric", "is none that the run has");
}

static bool
add_value(int64_t number, double value, void *context)
{
    return curve_add(context, number, value);
}

static bool
write_curve(struct call *call, struct curve *curve, const char *run_id,
            const struct curve_query *query)
{
    struct json_out json = http_reply_json(call->reply, 200);
    bool whole;

    json_out_object(&json, NULL);
    json_out_text(&json, "run_id", run_id);
    json_out_text(&json, "metric", query->metric);
    json_out_whole(&json, "window", query->window);
    whole = curve_write(curve, query->max_points, &json);
    json_out_object_end(&json);
    return whole;
}

/* Smoothed over all episodes up to `to` first, then cut to `from` and thinned. */
static bool
send_curve(struct call *call, const struct run_held *held, const struct curve_query *query,
           struct api_error *err)
{
    struct curve curve;
    bool good;

    curve_init(&curve, (size_t)query->window, query->from, query->to);
    good = store_episode_metric(call->store, &held->run, metric_stored_name(query->metric), 1,
                                query->to, add_value, &curve, err);
    if (good && (!spool_good(&curve.points) || !write_curve(call, &curve, held->run.id, query)))
        good = api_fail(err, API_INTERNAL, NULL);
    curve_clear(&curve);
    return good;
}

bool
route_curve_show(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct http_query parsed;
    struct curve_query query;
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    good = http_query_parse(call->req->query, &parsed, err);
    if (good) {
        read_query(&parsed, &query, err);
        check_metric(&held, query.metric, err);
        good = err->id == API_OK &&
               (route_unchanged(call, &held.run) || send_curve(call, &held, &query, err));
    }
    store_run_release(&held);
    return good;
}
