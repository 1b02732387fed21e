/*
 * live_request.c - a request's head as libwebsockets has it, copied within our own limits.
 * Called by live_wire.c. Next: live_gate.c.
 */
#include "live_wire.h"

#include <string.h>

static void
copy_header(struct lws *wsi, enum lws_token_indexes token, char *to, size_t size)
{
    if (lws_hdr_copy(wsi, to, (int)size, token) < 0)
        to[0] = '\0'; /* none, or longer than it may be */
}

/* True: it was sent, and is longer than it may be. */
static bool
copy_custom(struct lws *wsi, const char *name, char *to, size_t size)
{
    const int name_size = (int)strlen(name);

    to[0] = '\0';
    if (lws_hdr_custom_length(wsi, name, name_size) < 0)
        return false;
    if (lws_hdr_custom_copy(wsi, to, (int)size, name, name_size) >= 0)
        return false;
    to[0] = '\0';
    return true;
}

static void
copy_argument(struct lws *wsi, const char *name, char *to, size_t size)
{
    char buffer[128];
    const char *value = lws_get_urlarg_by_name(wsi, name, buffer, sizeof buffer);

    if (value != NULL && strlen(value) < size)
        memcpy(to, value, strlen(value) + 1);
}

static void
copy_path(struct lws *wsi, struct live_request *request)
{
    static const struct {
        enum lws_token_indexes token;
        enum live_method method;
    } lines[] = {
        {WSI_TOKEN_GET_URI, LIVE_GET},
        {WSI_TOKEN_POST_URI, LIVE_POST},
        {WSI_TOKEN_OPTIONS_URI, LIVE_OPTIONS},
        {WSI_TOKEN_HEAD_URI, LIVE_HEAD},
        {WSI_TOKEN_PUT_URI, LIVE_OTHER_METHOD},
        {WSI_TOKEN_PATCH_URI, LIVE_OTHER_METHOD},
        {WSI_TOKEN_DELETE_URI, LIVE_OTHER_METHOD},
    };

    request->method = LIVE_OTHER_METHOD;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (lws_hdr_total_length(wsi, lines[i].token) > 0) {
            request->method = lines[i].method;
            copy_header(wsi, lines[i].token, request->path, sizeof request->path);
        }
}

void
live_request_read(struct lws *wsi, bool upgrade, struct live_request *request)
{
    char accept[256];

    memset(request, 0, sizeof *request);
    request->upgrade = upgrade;
    copy_path(wsi, request);
    copy_argument(wsi, "EIO=", request->revision, sizeof request->revision);
    copy_argument(wsi, "transport=", request->transport, sizeof request->transport);
    copy_argument(wsi, "sid=", request->sid, sizeof request->sid);
    copy_header(wsi, WSI_TOKEN_HOST, request->host, sizeof request->host);
    copy_header(wsi, WSI_TOKEN_ORIGIN, request->origin, sizeof request->origin);
    copy_header(wsi, WSI_TOKEN_HTTP_COOKIE, request->cookie, sizeof request->cookie);
    copy_header(wsi, WSI_TOKEN_HTTP_X_REAL_IP, request->remote, sizeof request->remote);
    copy_custom(wsi, "x-forwarded-proto:", request->scheme, sizeof request->scheme);
    copy_custom(wsi, "sec-fetch-site:", request->fetch_site, sizeof request->fetch_site);
    copy_custom(wsi, "last-event-id:", request->last_event_id, sizeof request->last_event_id);
    copy_custom(wsi, "x-request-id:", request->id, sizeof request->id);
    copy_header(wsi, WSI_TOKEN_HTTP_ACCEPT, accept, sizeof accept);
    request->event_source = strstr(accept, "text/event-stream") != NULL;
    request->key_too_big = copy_custom(wsi, "x-api-key:", request->key, sizeof request->key);
}
