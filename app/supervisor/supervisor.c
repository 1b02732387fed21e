/*
 * supervisor.c - looks for jobs, has them trained, mends what a lost supervisor left behind, and
 * makes the scenarios known. Called by main.c. Next: training.c (one job), scenario.c, settle.c.
 */
#include "supervisor.h"

#include "scenario.h"
#include "settle.h"
#include "training.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/store_job.h"
#include "store/store_supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define AGAIN_AFTER_MS 500   /* when the database did not answer */
#define LEAVE_WITHIN_MS 5000 /* for the database, once the trainer has ended */
#define TICK_MS 50           /* while something other than a job is due */

enum exit_code { EXIT_GOOD = 0, EXIT_BAD_SETTINGS = 2 };

struct supervisor {
    const struct supervisor_settings *settings;
    const struct place *place;
    struct store *store;
    char name[JOB_SUPERVISOR_MAX + 1]; /* host:pid */
    struct scenario_list scenarios;
    struct training training;
    bool mended; /* what the one before us in this place left behind */
    bool leaving;
    int signal_fd;
    int64_t look_at, report_at; /* steady clock */
};

static void
fill_signals(sigset_t *signals)
{
    static const int heard[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};

    sigemptyset(signals);
    for (size_t i = 0; i < sizeof heard / sizeof heard[0]; i++)
        sigaddset(signals, heard[i]);
}

void
supervisor_block_signals(void)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN); /* a trainer may close its input */
    fill_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* ---- what others left behind ---- */

/* The run and the key of a job whose supervisor is lost. */
static bool
settle_lost(struct supervisor *supervisor, const struct job *job, struct api_error *err)
{
    return settle_run(supervisor->store, job, JOB_FAILED, NULL,
                      "The training's supervisor was lost.", err) &&
           settle_key(supervisor->store, job, err);
}

/* A job that the holder of this name left active; that holder is dead, or ourselves without it. */
static bool
mend_held(struct supervisor *supervisor, const char *holder, struct api_error *err)
{
    const struct store_job_end end = {.state = JOB_FAILED,
                                      .ended_ms = clock_now_ms(),
                                      .error = "The training's supervisor was lost."};
    struct store_work work = {.supervisor = holder, .lease_ms = supervisor->settings->lease_ms};
    struct job job;
    bool found, ours;

    if (holder[0] == '\0' || !store_job_find_held(supervisor->store, holder, &job, &found, err))
        return holder[0] == '\0';
    if (!found)
        return true;
    work.oid = job.oid;
    log_event(LOG_WARN, "job_mended", LOG_TEXT("job", job.oid), LOG_TEXT("left_by", holder));
    return settle_lost(supervisor, &job, err) &&
           store_job_end(supervisor->store, &work, &end, &ours, err);
}

/* A job that was failed because its supervisor, on whichever machine, was not heard of. */
static bool
mend_unsettled(struct supervisor *supervisor, struct api_error *err)
{
    struct job job;
    bool found;

    if (!store_job_find_unsettled(supervisor->store, &job, &found, err))
        return false;
    if (!found)
        return true;
    log_event(LOG_WARN, "job_mended", LOG_TEXT("job", job.oid),
              LOG_TEXT("left_by", job.supervisor));
    return settle_lost(supervisor, &job, err) && store_job_settle(supervisor->store, job.oid, err);
}

/* We hold the place's lock, so whoever held it before is dead. */
static bool
mend_before(struct supervisor *supervisor, struct api_error *err)
{
    char before[JOB_SUPERVISOR_MAX + 1];

    if (supervisor->mended)
        return true;
    supervisor->mended = store_supervisor_before(supervisor->store, supervisor->place->id, before,
                                                 sizeof before, err) &&
                         mend_held(supervisor, before, err);
    return supervisor->mended;
}

/* ---- looking for work ---- */

/* Say that we are here, and see to what is nobody's. */
static bool
report(struct supervisor *supervisor, struct api_error *err)
{
    const struct scenario_list *list = &supervisor->scenarios;

    return store_supervisor_report(supervisor->store, supervisor->place->id, supervisor->name,
                                   supervisor->settings->lease_ms, list->items, list->count, err) &&
           mend_unsettled(supervisor, err);
}

/* The one active job: ours to take, another's, or another's no more. */
static bool
look_for_job(struct supervisor *supervisor, struct api_error *err)
{
    struct job job;
    bool found;

    if (!store_job_find_active(supervisor->store, &job, &found, err))
        return false;
    if (!found)
        return true;
    if (job.supervisor[0] == '\0' && job.stop_requested_ms == 0 &&
        scenario_list_has(&supervisor->scenarios, job.scenario)) {
        training_start(&supervisor->training, &job);
        return true;
    }
    if (strcmp(job.supervisor, supervisor->name) == 0)
        return mend_held(supervisor, supervisor->name, err);
    return job.lease_until_ms > clock_now_ms() || store_job_lapse(supervisor->store, err);
}

/* What is due in the database, beside the training. */
static void
see_to_database(struct supervisor *supervisor, int64_t now_ms)
{
    struct api_error err = {.id = API_OK};
    bool good = true;

    if (now_ms < supervisor->look_at)
        return;
    supervisor->look_at = now_ms + supervisor->settings->poll_ms;
    if (now_ms >= supervisor->report_at) {
        good = mend_before(supervisor, &err) && report(supervisor, &err);
        if (good)
            supervisor->report_at = now_ms + supervisor->settings->lease_ms / 4;
    }
    if (good && supervisor->mended && !supervisor->training.active && !supervisor->leaving)
        good = look_for_job(supervisor, &err);
    if (!good)
        supervisor->look_at = now_ms + AGAIN_AFTER_MS;
}

/* ---- the loop ---- */

/* Until a signal, a word of the keeper, output, or until something is due. */
static void
wait_for_something(const struct supervisor *supervisor)
{
    const struct training *training = &supervisor->training;
    const bool running = training->active && !training->ended;
    struct pollfd watched[] = {
        {.fd = supervisor->signal_fd, .events = POLLIN},
        {.fd = running ? training->child.news : -1, .events = POLLIN},
        {.fd = running ? training->child.output : -1, .events = POLLIN},
    };
    int64_t wait_ms = supervisor->look_at - clock_steady_ms();

    if (training->active && wait_ms > TICK_MS)
        wait_ms = TICK_MS;
    poll(watched, 3, wait_ms < 1 ? 1 : (int)wait_ms);
}

static void
hear_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo heard;

    while (read(supervisor->signal_fd, &heard, sizeof heard) == (ssize_t)sizeof heard) {
        if (heard.ssi_signo == SIGHUP) {
            scenario_list_read(supervisor->settings->scenarios, &supervisor->scenarios);
            supervisor->report_at = 0;
            log_event(LOG_INFO, "scenarios_read",
                      LOG_WHOLE("scenarios", (int64_t)supervisor->scenarios.count));
            continue;
        }
        if (!supervisor->leaving)
            log_event(LOG_INFO, "stopping");
        supervisor->leaving = true;
    }
}

/* May we go? Not while a trainer runs; then the database has some time to hear of its end. */
static bool
may_leave(struct supervisor *supervisor)
{
    struct training *training = &supervisor->training;

    if (!supervisor->leaving || !training->active)
        return supervisor->leaving;
    training_stop(training);
    if (!training->ended || clock_steady_ms() - training->ended_at < LEAVE_WITHIN_MS)
        return false;
    log_event(LOG_ERROR, "job_left_unended", LOG_TEXT("job", training->job.oid));
    return true;
}

static void
loop(struct supervisor *supervisor)
{
    while (!may_leave(supervisor)) {
        see_to_database(supervisor, clock_steady_ms());
        training_step(&supervisor->training);
        wait_for_something(supervisor);
        hear_signals(supervisor);
    }
}

static void
name_self(struct supervisor *supervisor)
{
    char host[100] = "";

    gethostname(host, sizeof host - 1);
    snprintf(supervisor->name, sizeof supervisor->name, "%s:%d", host, (int)getpid());
}

static int
serve(struct supervisor *supervisor)
{
    struct api_error err = {.id = API_OK};

    supervisor->training = (struct training){.store = supervisor->store,
                                             .settings = supervisor->settings,
                                             .supervisor = supervisor->name};
    scenario_list_read(supervisor->settings->scenarios, &supervisor->scenarios);
    log_event(LOG_INFO, "started", LOG_TEXT("version", TRAINING_VERSION),
              LOG_TEXT("name", supervisor->name),
              LOG_WHOLE("scenarios", (int64_t)supervisor->scenarios.count));
    loop(supervisor);
    training_drop(&supervisor->training);
    if (supervisor->mended)
        store_supervisor_leave(supervisor->store, supervisor->place->id, &err);
    log_event(LOG_INFO, "stopped");
    return EXIT_GOOD;
}

int
supervisor_run(const struct supervisor_settings *settings, const struct place *place)
{
    const struct store_settings store_settings = supervisor_settings_store(settings);
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    sigset_t signals;
    int exit_code = EXIT_BAD_SETTINGS;

    if (supervisor == NULL)
        return EXIT_BAD_SETTINGS;
    supervisor->settings = settings;
    supervisor->place = place;
    name_self(supervisor);
    fill_signals(&signals);
    supervisor->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a killed keeper leaves comes to us (child.c) */
    store_global_init();
    supervisor->store = store_open(&store_settings, NULL);
    if (supervisor->store != NULL && supervisor->signal_fd != -1)
        exit_code = serve(supervisor);
    store_close(supervisor->store);
    store_global_clear();
    free(supervisor);
    return exit_code;
}
