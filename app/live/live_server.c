/*
 * live_server.c - connections on libwebsockets: the only file that knows it. A connection is a
 * wire: it has one task, and when it can be written to, the task goes on.
 * Called by main.c. Next: live_gate.c (what a request is), live_hub.c (what becomes of events).
 */
#include "live_server.h"

#include "live_gate.h"
#include "live_head.h"
#include "live_watch.h"

#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_AT_ONCE 64  /* connections, before others are served again */
#define QUEUE_EVENTS 65536 /* of the change stream that may wait */
#define ANSWER_S 30        /* a client has so long to take an answer */
#define SPARE_FDS 256      /* besides the connections: database, log, signals, … */
#define SENDS_AT_ONCE 64   /* messages, before others are served again */

_Static_assert(LIVE_MESSAGE_ROOM >= LWS_PRE, "a frame's head fits before a message");

enum task {
    TASK_NONE,
    TASK_REPLY,  /* send `reply`, then close */
    TASK_POLL,   /* send the session's next payload, then close */
    TASK_POST,   /* read a body for a session */
    TASK_STREAM, /* an event stream */
    TASK_SOCKET  /* a WebSocket */
};

struct live_wire {
    struct lws *wsi;
    struct live_server *server;
    enum task task;
    bool head_only;             /* HEAD */
    bool discards;              /* the body is not wanted */
    struct live_client *client; /* TASK_POLL, _STREAM, _SOCKET: lives as long as the wire */
    uint32_t place; /* TASK_POST: of the client, which may be gone when the body is here */
    uint64_t serial;
    struct live_reply reply;
    char request_id[65];
    char *text; /* what has come of a body or of a message; owned */
    size_t text_size;
};

struct live_server {
    const struct live_settings *settings;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws *listening;
    struct live_hub *hub;
    struct live_queue *queue;
    struct live_access *access;
    lws_sorted_usec_list_t tick;
    size_t wires, wires_max;
    int64_t stop_by_ms; /* 0: not stopping */
    bool done;
};

/* ---- wires ---- */

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

static void
close_wire(struct live_wire *wire)
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
    while (written && sends-- > 0 && !lws_send_pipe_choked(wire->wsi) &&
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

static int
serve_socket(struct live_wire *wire)
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
    while (client->outbox.count > 0 && sends-- > 0 && !lws_send_pipe_choked(wire->wsi))
        if (!write_text(wire, live_client_take(client)))
            return -1;
    if (client->outbox.count > 0)
        live_wire_wake(wire);
    return 0;
}

static int
hear_socket(struct live_wire *wire, const void *bytes, size_t size)
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

static void
read_request(struct lws *wsi, bool upgrade, struct live_request *request)
{
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
    request->key_too_big = copy_custom(wsi, "x-api-key:", request->key, sizeof request->key);
}

static struct live_server *
server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static enum live_verdict
judge(struct live_wire *wire, struct lws *wsi, bool upgrade)
{
    struct live_request request;
    enum live_verdict verdict;

    wire->wsi = wsi;
    wire->server = server_of(wsi);
    read_request(wsi, upgrade, &request);
    wire->head_only = request.method == LIVE_HEAD;
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

static int
begin_request(struct live_wire *wire, struct lws *wsi)
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
static int
begin_socket(struct live_wire *wire, struct lws *wsi)
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

static int
hear_body(struct live_wire *wire, const void *bytes, size_t size)
{
    if (wire->discards || keep_text(wire, bytes, size))
        return 0;
    wire->discards = true;
    wire->task = TASK_REPLY;
    live_reply_problem(&wire->reply, API_BODY_TOO_LARGE, wire->request_id);
    return 0;
}

/* A body is whole: for its session, or only now may the answer be sent. */
static int
end_body(struct live_wire *wire)
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

static int
serve_http(struct live_wire *wire)
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

/* ---- what other threads have for the loop ---- */

static void
drain(struct live_server *server)
{
    struct live_event *event = live_queue_take_all(server->queue), *next_event;
    struct live_ask *ask = live_access_take_all(server->access), *next_ask;

    for (; ask != NULL; ask = next_ask) {
        next_ask = ask->next;
        live_hub_hear(server->hub, ask);
    }
    for (; event != NULL; event = next_event) {
        next_event = event->next;
        live_hub_tell(server->hub, event);
    }
}

/* Called by the watcher's and the access thread: libwebsockets allows this one function. */
static void
wake_loop(void *context)
{
    struct live_server *server = context;

    lws_cancel_service(server->context);
}

/* ---- libwebsockets calls ---- */

static int
on_client(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t size)
{
    struct live_server *server = server_of(wsi);
    struct live_wire *wire = user;

    if (server->hub != NULL)
        server->hub->now_ms = clock_steady_ms();
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return begin_request(wire, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return hear_body(wire, bytes, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return end_body(wire);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return serve_http(wire);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return begin_socket(wire, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        live_wire_wake(wire);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return hear_socket(wire, bytes, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return serve_socket(wire);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (wire != NULL)
            close_wire(wire);
        return 0;
    case LWS_CALLBACK_WSI_CREATE:
        server->wires++;
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        server->wires--;
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        drain(server);
        return 0;
    default:
        return 0;
    }
}

/* The listening socket has connections for us. */
static int
on_listener(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t size)
{
    struct live_server *server = server_of(wsi);
    int fd;

    (void)user, (void)bytes, (void)size;
    if (reason != LWS_CALLBACK_RAW_RX_FILE)
        return 0;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        fd = accept4(lws_get_socket_fd(wsi), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd == -1)
            return 0;
        if (server->wires < server->wires_max) {
            lws_adopt_socket_vhost(server->vhost, fd);
        } else { /* the places for clients are taken, and those for refusals too */
            server->hub->counters.refused++;
            close(fd);
        }
    }
    return 0;
}

static void
begin_stop(struct live_server *server)
{
    if (server->stop_by_ms != 0)
        return;
    log_event(LOG_INFO, "stopping",
              LOG_WHOLE("clients", (int64_t)(server->hub->counters.open[LIVE_SOCKET] +
                                             server->hub->counters.open[LIVE_STREAM])));
    server->hub->now_ms = clock_steady_ms();
    server->stop_by_ms = server->hub->now_ms + server->settings->stop_ms;
    if (server->listening != NULL)
        lws_set_timeout(server->listening, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    live_hub_close(server->hub);
}

static int
on_signal(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t size)
{
    struct signalfd_siginfo heard;

    (void)user, (void)bytes, (void)size;
    if (reason == LWS_CALLBACK_RAW_RX_FILE &&
        read(lws_get_socket_fd(wsi), &heard, sizeof heard) == (ssize_t)sizeof heard &&
        heard.ssi_signo != SIGHUP)
        begin_stop(server_of(wsi));
    return 0;
}

static void
on_tick(lws_sorted_usec_list_t *sul)
{
    struct live_server *server = lws_container_of(sul, struct live_server, tick);

    server->hub->now_ms = clock_steady_ms();
    live_hub_tick(server->hub);
    if (server->stop_by_ms != 0 &&
        (live_hub_is_empty(server->hub) || server->hub->now_ms >= server->stop_by_ms))
        server->done = true;
    lws_sul_schedule(server->context, 0, sul, on_tick, LIVE_TICK_MS * LWS_US_PER_MS);
}

static const struct lws_protocols protocols[] = {
    {.name = "live",
     .callback = on_client,
     .per_session_data_size = sizeof(struct live_wire),
     .rx_buffer_size = 1024},
    {.name = "listener", .callback = on_listener},
    {.name = "signals", .callback = on_signal},
    {.name = NULL},
};

/* ---- beginning and end ---- */

static void
fill_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGQUIT);
    sigaddset(signals, SIGHUP);
}

void
live_server_block_signals(void)
{
    sigset_t signals;

    fill_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void
log_line(int level, const char *line)
{
    log_event(level == LLL_ERR ? LOG_ERROR : LOG_WARN, "libwebsockets", LOG_TEXT("says", line));
}

/* Let lws watch a descriptor of ours; it closes it, so it gets its own. */
static struct lws *
watch(struct live_server *server, int fd, const char *protocol)
{
    const lws_sock_file_fd_type own = {.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0)};

    if (own.filefd == -1)
        return NULL;
    return lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_RAW_FILE_DESC, own, protocol, NULL);
}

/* As many descriptors as the connections need; fewer connections when the system denies them. */
static void
raise_fd_limit(struct live_server *server)
{
    const rlim_t wanted = server->wires_max + SPARE_FDS;
    struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted && limit.rlim_max >= wanted) {
        limit.rlim_cur = wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    } else if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        server->wires_max = limit.rlim_cur > 2 * SPARE_FDS ? limit.rlim_cur - SPARE_FDS : SPARE_FDS;
        log_event(LOG_WARN, "few_descriptors",
                  LOG_WHOLE("connections", (int64_t)server->wires_max));
    }
}

static bool
open_context(struct live_server *server)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .user = server,
        .gid = -1,
        .uid = -1,
        .options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6,
        .vhost_name = "live",
        .timeout_secs = ANSWER_S,
        .max_http_header_data = 16384, /* as much as nginx passes on in one header */
        .fd_limit_per_thread = (unsigned)(server->wires_max + SPARE_FDS),
    };

    lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
    server->context = lws_create_context(&info);
    if (server->context == NULL)
        return false;
    server->vhost = lws_get_vhost_by_name(server->context, "live");
    return server->vhost != NULL;
}

static bool
watch_descriptors(struct live_server *server, const struct listener *listener)
{
    sigset_t signals;
    bool watched;
    int fd;

    fill_signals(&signals);
    fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd == -1)
        return false;
    server->listening = watch(server, listener->fd, "listener");
    watched = server->listening != NULL && watch(server, fd, "signals") != NULL;
    close(fd);
    return watched;
}

static bool
begin(struct live_server *server, const struct listener *listener)
{
    const struct store_settings store = live_settings_store(server->settings);
    const struct live_limits limits = live_settings_limits(server->settings);

    server->wires_max = 2 * limits.clients_max + ACCEPT_AT_ONCE;
    raise_fd_limit(server);
    if (!open_context(server))
        return false;
    server->queue =
        live_queue_new((size_t)server->settings->queue_max, QUEUE_EVENTS, wake_loop, server);
    server->access = live_access_start(&store, wake_loop, server);
    if (server->queue == NULL || server->access == NULL)
        return false;
    server->hub = live_hub_new(&limits, server->access);
    if (server->hub == NULL || !live_watch_start(&store, server->queue))
        return false;
    if (!watch_descriptors(server, listener)) {
        live_watch_stop();
        return false;
    }
    on_tick(&server->tick);
    return true;
}

/* The threads first: what they know of the loop goes away after them. */
static void
finish(struct live_server *server)
{
    live_access_stop(server->access);
    if (server->context != NULL)
        lws_context_destroy(server->context);
    live_hub_free(server->hub);
    live_queue_free(server->queue);
}

bool
live_server_run(const struct live_settings *settings, struct listener *listener)
{
    struct live_server *server = calloc(1, sizeof *server);
    bool began;

    if (server == NULL)
        return false;
    server->settings = settings;
    began = begin(server, listener);
    if (began) {
        log_event(LOG_INFO, "started", LOG_TEXT("version", TRAINING_VERSION),
                  LOG_TEXT("socket", listener->path == NULL ? "systemd" : listener->path));
        while (!server->done && lws_service(server->context, 0) >= 0)
            continue;
        listen_hide(listener);
        live_watch_stop();
    } else {
        log_event(LOG_ERROR, "not_started", LOG_TEXT("why", "the loop could not be set up"));
    }
    finish(server);
    free(server);
    return began;
}
