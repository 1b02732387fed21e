/* route_metrics.h - the "metrics" member of a RunDocument, made in one pass; for app/routes alone.
 */
#ifndef ROUTE_METRICS_H
#define ROUTE_METRICS_H

#include "route_private.h"

/* What the pass found, besides what it wrote. */
struct route_metrics {
    struct run_summary summary; /* of all the run's episodes; only when the run was not cut short */
    int64_t episodes;           /* written */
    bool cut_short;             /* the run has more than `most` episodes */
};

/* Does the query ask for them? metrics=full (the default) or none. Error: FIELD_INVALID. */
bool route_with_metrics(const struct http_query *parsed, bool *with, struct api_error *err);

/*
 * Write "metrics": {"episodes": […], "rolling_win_rate": […]} of a run with at most `most`
 * episodes. Streamed: memory does not grow with the run. Errors: STORE_UNAVAILABLE, INTERNAL.
 */
bool route_metrics_write(struct call *call, const struct run *run, int64_t most,
                         struct json_out *json, struct route_metrics *metrics,
                         struct api_error *err);

#endif
