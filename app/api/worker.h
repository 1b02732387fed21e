/* worker.h - one process that serves requests, one at a time. */
#ifndef API_WORKER_H
#define API_WORKER_H

#include "api_settings.h"

#include "base/meter.h"

#include <fcgiapp.h>
#include <signal.h>
#include <sys/types.h>

/* Signals between master and workers. */
#define WORKER_READY SIGRTMIN /* worker to master: about to accept its first request */
#define WORKER_LEAVE SIGUSR1  /* master to worker: go after this request, others take over */
#define WORKER_DRAIN SIGTERM  /* master to worker: serve what waits at the socket, then go */

enum worker_exit {
    WORKER_EXIT_OK = 0,           /* asked to leave, or served its number of requests */
    WORKER_EXIT_FAILED = 1,       /* cannot go on; another one might */
    WORKER_EXIT_BAD_SETTINGS = 2, /* another one would fail as well: do not start it */
};

/* What a worker needs; copied by the fork. */
struct worker_setup {
    const struct api_settings *settings;
    struct store_lanes *lanes; /* shared by all workers */
    struct meter *meter;       /* the same; NULL: nothing is counted */
    struct meter_seat *seat;   /* of this worker; the same */
    struct rates *rates;       /* the same; NULL: nobody counts */
    int listen_fd;             /* non-blocking */
    pid_t master;
};

/*
 * Serve until asked to leave, until the master is gone or for settings->worker_requests requests.
 * Call it right after the fork, with all signals blocked. Returns an enum worker_exit.
 */
int worker_run(const struct worker_setup *setup);

#endif
