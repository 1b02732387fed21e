/*
 * route_training_run_delete.c - DELETE /api/training-runs/{run_id}, and POST …/restore.
 * Called through routes.c. Next: store/store_delete.c.
 */
#include "route_private.h"

/* 204: gone from every read, restorable for 30 days. Again: 404. */
bool
route_training_run_delete(struct call *call, struct api_error *err)
{
    const struct store_author by = route_author(call);
    char id[RUN_ID_MAX + 1];

    if (!route_run_id(call, id, err) ||
        !store_run_delete(call->store, &by, id, call->limits->retention_ms, err))
        return false;
    http_reply_empty(call->reply, 204);
    return true;
}

/* 200 RunDocument without episodes, as every write answers; of a run that is there: the same. */
bool
route_training_run_restore(struct call *call, struct api_error *err)
{
    const struct store_author by = route_author(call);
    struct run_held held = {.holder = NULL};
    char id[RUN_ID_MAX + 1];
    bool good;

    if (!route_run_id(call, id, err) || !store_run_restore(call->store, &by, id, &held, err))
        return false;
    good = route_reply_document(call, 200, &held.run, 0, err);
    store_run_release(&held);
    return good;
}
