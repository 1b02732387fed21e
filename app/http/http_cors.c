/* http_cors.c - CORS and OPTIONS. Called by http_route.c, api/worker.c. Next: http_reply.c. */
#include "http/http_cors.h"

#include <string.h>

#define SENT_HEADERS                                                                          \
    "Accept, Cache-Control, Content-Encoding, Content-Type, Idempotency-Key, If-None-Match, " \
    "Last-Event-ID, X-API-Key, X-Request-Id"
#define READ_HEADERS                                                                           \
    "Allow, Content-Disposition, ETag, Link, Location, RateLimit-Limit, RateLimit-Remaining, " \
    "RateLimit-Reset, Retry-After, X-Request-Id, X-Total-Count"
#define PREFLIGHT_LIFE_S "600"

bool
http_cors_is_listed(const char *origins, const char *origin)
{
    const size_t size = strlen(origin);

    while (*origins != '\0') {
        const size_t item = strcspn(origins, ", ");

        if (item == size && size > 0 && strncmp(origins, origin, size) == 0)
            return true;
        origins += item;
        origins += strspn(origins, ", ");
    }
    return false;
}

static bool
is_listed(const struct call *call)
{
    return call->req->origin != NULL &&
           http_cors_is_listed(call->limits->origins, call->req->origin);
}

void
http_cors_announce(struct call *call)
{
    struct http_reply *reply = call->reply;

    if (call->limits->origins[0] == '\0')
        return;
    http_reply_header(reply, "Vary", "Origin"); /* whatever the origin: a cache must know */
    if (is_listed(call)) {
        http_reply_header(reply, "Access-Control-Allow-Origin", call->req->origin);
        http_reply_header(reply, "Access-Control-Allow-Credentials", "true");
        http_reply_header(reply, "Access-Control-Expose-Headers", READ_HEADERS);
    }
    http_reply_keep_headers(reply);
}

void
http_cors_options(struct call *call, const char *allow)
{
    http_reply_empty(call->reply, 204);
    http_reply_header(call->reply, "Allow", allow);
    if (!is_listed(call))
        return;
    http_reply_header(call->reply, "Access-Control-Allow-Methods", allow);
    http_reply_header(call->reply, "Access-Control-Allow-Headers", SENT_HEADERS);
    http_reply_header(call->reply, "Access-Control-Max-Age", PREFLIGHT_LIFE_S);
}
