/*
 * worker.c - serves requests, one at a time, each from its first byte to its log line.
 * Called by master.c. Next: http/http_request.c, http/http_route.c, routes/routes.c.
 */
#include "worker.h"

#include "pack.h"
#include "sweep.h"
#include "wire.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/http_cors.h"
#include "http/http_etag.h"
#include "routes/routes.h"
#include "store/store.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TRIM_ABOVE MIB       /* after a body as large as that, memory goes back to the system */
#define NO_ROOM_PAUSE_MS 100 /* when descriptors or memory ran out */

struct worker {
    const struct worker_setup *setup;
    struct route_limits limits;
    struct store *store;
    struct sweep sweep; /* what it does while nobody waits */
    struct pack pack;
    FCGX_Request fcgi;
    int signal_fd;    /* readable when the master wants something */
    int events_fd;    /* epoll: signal_fd and the listening socket */
    int asked;        /* WORKER_LEAVE, WORKER_DRAIN or 0 */
    int64_t drain_ms; /* steady clock: when draining ends */
    bool last_call;   /* asked to leave, and has looked once more for who waits */
};

/* Head of the request, and what the reply has to know of it before its first byte. */
static bool
read_head(FCGX_Request *fcgi, struct http_request *req, struct call *call, struct api_error *err)
{
    const bool good = http_request_read_head(fcgi, call->now_ms, req, err);

    memcpy(call->reply->request_id, req->id, sizeof req->id);
    call->reply->head_only = req->head;
    http_cors_announce(call);
    return good;
}

/* nginx answers 502 to a reply that comes before it has sent the body: so all of it is read. */
static bool
read_body(FCGX_Request *fcgi, const struct route *route, struct http_request *req,
          const struct route_limits *limits, struct api_error *err)
{
    const size_t max = route->size == ROUTE_BATCH ? limits->batch_body_max : limits->body_max;
    const bool good = http_request_read_body(fcgi, route->body, max, req, err);

    http_request_drain(fcgi);
    return good;
}

/* The one line a request; neither the key nor the query, which may hold what is nobody's business.
 */
static void
log_request(const struct call *call, const struct route *route, const struct api_error *err,
            int64_t started_us, bool whole)
{
    log_event(LOG_INFO, "request", LOG_TEXT("request_id", call->req->id),
              LOG_TEXT("method", call->req->method_name), LOG_TEXT("path", call->req->path),
              LOG_TEXT("route", route == NULL ? NULL : route->pattern),
              LOG_WHOLE("status", call->reply->status),
              LOG_REAL("ms", (double)(clock_steady_us() - started_us) / 1000.0),
              LOG_WHOLE("bytes", (int64_t)call->reply->bytes_sent),
              LOG_TEXT("account", call->account[0] == '\0' ? NULL : call->account),
              LOG_TEXT("code", err->id == API_OK ? NULL : err->code),
              LOG_TEXT("reply", whole ? NULL : "cut"));
}

/* For GET /metrics. A request that found no row is counted as the row after the last. */
static void
count_request(struct meter_seat *seat, const struct call *call, const struct route *route,
              int64_t started_us, bool whole)
{
    const struct meter_request request = {
        .route = route == NULL ? routes_count : (size_t)(route - routes),
        .status = call->reply->status,
        .us = clock_steady_us() - started_us,
        .bytes_in = call->req->content_length,
        .bytes_out = call->reply->bytes_sent,
        .cut = !whole,
    };

    meter_request(seat, &request);
}

/* The life of a request, top to bottom. False: the client did not get a whole answer. */
static bool
worker_serve(struct worker *worker)
{
    const int64_t started_us = clock_steady_us();
    const struct worker_setup *setup = worker->setup;
    FCGX_Request *fcgi = &worker->fcgi;
    struct http_request req = {0};
    struct http_reply reply;
    struct api_error err = {0};
    struct wire wire = wire_to(fcgi);
    struct call call = {.req = &req,
                        .reply = &reply,
                        .store = worker->store,
                        .limits = &worker->limits,
                        .meter = setup->meter,
                        .rates = setup->rates,
                        .now_ms = clock_now_ms()};
    const struct route *route = NULL;
    char allow[64] = "";
    bool whole, trim;

    http_reply_init(&reply, &wire.http);
    if (!read_head(fcgi, &req, &call, &err) ||
        (route = http_route_find(routes, routes_count, &req, allow, sizeof allow, &err)) == NULL ||
        !route_authenticate(&call, route, &err) ||
        !read_body(fcgi, route, &req, &worker->limits, &err) ||
        !route_authorise(&call, route, &err) || !route->handler(&call, &err)) {
        http_request_drain(fcgi);
        http_route_refuse(&call, allow, &err);
    }
    http_etag_settle(&call);
    whole = http_reply_finish(&reply);
    log_request(&call, route, &err, started_us, whole);
    count_request(setup->seat, &call, route, started_us, whole);
    http_reply_clear(&reply);
    trim = req.body_size > TRIM_ABOVE;
    http_request_clear(&req);
    if (trim)
        malloc_trim(0);
    return whole;
}

/* A peer that sends or takes nothing for so long is given up. */
static bool
set_stall_limit(int fd, int64_t stall_ms)
{
    const struct timeval limit = {.tv_sec = stall_ms / 1000, .tv_usec = stall_ms % 1000 * 1000};

    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0;
}

/*
 * Hand an accepted connection to libfcgi as if it were a kept one, so that libfcgi never accepts
 * by itself: it would restart on signals and knows no time-out (findings, 5).
 */
static void
worker_take(struct worker *worker, int fd)
{
    FCGX_Request *fcgi = &worker->fcgi;

    if (!set_stall_limit(fd, worker->setup->settings->stall_ms))
        log_event(LOG_WARN, "stall_limit_not_set", LOG_TEXT("why", strerror(errno)));
    fcgi->ipcFd = fd;
    fcgi->keepConnection = 1;
    fcgi->listen_sock =
        -1; /* when the peer is gone, the next accept inside libfcgi fails at once */
    if (FCGX_Accept_r(fcgi) != 0) {
        log_event(LOG_DEBUG, "request_not_read");
        return;
    }
    fcgi->keepConnection = 0;
    meter_busy(worker->setup->seat, true);
    if (worker_serve(worker)) {
        /*
         * Detached, libfcgi closes at once; else it shuts the socket down and waits for nginx to
         * close first, 20 us of CPU and a sleep. The request has been read to its end, so that a
         * close loses nothing of the answer.
         */
        FCGX_Detach(fcgi);
        FCGX_Finish_r(fcgi);
        FCGX_Attach(fcgi);
    } else {
        wire_cut(fcgi);
    }
    meter_busy(worker->setup->seat, false);
}

/* Did the master ask for something? Signals stay blocked, so no request is ever interrupted. */
static void
worker_hear(struct worker *worker)
{
    struct signalfd_siginfo heard;

    while (read(worker->signal_fd, &heard, sizeof heard) == (ssize_t)sizeof heard) {
        if (worker->asked == 0 && heard.ssi_signo == (uint32_t)WORKER_DRAIN)
            worker->drain_ms = clock_steady_ms() + worker->setup->settings->stop_ms / 2;
        if (worker->asked != WORKER_LEAVE)
            worker->asked = (int)heard.ssi_signo;
    }
    if (worker->asked == WORKER_DRAIN && clock_steady_ms() >= worker->drain_ms)
        worker->asked = WORKER_LEAVE;
}

/* Sleep until there is a connection or a signal, or something to do meanwhile. */
static bool
worker_idle(struct worker *worker)
{
    const int sweep_ms = sweep_wait_ms(&worker->sweep), pack_ms = pack_wait_ms(&worker->pack);
    struct epoll_event event;
    int woken = epoll_wait(worker->events_fd, &event, 1, sweep_ms < pack_ms ? sweep_ms : pack_ms);

    if (woken == 0) {
        sweep_run(&worker->sweep);
        pack_run(&worker->pack);
    }
    return woken != -1 || errno == EINTR;
}

/* After a failed accept: true when it is worth another try. */
static bool
worker_wait(struct worker *worker, int why)
{
    if (why == EINTR || why == ECONNABORTED || why == EPROTO)
        return true;
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
        log_event(LOG_ERROR, "no_room_to_accept", LOG_TEXT("why", strerror(why)));
        usleep(NO_ROOM_PAUSE_MS * 1000);
        return true;
    }
    if (why != EAGAIN) {
        log_event(LOG_ERROR, "accept_failed", LOG_TEXT("why", strerror(why)));
        return false;
    }
    return worker_idle(worker);
}

/*
 * The next connection, or -1 when it is time to leave; *exit_code then says why. Who is asked to
 * leave looks once more: with EPOLLEXCLUSIVE a connection wakes one worker, and if that one left
 * without it, it would wait until another connection wakes somebody else.
 */
static int
worker_accept(struct worker *worker, int *exit_code)
{
    for (;;) {
        int fd;

        worker_hear(worker);
        if (worker->asked == WORKER_LEAVE && worker->last_call)
            return -1;
        worker->last_call = worker->asked == WORKER_LEAVE;
        fd = accept4(worker->setup->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd != -1)
            return fd;
        if (errno == EAGAIN && worker->asked != 0)
            return -1; /* nobody waits any more */
        if (!worker_wait(worker, errno)) {
            *exit_code = WORKER_EXIT_FAILED;
            return -1;
        }
    }
}

static bool
watch(int events_fd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(events_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * Only the master's two requests are heard; the others would come from a terminal, which sends
 * them to the whole process group, and are the master's business.
 */
static bool
worker_open_signals(struct worker *worker)
{
    sigset_t heard;

    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* a write to a peer that is gone fails with EPIPE instead */
    sigemptyset(&heard);
    sigaddset(&heard, WORKER_LEAVE);
    sigaddset(&heard, WORKER_DRAIN);
    worker->signal_fd = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
    worker->events_fd = epoll_create1(EPOLL_CLOEXEC);
    /* EPOLLEXCLUSIVE: a new connection wakes one idle worker, not all of them. */
    return worker->signal_fd != -1 && worker->events_fd != -1 &&
           watch(worker->events_fd, worker->signal_fd, EPOLLIN) &&
           watch(worker->events_fd, worker->setup->listen_fd, EPOLLIN | EPOLLEXCLUSIVE);
}

/* The kernel tells us when the master dies; it may have died before we asked for that. */
static bool
worker_follow_master(pid_t master)
{
    return prctl(PR_SET_PDEATHSIG, WORKER_LEAVE) == 0 && getppid() == master;
}

static int
worker_loop(struct worker *worker)
{
    const union sigval nothing = {0};
    int exit_code = WORKER_EXIT_OK, fd;

    if (FCGX_Init() != 0 || FCGX_InitRequest(&worker->fcgi, -1, 0) != 0 ||
        !worker_open_signals(worker) || sigqueue(worker->setup->master, WORKER_READY, nothing) != 0)
        return WORKER_EXIT_FAILED;
    for (int64_t served = 0; served < worker->setup->settings->worker_requests; served++) {
        fd = worker_accept(worker, &exit_code);
        if (fd == -1)
            break;
        worker_take(worker, fd);
    }
    return exit_code;
}

/*
 * What a batch frees, thousands of parsed values, is merged as it is freed. glibc puts small pieces
 * aside otherwise and merges all of them whenever a large one is asked for: a quarter of a worker's
 * CPU, measured with batches of 1000.
 */
static void
merge_at_once(void)
{
    mallopt(M_MXFAST, 0);
}

int
worker_run(const struct worker_setup *setup)
{
    struct store_settings store_settings = api_settings_store(setup->settings);
    struct worker worker = {.setup = setup, .limits = api_settings_limits(setup->settings)};
    int exit_code;

    if (!worker_follow_master(setup->master))
        return WORKER_EXIT_OK;
    merge_at_once();
    store_global_init();
    store_settings.seat = setup->seat;
    worker.store = store_open(&store_settings, setup->lanes);
    if (worker.store != NULL)
        store_recover(worker.store);
    sweep_init(&worker.sweep, worker.store, setup->lanes, setup->settings->sweep_s * 1000);
    worker.pack = (struct pack){.store = worker.store, .lanes = setup->lanes};
    exit_code = worker.store == NULL ? WORKER_EXIT_BAD_SETTINGS : worker_loop(&worker);
    store_close(worker.store);
    store_global_clear();
    return exit_code;
}
