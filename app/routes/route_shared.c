/*
 * route_shared.c - what both route families do with a run. Called by the other handlers.
 * Next: training/run.c, store/store_run.c.
 */
#include "route_private.h"

#include <string.h>

bool
route_run_id(const struct call *call, char id[RUN_ID_MAX + 1], struct api_error *err)
{
    const char *given = call->req->params[0];

    if (strlen(given) <= RUN_ID_MAX) {
        memcpy(id, given, strlen(given) + 1);
        if (run_id_settle(id))
            return true;
    }
    return api_fail(err, API_RUN_NOT_FOUND, NULL);
}

bool
route_run_find(const struct call *call, struct run_held *held, struct api_error *err)
{
    char id[RUN_ID_MAX + 1];

    return route_run_id(call, id, err) && store_run_find(call->store, call->account, id, held, err);
}

struct store_author
route_author(const struct call *call)
{
    return (struct store_author){.account = call->account,
                                 .actor = call->actor,
                                 .request_id = call->req->id,
                                 .now_ms = call->now_ms};
}

bool
route_run_open(const struct call *call, bool id_needed, struct run_held *held,
               struct api_error *err)
{
    const struct store_author by = route_author(call);
    struct run_request request;
    bool inserted;

    if (!run_request_from_json(call->req->json, call->limits->config_max, &request, err))
        return false;
    if (request.id[0] == '\0' && id_needed)
        return api_fault(err, "run_id", "is required");
    if (request.id[0] == '\0')
        ident_new_uuid(request.id);
    if (!store_run_insert(call->store, &by, &request, held, &inserted, err))
        return false;
    if (inserted || run_matches(&held->run, &request, err))
        return true;
    store_run_release(held);
    return false;
}

bool
route_run_stale(const struct call *call, const struct run *run)
{
    return run_is_stale(run, call->now_ms, call->limits->stale_after_ms);
}

bool
route_reply_run(struct call *call, int status, const struct run *run)
{
    struct json_out json = http_reply_json(call->reply, status);

    json_out_object(&json, NULL);
    run_write_names(run, route_run_stale(call, run), &json);
    run_write_figures(&run->summary, &json);
    json_out_object_end(&json);
    return true;
}
