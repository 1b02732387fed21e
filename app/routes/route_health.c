/* route_health.c - is it alive, is it ready? Called through routes.c. Next: store/store.c. */
#include "route_private.h"

static bool
reply_status(struct call *call, const char *status)
{
    struct json_out json = http_reply_json(call->reply, 200);

    http_reply_no_store(call->reply);
    json_out_object(&json, NULL);
    json_out_text(&json, "status", status);
    json_out_text(&json, "version", TRAINING_VERSION);
    json_out_object_end(&json);
    return true;
}

/* GET /healthz: this process answers. */
bool
route_health_live(struct call *call, struct api_error *err)
{
    (void)err;
    return reply_status(call, "ok");
}

/* GET /readyz: and the database does. 503 otherwise. */
bool
route_health_ready(struct call *call, struct api_error *err)
{
    return store_ping(call->store, err) && reply_status(call, "ok");
}
