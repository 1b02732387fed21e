/*
 * master.c - keeps the workers running: starts, replaces, restarts and stops them.
 * Called by main.c. Next: worker.c.
 */
#include "master.h"

#include "worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEAVERS_MAX (4 * API_WORKERS_MAX)
#define ROLL_LEAVERS_MAX API_WORKERS_MAX    /* replacing pauses while so many are still leaving */
#define SEATS (3 * (size_t)API_WORKERS_MAX) /* to count in: workers, their successors, leavers */
#define TICK_MS 50            /* how often to look at the clock while something is due */
#define READY_WITHIN_MS 10000 /* a worker that has not come so far is killed */
#define YOUNG_MS 5000         /* one that dies younger has crashed by itself, most likely */
#define BACK_OFF_MS 100       /* before the third start in a row; doubled up to the next */
#define BACK_OFF_MAX_MS 5000

struct child {
    pid_t pid;           /* 0: none */
    unsigned generation; /* of the settings that it runs with */
    bool ready;
    int64_t started_ms; /* steady clock, as are all times here */
};

/* The place of one worker, whoever holds it. */
struct slot {
    struct child now;
    struct child next; /* its successor, until that one is ready */
    int failures;      /* deaths in a row at a young age */
    int64_t start_at_ms;
    bool given_up; /* its worker called the settings bad */
};

/* A worker that was asked to leave. */
struct leaver {
    pid_t pid;
    int64_t started_ms;
    int64_t kill_at_ms;
    bool killed;
};

struct master {
    struct slot slots[API_WORKERS_MAX];
    struct leaver leavers[LEAVERS_MAX];
    size_t leaver_count;
    struct api_settings wanted; /* what new workers start with */
    struct api_settings proven; /* the last ones that a worker became ready with */
    unsigned generation;        /* of wanted */
    unsigned proven_generation; /* of proven; 0: none yet */
    unsigned generations;       /* how many there have been */
    bool rolling;               /* workers are being replaced one by one */
    int64_t roll_at_ms;         /* not before */
    int roll_failures;
    bool stopping;
    int exit_code;
    const char *settings_file;
    struct listener *listener;
    struct store_lanes *lanes;
    struct meter *meter;
    struct rates *rates;
    sigset_t signals;
};

static void
fill_signals(sigset_t *signals)
{
    static const int waited_for[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD};

    sigemptyset(signals);
    for (size_t i = 0; i < sizeof waited_for / sizeof waited_for[0]; i++)
        sigaddset(signals, waited_for[i]);
    sigaddset(signals, WORKER_READY);
    sigaddset(signals, WORKER_LEAVE);
}

void
master_block_signals(void)
{
    sigset_t signals;

    fill_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* Nothing before the second start in a row, then 100 ms, 200 ms, … */
static int64_t
back_off_ms(int failures)
{
    int64_t pause_ms = BACK_OFF_MS;

    if (failures <= 1)
        return 0;
    for (int i = 2; i < failures && pause_ms < BACK_OFF_MAX_MS; i++)
        pause_ms *= 2;
    return pause_ms < BACK_OFF_MAX_MS ? pause_ms : BACK_OFF_MAX_MS;
}

/* Fork a worker with the wanted settings. False when the system is out of processes. */
static bool
child_start(struct master *master, struct child *child)
{
    const struct worker_setup setup = {
        .settings = &master->wanted,
        .lanes = master->lanes,
        .meter = master->meter,
        .seat = meter_seat_take(master->meter),
        .rates = master->rates,
        .listen_fd = master->listener->fd,
        .master = getpid(),
    };
    const pid_t pid = fork();

    if (pid == 0)
        exit(worker_run(&setup));
    meter_seat_give(master->meter, setup.seat, pid == -1 ? 0 : pid);
    if (pid == -1) {
        log_event(LOG_ERROR, "worker_not_started", LOG_TEXT("why", strerror(errno)));
        return false;
    }
    *child = (struct child){
        .pid = pid, .generation = master->generation, .started_ms = clock_steady_ms()};
    return true;
}

/* Ask a worker to leave, in one of the two ways of worker.h, and remember to see to it. */
static void
child_retire(struct master *master, struct child *child, int how)
{
    if (child->pid == 0)
        return;
    kill(child->pid, how);
    master->leavers[master->leaver_count++] = (struct leaver){
        .pid = child->pid,
        .started_ms = child->started_ms,
        .kill_at_ms = clock_steady_ms() + master->wanted.stop_ms,
    };
    *child = (struct child){0};
}

/* Nobody connects any more, what waits is served, and after stop_ms whoever is left is killed. */
static void
master_stop(struct master *master, const char *why)
{
    if (master->stopping)
        return;
    log_event(LOG_INFO, "stopping", LOG_TEXT("why", why));
    master->stopping = true;
    listen_hide(master->listener);
    for (size_t i = 0; i < API_WORKERS_MAX; i++) {
        child_retire(master, &master->slots[i].now, WORKER_DRAIN);
        child_retire(master, &master->slots[i].next, WORKER_DRAIN);
    }
}

static void
slot_fail(struct slot *slot, int64_t lived_ms)
{
    slot->failures = lived_ms < YOUNG_MS ? slot->failures + 1 : 1;
    slot->start_at_ms = clock_steady_ms() + back_off_ms(slot->failures);
}

/* A worker with the newest settings calls them bad: go back to the last good ones, if any. */
static void
master_doubt_settings(struct master *master, struct slot *slot, const struct child *child)
{
    if (child->generation != master->generation)
        return; /* from before the settings changed: a successor knows better */
    if (master->proven_generation == 0) {
        master->exit_code = WORKER_EXIT_BAD_SETTINGS;
        master_stop(master, "a worker says that the settings are bad");
        return;
    }
    if (master->proven_generation == master->generation) {
        slot->given_up = true;
        return;
    }
    log_event(LOG_ERROR, "reload_undone",
              LOG_TEXT("why", "a worker says that the new settings are bad"));
    meter_reloaded(master->meter, METER_RELOAD_UNDONE);
    master->wanted = master->proven;
    master->generation = master->proven_generation;
}

/* How a worker ended, in its obituary: "exit 1", "SIGSEGV". */
static void
log_end(const char *event, pid_t pid, int status, int64_t lived_ms)
{
    char how[32];

    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "SIG%s", sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "exit %d", WEXITSTATUS(status));
    log_event(status == 0 ? LOG_INFO : LOG_WARN, event, LOG_WHOLE("worker", pid),
              LOG_TEXT("how", how), LOG_WHOLE("lived_ms", lived_ms));
}

/* A worker ended that was not asked to. */
static void
slot_bury(struct master *master, struct slot *slot, struct child *child, int status)
{
    const struct child dead = *child;
    const int64_t lived_ms = clock_steady_ms() - dead.started_ms;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    const bool was_next = child == &slot->next;

    *child = (struct child){0};
    log_end("worker_ended", dead.pid, status, lived_ms);
    if (code == WORKER_EXIT_BAD_SETTINGS) {
        master_doubt_settings(master, slot, &dead);
        return;
    }
    if (code == WORKER_EXIT_OK && dead.ready) { /* it served its number of requests */
        slot->failures = 0;
        return;
    }
    if (was_next)
        master->roll_at_ms = clock_steady_ms() + back_off_ms(++master->roll_failures);
    else
        slot_fail(slot, lived_ms);
}

/* A worker that was asked to leave has left. True when pid was one. */
static bool
leaver_bury(struct master *master, pid_t pid, int status)
{
    for (size_t i = 0; i < master->leaver_count; i++) {
        const struct leaver dead = master->leavers[i];

        if (dead.pid != pid)
            continue;
        if (status != 0)
            log_end(dead.killed ? "worker_killed" : "worker_left_badly", pid, status,
                    clock_steady_ms() - dead.started_ms);
        master->leavers[i] = master->leavers[--master->leaver_count];
        return true;
    }
    return false;
}

static void
master_reap(struct master *master)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        meter_worker_ended(master->meter, pid, status);
        if (leaver_bury(master, pid, status))
            continue;
        for (size_t i = 0; i < API_WORKERS_MAX; i++) {
            struct slot *slot = &master->slots[i];

            if (slot->now.pid == pid)
                slot_bury(master, slot, &slot->now, status);
            else if (slot->next.pid == pid)
                slot_bury(master, slot, &slot->next, status);
        }
    }
}

/* A worker is about to accept: only now may the one that it replaces leave. */
static void
master_welcome(struct master *master, pid_t pid)
{
    for (size_t i = 0; i < API_WORKERS_MAX; i++) {
        struct slot *slot = &master->slots[i];
        struct child *child = slot->next.pid == pid ? &slot->next : &slot->now;

        if (child->pid != pid)
            continue;
        child->ready = true;
        if (child->generation == master->generation &&
            master->proven_generation != master->generation) {
            master->proven = master->wanted;
            master->proven_generation = master->generation;
        }
        if (child == &slot->next) {
            child_retire(master, &slot->now, WORKER_LEAVE);
            slot->now = slot->next;
            slot->next = (struct child){0};
            master->roll_failures = 0;
        }
    }
}

/* HUP: read the settings again, and replace every worker. Bad ones change nothing. */
static void
master_reload(struct master *master)
{
    struct api_settings settings;
    char fault[512];

    if (master->stopping)
        return;
    if (!api_settings_read(master->settings_file, &settings, fault, sizeof fault)) {
        log_event(LOG_ERROR, "reload_refused", LOG_TEXT("why", fault));
        meter_reloaded(master->meter, METER_RELOAD_REFUSED);
        return;
    }
    if (strcmp(settings.socket, master->wanted.socket) != 0)
        log_event(LOG_WARN, "needs_a_restart", LOG_TEXT("setting", "TRAINING_API_SOCKET"));
    log_event(LOG_INFO, "reload_started", LOG_WHOLE("workers", settings.workers));
    master->wanted = settings;
    master->generation = ++master->generations;
    master->rolling = true;
    master->roll_at_ms = 0;
    master->roll_failures = 0;
    for (size_t i = 0; i < API_WORKERS_MAX; i++)
        master->slots[i].given_up = false;
}

/*
 * One step of replacing: at most one successor is on its way at any time. When there is none
 * left to replace, the places beyond the wanted number are cleared and the reload is over.
 */
static void
master_roll(struct master *master, int64_t now_ms)
{
    const size_t workers = (size_t)master->wanted.workers;
    struct slot *old = NULL;

    for (size_t i = 0; i < workers; i++) {
        struct slot *slot = &master->slots[i];

        if (slot->next.pid != 0 || (slot->now.pid != 0 && !slot->now.ready))
            return; /* somebody is on the way */
        if (old == NULL && slot->now.pid != 0 && slot->now.generation != master->generation)
            old = slot;
    }
    if (old != NULL) {
        if (now_ms >= master->roll_at_ms && master->leaver_count < ROLL_LEAVERS_MAX &&
            !child_start(master, &old->next))
            master->roll_at_ms = now_ms + BACK_OFF_MAX_MS;
        return;
    }
    for (size_t i = workers; i < API_WORKERS_MAX; i++) {
        child_retire(master, &master->slots[i].now, WORKER_LEAVE);
        child_retire(master, &master->slots[i].next, WORKER_LEAVE);
    }
    master->rolling = false;
    meter_reloaded(master->meter, METER_RELOAD_DONE);
    log_event(LOG_INFO, "reload_done", LOG_WHOLE("workers", master->wanted.workers));
}

/*
 * Fill the empty places whose time has come; kill who should be ready and is not. At the start
 * one worker goes ahead and tries the settings.
 */
static void
master_fill(struct master *master, int64_t now_ms)
{
    const int64_t places = master->proven_generation == 0 ? 1 : master->wanted.workers;
    int given_up = 0;

    for (int64_t i = 0; i < places; i++) {
        struct slot *slot = &master->slots[i];
        const struct child *coming = slot->next.pid != 0 ? &slot->next : &slot->now;

        if (coming->pid != 0 && !coming->ready && now_ms > coming->started_ms + READY_WITHIN_MS)
            kill(coming->pid, SIGKILL);
        given_up += slot->given_up;
        if (coming->pid == 0 && !slot->given_up && now_ms >= slot->start_at_ms &&
            !child_start(master, &slot->now))
            slot_fail(slot, 0);
    }
    if (given_up == master->wanted.workers) {
        master->exit_code = WORKER_EXIT_BAD_SETTINGS;
        master_stop(master, "all workers say that the settings are bad");
    }
}

static void
master_kill_late(struct master *master, int64_t now_ms)
{
    for (size_t i = 0; i < master->leaver_count; i++) {
        struct leaver *leaver = &master->leavers[i];

        if (!leaver->killed && now_ms >= leaver->kill_at_ms) {
            leaver->killed = true;
            kill(leaver->pid, SIGKILL);
        }
    }
}

/* Is something due by the clock, rather than by a signal? */
static bool
master_is_busy(const struct master *master)
{
    if (master->rolling || master->leaver_count > 0)
        return true;
    for (int64_t i = 0; i < master->wanted.workers; i++)
        if (!master->slots[i].now.ready && !master->slots[i].given_up)
            return true;
    return false;
}

static void
master_hear(struct master *master)
{
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    siginfo_t heard;
    const int number =
        sigtimedwait(&master->signals, &heard, master_is_busy(master) ? &tick : NULL);

    if (number == SIGHUP)
        master_reload(master);
    else if (number == WORKER_READY)
        master_welcome(master, heard.si_pid);
    else if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
        master_stop(master, number == SIGINT    ? "SIGINT"
                            : number == SIGQUIT ? "SIGQUIT"
                                                : "SIGTERM");
    master_reap(master); /* whatever it was: several deaths may share one SIGCHLD */
}

int
master_run(const struct api_settings *settings, const char *settings_file,
           struct listener *listener)
{
    struct master master = {
        .wanted = *settings,
        .generation = 1,
        .generations = 1,
        .settings_file = settings_file,
        .listener = listener,
        .lanes = store_lanes_new(),
        .meter = meter_new(SEATS),
        .rates = rates_new(),
    };

    fill_signals(&master.signals);
    log_event(LOG_INFO, "started", LOG_TEXT("version", TRAINING_VERSION),
              LOG_WHOLE("workers", settings->workers),
              LOG_TEXT("socket", listener->path == NULL ? "systemd" : listener->path));
    while (!master.stopping || master.leaver_count > 0) {
        const int64_t now_ms = clock_steady_ms();

        if (!master.stopping)
            master_fill(&master, now_ms);
        if (!master.stopping && master.rolling)
            master_roll(&master, now_ms);
        master_kill_late(&master, now_ms);
        master_hear(&master);
    }
    log_event(LOG_INFO, "stopped", LOG_WHOLE("exit", master.exit_code));
    return master.exit_code;
}
