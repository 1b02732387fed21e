/*
 * live_wire.c - a connection and its task: when it can be written to, the task goes on.
 * Called by live_server.c. Next: live_request.c, live_gate.c (what a request is), live_session.c.
 */
#include "live_wire.h"

#include "live_head.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_S 30      /* a client has so long to take an answer */
#define SENDS_AT_ONCE 64 /* messages, before others are served again */

_Static_assert(LIVE_MESSAGE_ROOM >= LWS_PRE, "a frame's head fits before a message");

void
live_wire_wake(struct live_wire *wire)
{
    lws_callback_on_writable(wire->wsi);
}

void
live_wire_cut(struct live_wire *wire)
{
    lws_set_timeout(wire->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void
leave_client(struct live_wire *wire)
{
    if (wire->client != NULL)
        live_client_lose(wire->client, wire);
    wire->client = NULL;
}

void
live_wire_close(struct live_wire *wire)
{
    if (wire->wsi == NULL)
        return;
    leave_client(wire);
    live_message_drop(wire->reply.body);
    wire->reply.body = NULL;
    free(wire->text);
    wire->text = NULL;
    wire->wsi = NULL;
}

/* Append to the wire's text, which stays at most message_max long and ends with a NUL. */
static bool
keep_text(struct live_wire *wire, const void *bytes, size_t size)
{
    const size_t room = (size_t)wire->server->settings->message_max - wire->text_size;
    char *text;

    if (size > room)
        return false;
    text = realloc(wire->text, wire->text_size + size + 1);
    if (text == NULL)
        return false;
    wire->text = text;
    if (size > 0)
        memcpy(text + wire->text_size, bytes, size);
    wire->text_size += size;
    text[wire->text_size] = '\0';
    return true;
}

static void
forget_text(struct live_wire *wire)
{
    free(wire->text);
    wire->text = NULL;
    wire->text_size = 0;
}

/* ---- answers over HTTP ---- */

/* lws keeps what the socket does not take at once, and sends it before it closes. */
static bool
write_bytes(struct live_wire *wire, unsigned char *bytes, size_t size, enum lws_write_protocol how)
{
    return size == 0 || lws_write(wire->wsi, bytes, size, how) >= (int)size;
}

static bool
write_head(struct live_wire *wire, int64_t length)
{
    unsigned char head[LWS_PRE + LIVE_HEAD_MAX];
    const size_t size = live_head_format(&wire->reply, length, (char *)head + LWS_PRE);

    return write_bytes(wire, head + LWS_PRE, size, LWS_WRITE_HTTP_HEADERS);
}

/* Always -1: the connection closes after an answer. */
static int
send_reply(struct live_wire *wire)
{
    struct live_message *body = wire->reply.body;
    const size_t size = body == NULL ? 0 : body->size;

    lws_set_timeout(wire->wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_S);
    if (write_head(wire, (int64_t)size) && !wire->head_only && body != NULL)
        write_bytes(wire, (unsigned char *)live_message_text(body), size, LWS_WRITE_HTTP_FINAL);
    return -1;
}

static int
serve_poll(struct live_wire *wire)
{
    struct live_client *client = wire->client;
    const bool interrupted = client->end == LIVE_END_SHUTDOWN || client->end == LIVE_END_SLOW;

    if (interrupted) { /* a close packet would keep clients from coming back by themselves */
        live_reply_problem(&wire->reply, API_STORE_BUSY, wire->request_id);
    } else {
        wire->reply.body = live_session_poll(client);
        if (wire->reply.body == NULL)
            return 0; /* woken for nothing */
        wire->reply.status = 200;
        wire->reply.type = "text/plain; charset=UTF-8";
    }
    leave_client(wire);
    return send_reply(wire);
}

/* ---- event streams ---- */

static int
begin_stream(struct live_wire *wire)
{
    struct live_client *client = wire->client;

    if (client->stage == LIVE_REFUSED) {
        if (client->refusal == API_STORE_UNAVAILABLE && wire->event_source)
            live_reply_come_again(&wire->reply);
        else
            live_reply_problem(&wire->reply, client->refusal, wire->request_id);
        leave_client(wire);
        return send_reply(wire);
    }
    client->head_sent = true;
    wire->reply.status = 200;
    wire->reply.type = "text/event-stream";
    lws_set_timeout(wire->wsi, NO_PENDING_TIMEOUT, 0);
    live_client_send_own(client, live_message_format(":\n\n")); /* clients see that it is open */
    if (!write_head(wire, -1) || wire->head_only)
        return -1;
    live_wire_wake(wire);
    return 0;
}

static int
serve_stream(struct live_wire *wire)
{
    struct live_client *client = wire->client;
    struct live_message *message;
    int sends = SENDS_AT_ONCE;
    bool written = true;

    if (client->end != LIVE_END_NONE)
        return -1;
    if (!client->head_sent)
        return client->stage == LIVE_OPEN || client->stage == LIVE_REFUSED ? begin_stream(wire) : 0;
    while (written && sends-- > 0 && !lws_partial_buffered(wire->wsi) &&
           (message = live_client_take(client)) != NULL) {
        written = write_bytes(wire, (unsigned char *)live_message_text(message), message->size,
                              LWS_WRITE_HTTP);
        live_message_drop(message);
    }
    if (client->outbox.count > 0)
        live_wire_wake(wire);
    return written ? 0 : -1;
}

/* ---- WebSockets ---- */

/* RFC 6455, section 7.4.1; 1013 of the IANA's registry: try again later. */
static int
close_socket(struct live_wire *wire, enum live_end end)
{
    static const struct {
        enum lws_close_status status;
        const char *reason;
    } closes[LIVE_END_COUNT] = {
        [LIVE_END_SLOW] = {(enum lws_close_status)1013, "too slow"},
        [LIVE_END_KEY] = {LWS_CLOSE_STATUS_POLICY_VIOLATION, "the API key is not valid any more"},
        [LIVE_END_PROTOCOL] = {LWS_CLOSE_STATUS_PROTOCOL_ERR, "protocol error"},
        [LIVE_END_SHUTDOWN] = {LWS_CLOSE_STATUS_GOINGAWAY, "the server is stopping"},
    };
    char reason[64];

    if (closes[end].reason == NULL) {
        lws_close_reason(wire->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    } else {
        strcpy(reason, closes[end].reason);
        lws_close_reason(wire->wsi, closes[end].status, (unsigned char *)reason, strlen(reason));
    }
    return -1;
}

static bool
write_text(struct live_wire *wire, struct live_message *message)
{
    const bool written =
        message != NULL && write_bytes(wire, (unsigned char *)live_message_text(message),
                                       message->size, LWS_WRITE_TEXT);

    live_message_drop(message);
    return written;
}

static int
end_socket(struct live_wire *wire)
{
    struct live_client *client = wire->client;
    struct live_message *farewell = client->farewell;

    if (farewell == NULL || client->wire != wire)
        return close_socket(wire, client->end);
    client->farewell = NULL;
    if (!write_text(wire, farewell))
        return -1;
    live_wire_wake(wire);
    return 0;
}

int
live_wire_serve_socket(struct live_wire *wire)
{
    struct live_client *client = wire->client;
    int sends = SENDS_AT_ONCE;

    if (client == NULL)
        return -1;
    if (client->end != LIVE_END_NONE)
        return end_socket(wire);
    if (client->probe == wire) {
        if (!client->probe_due)
            return 0;
        client->probe_due = false;
        return write_text(wire, live_message_format("3probe")) ? 0 : -1;
    }
    if (client->poll != NULL)
        return 0; /* nothing overtakes what a poll may still carry */
    while (client->outbox.count > 0 && sends-- > 0 && !lws_partial_buffered(wire->wsi))
        if (!write_text(wire, live_client_take(client)))
            return -1;
    if (client->outbox.count > 0)
        live_wire_wake(wire);
    return 0;
}

int
live_wire_hear_socket(struct live_wire *wire, const void *bytes, size_t size)
{
    struct live_client *client = wire->client;

    if (client == NULL || client->end != LIVE_END_NONE)
        return 0;
    if (lws_frame_is_binary(wire->wsi)) {
        live_client_end(client, LIVE_END_PROTOCOL);
        return 0;
    }
    if (!keep_text(wire, bytes, size)) {
        lws_close_reason(wire->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
        return -1;
    }
    if (!lws_is_final_fragment(wire->wsi) || lws_remaining_packet_payload(wire->wsi) > 0)
        return 0;
    live_session_take(client, ENGINEIO_WEBSOCKET, wire->text, wire->text_size);
    forget_text(wire);
    return 0;
}

/* ---- requests ---- */

static enum live_verdict
judge(struct live_wire *wire, struct lws *wsi, bool upgrade)
{
    struct live_request request;
    enum live_verdict verdict;

    wire->wsi = wsi;
    wire->server = lws_context_user(lws_get_context(wsi));
    live_request_read(wsi, upgrade, &request);
    wire->head_only = request.method == LIVE_HEAD;
    wire->event_source = request.event_source;
    memcpy(wire->request_id, request.id, sizeof wire->request_id);
    verdict = live_gate(wire->server->hub, &request, &wire->client, &wire->reply);
    explicit_bzero(&request, sizeof request);
    return verdict;
}

/* Answer now, or once the body has come: nginx takes an early answer for a broken one. */
static int
answer_soon(struct live_wire *wire)
{
    wire->task = TASK_REPLY;
    if (lws_hdr_total_length(wire->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 1 ||
        wire->server->wires > wire->server->wires_max)
        wire->discards = true;
    else
        live_wire_wake(wire);
    return 0;
}

int
live_wire_begin_request(struct live_wire *wire, struct lws *wsi)
{
    switch (judge(wire, wsi, false)) {
    case LIVE_POST_BODY:
        wire->task = TASK_POST;
        wire->place = wire->client->place;
        wire->serial = wire->client->serial;
        wire->client = NULL;
        if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
            return 0;
        live_reply_engineio(&wire->reply, 400, 3, "Bad request");
        return answer_soon(wire);
    case LIVE_POLL:
        wire->task = TASK_POLL;
        wire->client->poll = wire;
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        live_client_wake(wire->client);
        return 0;
    case LIVE_EVENTS:
        wire->task = TASK_STREAM;
        wire->client->wire = wire;
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        live_client_wake(wire->client);
        return 0;
    case LIVE_UPGRADE: /* only asked for with `upgrade` */
    case LIVE_REPLY:
        break;
    }
    return answer_soon(wire);
}

/* A WebSocket is asked for: 0 lets it come to be. */
int
live_wire_begin_socket(struct live_wire *wire, struct lws *wsi)
{
    struct live_client *client;

    if (judge(wire, wsi, true) != LIVE_UPGRADE) {
        send_reply(wire);
        return -1;
    }
    client = wire->client;
    wire->task = TASK_SOCKET;
    if (client->engine.road == ENGINEIO_WEBSOCKET) {
        client->wire = wire;
    } else {
        client->probe = wire;
        client->probe_by_ms = wire->server->hub->now_ms + ENGINEIO_UPGRADE_MS;
    }
    return 0;
}

int
live_wire_hear_body(struct live_wire *wire, const void *bytes, size_t size)
{
    if (wire->discards || keep_text(wire, bytes, size))
        return 0;
    wire->discards = true;
    wire->task = TASK_REPLY;
    live_reply_problem(&wire->reply, API_BODY_TOO_LARGE, wire->request_id);
    return 0;
}

/* A body is whole: for its session, or only now may the answer be sent. */
int
live_wire_end_body(struct live_wire *wire)
{
    if (wire->task == TASK_POST) {
        struct live_client *client = live_client_at(wire->server->hub, wire->place, wire->serial);

        if (client != NULL && client->end == LIVE_END_NONE)
            live_session_take(client, ENGINEIO_POLLING, wire->text == NULL ? "" : wire->text,
                              wire->text_size);
        if (client == NULL || client->end == LIVE_END_PROTOCOL) {
            live_reply_engineio(&wire->reply, 400, 3, "Bad request");
        } else {
            wire->reply.status = 200;
            wire->reply.type = "text/html";
            wire->reply.body = live_message_format("ok");
        }
        wire->task = TASK_REPLY;
    }
    live_wire_wake(wire);
    return 0;
}

int
live_wire_serve_http(struct live_wire *wire)
{
    switch (wire->task) {
    case TASK_REPLY:
        return send_reply(wire);
    case TASK_POLL:
        return serve_poll(wire);
    case TASK_STREAM:
        return serve_stream(wire);
    case TASK_NONE:
    case TASK_POST:
    case TASK_SOCKET:
        break;
    }
    return 0;
}
