/*
 * live_gate.c - every URL of the gateway: who may come in, and as what.
 * Called by live_server.c. Next: live_session.c, live_sse.c, live_metrics.c.
 */
#include "live_gate.h"

#include "base/ident.h"
#include "training/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

void
live_reply_problem(struct live_reply *reply, enum api_error_id error, const char *request_id)
{
    struct api_error err = {.id = API_OK};

    api_fail(&err, error, NULL);
    reply->status = err.status;
    reply->type = "application/problem+json";
    reply->body = live_message_format(
        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\",\"code\":\"%"
        "s\","
        "\"request_id\":\"%s\",\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"details\":null}}",
        api_status_phrase(err.status), err.status, err.message, err.code,
        ident_is_word(request_id, 64, "._-") ? request_id : "", err.code, err.message);
}

void
live_reply_come_again(struct live_reply *reply)
{
    reply->status = 200;
    reply->type = "text/event-stream";
    reply->body = live_message_format("retry: 1000\n\n");
}

void
live_reply_engineio(struct live_reply *reply, int status, int code, const char *message)
{
    reply->status = status;
    reply->type = "application/json";
    reply->body = live_message_format("{\"code\":%d,\"message\":\"%s\"}", code, message);
}

/* The numbers that Engine.IO servers give their refusals. */
enum engineio_refusal {
    UNKNOWN_TRANSPORT = 0,
    UNKNOWN_SID = 1,
    BAD_HANDSHAKE_METHOD = 2,
    BAD_REQUEST = 3,
    FORBIDDEN = 4,
    UNSUPPORTED_REVISION = 5
};

static enum live_verdict
refuse(struct live_hub *hub, struct live_reply *reply, int status, enum engineio_refusal code,
       const char *message)
{
    hub->counters.refused++;
    live_reply_engineio(reply, status, (int)code, message);
    return LIVE_REPLY;
}

static enum live_verdict
refuse_problem(const struct live_request *request, struct live_reply *reply,
               enum api_error_id error)
{
    live_reply_problem(reply, error, request->id);
    return LIVE_REPLY;
}

/* ---- web pages ---- */

static bool
is_listed(const char *origins, const char *origin)
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
is_own(const struct live_request *request)
{
    const size_t size = strlen(request->scheme);

    return size > 0 && strncmp(request->origin, request->scheme, size) == 0 &&
           strncmp(request->origin + size, "://", 3) == 0 &&
           strcmp(request->origin + size + 3, request->host) == 0;
}

/*
 * A session of a page from elsewhere is refused whatever its credentials: a WebSocket is not held
 * back by the browser as an answer is.
 */
static bool
is_cross_site(const struct live_hub *hub, const struct live_request *request)
{
    if (request->origin[0] == '\0')
        return strcmp(request->fetch_site, "cross-site") == 0;
    return !is_own(request) && !is_listed(hub->limits.origins, request->origin);
}

/* ---- who it is ---- */

static bool
is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* A key wins over a cookie: a program that sends one means it; browsers add cookies by themselves.
 */
static struct live_claim
claim_of(const struct live_request *request)
{
    struct live_claim claim = {.local = is_loopback(request->remote)};
    const size_t size = strlen(request->key);

    if (request->key_too_big || size >= sizeof claim.secret) {
        claim.kind = LIVE_CLAIM_WRONG;
    } else if (size > 0) {
        claim.kind = LIVE_CLAIM_KEY;
        memcpy(claim.secret, request->key, size);
    } else if (store_session_read_cookie(request->cookie, claim.secret)) {
        claim.kind = LIVE_CLAIM_SESSION;
    }
    return claim;
}

static struct live_client *
open_client(struct live_hub *hub, const struct live_request *request, enum live_client_kind kind)
{
    struct live_claim claim = claim_of(request);
    struct live_client *client = live_client_open(hub, kind, &claim);

    explicit_bzero(&claim, sizeof claim);
    return client;
}

/* ---- /socket.io/ ---- */

static enum live_verdict
begin_session(struct live_hub *hub, const struct live_request *request, struct live_client **client,
              struct live_reply *reply)
{
    const enum engineio_road road = request->upgrade ? ENGINEIO_WEBSOCKET : ENGINEIO_POLLING;
    struct live_message *hello;
    struct live_client *made;

    if (request->method != LIVE_GET)
        return refuse(hub, reply, 400, BAD_HANDSHAKE_METHOD, "Bad handshake method");
    made = open_client(hub, request, LIVE_SOCKET);
    if (made == NULL)
        return refuse_problem(request, reply, API_STORE_BUSY);
    engineio_session_begin(&made->engine, made->place, road, &hub->limits.engine, hub->now_ms);
    engineio_sid_make(made->sid, made->place); /* Socket.IO has a name of its own for a client */
    hello = live_message_new(ENGINEIO_OPEN_SIZE);
    if (hello != NULL)
        hello->size =
            engineio_open_format(&made->engine, &hub->limits.engine, live_message_text(hello));
    live_client_send_own(made, hello);
    *client = made;
    return request->upgrade ? LIVE_UPGRADE : LIVE_POLL;
}

static enum live_verdict
go_on(struct live_hub *hub, const struct live_request *request, struct live_client *client,
      struct live_reply *reply)
{
    const bool polls = client->engine.road == ENGINEIO_POLLING;

    if (request->upgrade) {
        if (!polls || client->probe != NULL)
            return refuse(hub, reply, 400, BAD_REQUEST, "Bad request");
        return LIVE_UPGRADE;
    }
    if (!polls)
        return refuse(hub, reply, 400, BAD_REQUEST, "Bad request");
    if (request->method == LIVE_POST)
        return LIVE_POST_BODY;
    if (client->poll == NULL)
        return LIVE_POLL;
    live_client_end(client, LIVE_END_PROTOCOL); /* two polls at once: their order is lost */
    return refuse(hub, reply, 400, BAD_REQUEST, "Bad request");
}

static enum live_verdict
gate_socketio(struct live_hub *hub, const struct live_request *request, struct live_client **client,
              struct live_reply *reply)
{
    const char *transport = request->upgrade ? "websocket" : "polling";
    uint32_t place;

    if (is_cross_site(hub, request))
        return refuse(hub, reply, 403, FORBIDDEN, "Another web site may not connect here");
    reply->allow = "GET, OPTIONS, POST";
    if (request->method == LIVE_OPTIONS) {
        reply->status = 204;
        reply->preflight = true;
        return LIVE_REPLY;
    }
    if (request->method != LIVE_GET && request->method != LIVE_POST)
        return refuse_problem(request, reply, API_METHOD_NOT_ALLOWED);
    reply->allow = NULL;
    if (strcmp(request->revision, ENGINEIO_REVISION) != 0)
        return refuse(hub, reply, 400, UNSUPPORTED_REVISION, "Unsupported protocol version");
    if (strcmp(request->transport, transport) != 0)
        return refuse(hub, reply, 400, UNKNOWN_TRANSPORT, "Transport unknown");
    if (request->sid[0] == '\0')
        return begin_session(hub, request, client, reply);
    *client = engineio_sid_place(request->sid, &place) ? live_client_at(hub, place, 0) : NULL;
    if (*client == NULL || (*client)->kind != LIVE_SOCKET || (*client)->end != LIVE_END_NONE ||
        strcmp((*client)->engine.sid, request->sid) != 0)
        return refuse(hub, reply, 400, UNKNOWN_SID, "Session ID unknown");
    return go_on(hub, request, *client, reply);
}

/* ---- /api/training-runs/:run_id/events ---- */

#define RUNS_PATH "/api/training-runs/"
#define EVENTS_PATH "/events"

/* The run_id within the path; false: it is another path. */
static bool
read_events_path(const char *path, char run_id[RUN_ID_MAX + 1], bool *found)
{
    const char *id = path + strlen(RUNS_PATH), *end;

    if (strncmp(path, RUNS_PATH, strlen(RUNS_PATH)) != 0)
        return false;
    end = strchr(id, '/');
    if (end == NULL || strncmp(end, EVENTS_PATH, strlen(EVENTS_PATH)) != 0)
        return false;
    if (strcmp(end + strlen(EVENTS_PATH), "") != 0 && strcmp(end + strlen(EVENTS_PATH), "/") != 0)
        return false;
    *found = end > id && end - id <= RUN_ID_MAX;
    if (*found) {
        memcpy(run_id, id, (size_t)(end - id));
        run_id[end - id] = '\0';
        *found = run_id_settle(run_id);
    }
    return true;
}

/* The last seq that a returning client was told; -1: it comes for the first time, or says nonsense.
 */
static int64_t
read_last_seq(const char *text)
{
    char *end;
    const long long seq = strtoll(text, &end, 10);

    return text[0] < '0' || text[0] > '9' || *end != '\0' || seq == INT64_MAX ? -1 : seq;
}

static enum live_verdict
gate_events(struct live_hub *hub, const struct live_request *request, const char *run_id,
            struct live_client **client, struct live_reply *reply)
{
    struct live_client *made;

    made = open_client(hub, request, LIVE_STREAM);
    if (made == NULL) {
        hub->counters.refused++;
        if (!request->event_source)
            return refuse_problem(request, reply, API_STORE_BUSY);
        live_reply_come_again(reply);
        return LIVE_REPLY;
    }
    memcpy(made->run_id, run_id, strlen(run_id) + 1);
    made->after_seq = read_last_seq(request->last_event_id);
    *client = made;
    live_stream_admit(made);
    return LIVE_EVENTS;
}

/* ---- the rest ---- */

static enum live_verdict
gate_health(struct live_reply *reply)
{
    reply->status = 200;
    reply->type = "application/json";
    reply->body = live_message_format("{\"status\":\"ok\",\"version\":\"%s\"}", TRAINING_VERSION);
    return LIVE_REPLY;
}

static enum live_verdict
gate_metrics(const struct live_hub *hub, struct live_reply *reply)
{
    reply->status = 200;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    reply->body = live_metrics(hub);
    return LIVE_REPLY;
}

/* GET and HEAD only; true: *reply has an answer already. */
static bool
needs_get(const struct live_request *request, struct live_reply *reply)
{
    if (request->method == LIVE_GET || request->method == LIVE_HEAD)
        return false;
    reply->allow = "GET, HEAD, OPTIONS";
    if (request->method == LIVE_OPTIONS) {
        reply->status = 204;
        reply->preflight = true;
    } else {
        refuse_problem(request, reply, API_METHOD_NOT_ALLOWED);
    }
    return true;
}

enum live_verdict
live_gate(struct live_hub *hub, const struct live_request *request, struct live_client **client,
          struct live_reply *reply)
{
    char run_id[RUN_ID_MAX + 1] = "";
    bool has_run = false;

    *client = NULL;
    *reply = (struct live_reply){.status = 500};
    if (is_listed(hub->limits.origins, request->origin))
        memcpy(reply->origin, request->origin, sizeof reply->origin);
    if (strcmp(request->path, "/socket.io/") == 0 || strcmp(request->path, "/socket.io") == 0)
        return gate_socketio(hub, request, client, reply);
    if (read_events_path(request->path, run_id, &has_run)) {
        if (needs_get(request, reply))
            return LIVE_REPLY;
        /* An impossible run_id is no run; but who asks is checked before that. */
        return gate_events(hub, request, has_run ? run_id : "", client, reply);
    }
    if (strcmp(request->path, "/healthz") == 0)
        return needs_get(request, reply) ? LIVE_REPLY : gate_health(reply);
    if (strcmp(request->path, "/metrics") == 0 || strcmp(request->path, "/metrics/live") == 0)
        return needs_get(request, reply) ? LIVE_REPLY : gate_metrics(hub, reply);
    return refuse_problem(request, reply, API_ROUTE_NOT_FOUND);
}
