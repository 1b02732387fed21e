/*
 * live_server.c - the loop: libwebsockets, the listening socket, signals, the clock, and what the
 * other threads have for it. Called by main.c. Next: live_wire.c, live_hub.c.
 */
#include "live_server.h"

#include "live_watch.h"
#include "live_wire.h"

#include "base/clock.h"
#include "base/log.h"

#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_AT_ONCE 64  /* connections, before others are served again */
#define QUEUE_EVENTS 65536 /* of the change stream that may wait */
#define REQUEST_S 30       /* for a request to come, and for an answer to be taken */
#define SPARE_FDS 256      /* besides the connections: database, log, signals, … */

static struct live_server *
server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
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
        return live_wire_begin_request(wire, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return live_wire_hear_body(wire, bytes, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return live_wire_end_body(wire);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return live_wire_serve_http(wire);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return live_wire_begin_socket(wire, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        live_wire_wake(wire);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return live_wire_hear_socket(wire, bytes, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return live_wire_serve_socket(wire);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (wire != NULL)
            live_wire_close(wire);
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
on_tick(lws_sorted_usec_list_t *sul)
{
    struct live_server *server = lws_container_of(sul, struct live_server, tick);

    server->hub->now_ms = clock_steady_ms();
    live_hub_tick(server->hub);
    if (server->stop_by_ms != 0 &&
        (live_hub_is_empty(server->hub) || server->hub->now_ms >= server->stop_by_ms))
        server->done = true;
    lws_sul_schedule(server->context, 0, sul, on_tick,
                     (server->hub->closing ? LIVE_CLOSE_TICK_MS : LIVE_TICK_MS) * LWS_US_PER_MS);
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
    on_tick(&server->tick);
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
    char text[256];

    (void)level;
    snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
    log_event(LOG_ERROR, "libwebsockets", LOG_TEXT("says", text));
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

/*
 * As many descriptors as the connections need, and no more: lws has a table of all that there may
 * be. Fewer connections when the system denies them.
 */
static void
set_fd_limit(struct live_server *server)
{
    const rlim_t wanted = server->wires_max + SPARE_FDS;
    struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted) {
        server->wires_max = limit.rlim_cur > 2 * SPARE_FDS ? limit.rlim_cur - SPARE_FDS : SPARE_FDS;
        log_event(LOG_WARN, "few_descriptors",
                  LOG_WHOLE("connections", (int64_t)server->wires_max));
    }
}

/* lws pings by itself what is quiet; Engine.IO has pings of its own, and lws's timers are a list
 * that it walks for each new one. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_hangup = 0};

static bool
open_context(struct live_server *server)
{
    void *loops[] = {server->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .user = server,
        .gid = -1,
        .uid = -1,
        .options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_LIBEV,
        .foreign_loops = loops,
        .vhost_name = "live",
        .timeout_secs = REQUEST_S,
        .max_http_header_data = 16384, /* as much as nginx passes on in one header */
        .retry_and_idle_policy = &no_pings,
    };

    lws_set_log_level(LLL_ERR, log_line);
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

    server->wires_max =
        limits.clients_max + limits.clients_max / 2 + ACCEPT_AT_ONCE; /* and POSTs */
    set_fd_limit(server);
    server->loop = ev_loop_new(EVBACKEND_EPOLL);
    if (server->loop == NULL || !open_context(server))
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
    lws_cancel_service(server->context); /* lws sets its timer after an event: here is the first */
    return true;
}

/* The threads first: what they know of the loop goes away after them. */
static void
finish(struct live_server *server)
{
    live_access_stop(server->access);
    if (server->context != NULL)
        lws_context_destroy(server->context);
    if (server->loop != NULL)
        ev_loop_destroy(server->loop);
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
        while (!server->done)
            ev_run(server->loop, EVRUN_ONCE);
        listen_hide(listener);
        live_access_stop(server->access); /* it may wait for the watcher */
        server->access = NULL;
        live_watch_stop();
    } else {
        log_event(LOG_ERROR, "not_started", LOG_TEXT("why", "the loop could not be set up"));
    }
    finish(server);
    free(server);
    return began;
}
