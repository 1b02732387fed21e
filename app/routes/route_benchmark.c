/*
 * route_benchmark.c - GET /api/training-runs/benchmark: agents compared over their ended runs.
 * Called through routes.c. Next: training/benchmark.c, store/store_run_ended.c,
 * store/store_episode_newest.c.
 */
#include "route_private.h"

#include "base/clock.h"
#include "store/store_episode_newest.h"
#include "store/store_run_ended.h"
#include "training/benchmark.h"
#include "training/rolling.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METRIC_DEFAULT METRIC_REWARD
#define RUNS_MAX 1000     /* the newest ended ones */
#define TIME_MAX_MS 10000 /* of one request: a target may need whole runs to be read */

struct benchmark_query {
    const char *metric, *agent_id;
    bool has_target;
    double target;
};

/* One comparison being made. */
struct comparison {
    struct call *call;
    struct benchmark_query query;
    struct benchmark benchmark;
    int64_t deadline_ms; /* of the steady clock */
    bool late;           /* the time was over before the runs were */
    struct api_error *err;
};

/* A finite number in decimal digits: what strtod takes besides (inf, nan, 0x1p3) is none. */
static void
read_target(const char *text, struct benchmark_query *query, struct api_error *err)
{
    char *end;

    query->target = strtod(text, &end);
    query->has_target = true;
    if (*end != '\0' || text[strspn(text, "0123456789+-.eE")] != '\0' || !isfinite(query->target))
        api_fault(err, "target", "must be a number");
}

static bool
read_query(const struct http_query *parsed, struct benchmark_query *query, struct api_error *err)
{
    const char *target = http_query_text(parsed, "target");

    *query = (struct benchmark_query){.metric = http_query_text(parsed, "metric"),
                                      .agent_id = http_query_text(parsed, "agent_id")};
    if (query->metric == NULL)
        query->metric = METRIC_DEFAULT;
    if (!metric_name_is_valid(query->metric))
        api_fault(err, "metric", "is no name: use 1 to 64 of A-Z a-z 0-9 . _ - /");
    if (target != NULL)
        read_target(target, query, err);
    return err->id == API_OK;
}

static bool
add_to_mean(int64_t number, double value, void *context)
{
    (void)number;
    return benchmark_mean_add(context, value);
}

/* A run's way to the target. */
struct approach {
    struct rolling mean;
    double target;
    int64_t reached; /* 0: not yet */
};

static bool
approach_target(int64_t number, double value, void *context)
{
    struct approach *approach = context;

    if (rolling_add(&approach->mean, value) >= approach->target)
        approach->reached = number;
    return approach->reached == 0;
}

/* The first episode whose rolling mean is at the target; 0 when none is. */
static bool
find_reached(struct comparison *comparison, const struct run *run, const char *metric,
             int64_t *reached)
{
    struct approach approach = {.target = comparison->query.target};

    rolling_init(&approach.mean, BENCHMARK_WINDOW);
    if (!store_episode_metric(comparison->call->store, run, metric, 1, EPISODE_NUMBER_MAX,
                              approach_target, &approach, comparison->err))
        return false;
    *reached = approach.reached;
    return true;
}

/* A run without the metric does not count. */
static bool
add_run(const struct run_held *held, const char *task, void *context)
{
    struct comparison *comparison = context;
    const char *metric = metric_stored_name(comparison->query.metric);
    struct benchmark_mean mean = {.count = 0};
    struct benchmark_run run = {.reached = 0};

    comparison->late = clock_steady_ms() > comparison->deadline_ms;
    if (comparison->late)
        return false;
    if (!store_run_has_metric(held, metric))
        return true;
    if (!store_episode_newest(comparison->call->store, &held->run, metric, add_to_mean, &mean,
                              comparison->err))
        return false;
    if (mean.count == 0)
        return true;
    if (comparison->query.has_target && !find_reached(comparison, &held->run, metric, &run.reached))
        return false;
    snprintf(run.agent_id, sizeof run.agent_id, "%s", held->run.agent_id);
    snprintf(run.algorithm, sizeof run.algorithm, "%s", held->run.algorithm);
    snprintf(run.task, sizeof run.task, "%s", task);
    run.score = benchmark_mean_of(&mean);
    benchmark_add(&comparison->benchmark, &run);
    return true;
}

static void
reply(struct comparison *comparison, bool truncated)
{
    const struct benchmark_query *query = &comparison->query;
    struct json_out json = http_reply_json(comparison->call->reply, 200);

    json_out_object(&json, NULL);
    json_out_text(&json, "metric", query->metric);
    json_out_whole(&json, "window", BENCHMARK_WINDOW);
    if (query->has_target)
        json_out_real(&json, "target", query->target);
    if (truncated)
        json_out_bool(&json, "truncated", true);
    benchmark_write(&comparison->benchmark, query->has_target, &json);
    json_out_object_end(&json);
}

/*
 * metric (= total_reward) agent_id target. Over the newest 1000 ended runs, for at most 10 s: the
 * answer says `truncated` when there are more runs than it looked at.
 */
bool
route_benchmark_show(struct call *call, struct api_error *err)
{
    struct comparison comparison = {
        .call = call, .err = err, .deadline_ms = clock_steady_ms() + TIME_MAX_MS};
    struct http_query parsed;
    bool more, good;

    if (!http_query_parse(call->req->query, &parsed, err) ||
        !read_query(&parsed, &comparison.query, err))
        return false;
    good = store_run_ended(call->store, call->account, comparison.query.agent_id,
                           metric_stored_name(comparison.query.metric), RUNS_MAX, add_run,
                           &comparison, &more, err) &&
           err->id == API_OK; /* a visitor that failed has said so */
    if (good)
        reply(&comparison, more || comparison.late);
    benchmark_clear(&comparison.benchmark);
    return good;
}
