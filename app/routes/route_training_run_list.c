/*
 * route_training_run_list.c - GET /api/training-runs. Called through routes.c.
 * Next: route_list.c, route_metrics.c.
 */
#include "route_metrics.h"

#include <string.h>

#define LIMIT_MAX 500
#define EPISODES_MAX 50000 /* in one response, filled from the newest run on */

/* The listing comes first, so that a visitor of runs can be given either. */
struct document_listing {
    struct route_listing listing;
    bool with_metrics;
    int64_t episodes_left;
    struct api_error *err;
};

static bool
write_metrics(struct document_listing *documents, const struct run *run)
{
    struct json_out *json = &documents->listing.json;
    struct route_metrics metrics;

    if (!route_metrics_write(documents->listing.call, run, documents->episodes_left, json, &metrics,
                             documents->err))
        return false;
    documents->episodes_left -= metrics.episodes;
    if (metrics.cut_short)
        json_out_bool(json, "metrics_truncated", true);
    return true;
}

static bool
write_run(struct run *run, void *context)
{
    struct document_listing *documents = context;
    struct json_out *json = &documents->listing.json;

    json_out_object(json, NULL);
    run_write_document(run, route_run_stale(documents->listing.call, run), json);
    if (documents->with_metrics && !write_metrics(documents, run))
        return false;
    run_write_summary(&run->summary, json);
    json_out_object_end(json);
    return route_listing_add(&documents->listing, run);
}

static bool
read_metrics(struct document_listing *documents, struct api_error *err)
{
    if (route_with_metrics(&documents->listing.parsed, &documents->with_metrics, err))
        return true;
    spool_clear(&documents->listing.text);
    return false;
}

/* In the order of sort; agent_id status strategy_label q tag since until limit offset cursor
 * metrics. */
bool
route_training_run_list(struct call *call, struct api_error *err)
{
    struct document_listing documents = {.episodes_left = EPISODES_MAX, .err = err};

    return route_listing_start(&documents.listing, call, LIMIT_MAX, err) &&
           read_metrics(&documents, err) && route_listing_send(&documents.listing, write_run, err);
}
