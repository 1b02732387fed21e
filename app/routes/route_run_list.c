/*
 * route_run_list.c - GET /api/v1/training/runs. Called through routes.c.
 * Next: route_list.c, store/store_run_list.c.
 */
#include "route_private.h"

#define LIMIT_MAX 100

static bool
write_run(struct run *run, void *context)
{
    struct route_listing *listing = context;

    json_out_object(&listing->json, NULL);
    run_write_names(run, route_run_stale(listing->call, run), &listing->json);
    run_write_figures(&run->summary, &listing->json);
    json_out_object_end(&listing->json);
    return route_listing_add(listing, run);
}

/* Newest start first; status strategy_label agent_id q limit offset cursor. */
bool
route_run_list(struct call *call, struct api_error *err)
{
    struct route_listing listing;

    return route_listing_start(&listing, call, LIMIT_MAX, err) &&
           route_listing_send(&listing, write_run, err);
}
