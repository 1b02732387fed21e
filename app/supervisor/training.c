/*
 * training.c - the life of one job: launched, watched, stopped, ended. Called by supervisor.c.
 * Next: command.c, child.c (the process), settle.c (its run and key), store/store_job_work.c.
 */
#include "training.h"

#include "command.h"
#include "settle.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/store_key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READ_AT_ONCE ((size_t)16 * 1024)
#define READS_A_STEP 16     /* a flood of output does not keep us from the rest */
#define LINES_EVERY_MS 3000 /* the last lines go to the job, if they changed */
#define AGAIN_AFTER_MS 500  /* when the database did not answer */

static struct store_work
work_on(const struct training *training)
{
    return (struct store_work){.oid = training->job.oid,
                               .supervisor = training->supervisor,
                               .lease_ms = training->settings->lease_ms};
}

/* ---- the database ---- */

/* Store what is new, which renews the lease. */
static void
note_news(struct training *training)
{
    const struct store_work work = work_on(training);
    struct output *output = training->output;
    const int64_t now_ms = clock_steady_ms();
    const uint64_t lines = output->lines.count;
    struct store_job_news news = {.state = training->state};
    struct api_error err = {.id = API_OK};
    bool ours;

    if (training->told == JOB_QUEUED) {
        news.pid = training->child.pid;
        news.started_ms = training->job.started_ms;
    }
    if (lines != output->lines_told && now_ms >= training->lines_at)
        news.lines = &output->lines;
    if (!store_job_note(training->store, &work, &news, &ours, &err)) {
        training->note_at = now_ms + AGAIN_AFTER_MS;
        return;
    }
    training->lost = !ours;
    training->told = training->state;
    training->note_at = now_ms + training->settings->lease_ms / 4;
    if (news.lines != NULL) {
        output->lines_told = lines;
        training->lines_at = now_ms + LINES_EVERY_MS;
    }
}

/* Is the job still ours, and is it to be stopped? */
static void
look_at_job(struct training *training)
{
    struct api_error err = {.id = API_OK};
    struct job job;
    bool found;

    training->look_at = clock_steady_ms() + training->settings->poll_ms;
    if (!store_job_find(training->store, training->job.oid, &job, &found, &err)) {
        training->look_at = clock_steady_ms() + AGAIN_AFTER_MS;
        return;
    }
    if (!found || !job.active || strcmp(job.supervisor, training->supervisor) != 0)
        training->lost = true;
    else if (job.stop_requested_ms != 0)
        training_stop(training);
}

/* A trainer is running once its run is open; it has a certain time for that. */
static void
look_at_run(struct training *training)
{
    struct api_error err = {.id = API_OK};
    enum run_status status;

    if (!settle_run_status(training->store, &training->job, &status, &err))
        return;
    if (status != RUN_STATUS_NONE) {
        training->state = JOB_RUNNING;
        return;
    }
    if (clock_steady_ms() - training->launched_at < training->settings->start_ms)
        return;
    snprintf(training->error, sizeof training->error,
             "The trainer did not open its run within %" PRId64 " ms.",
             training->settings->start_ms);
    training_stop(training);
}

/* ---- launching ---- */

/* The job ends without a trainer. */
static void
fail_launch(struct training *training, const char *why)
{
    const struct store_work work = work_on(training);
    const struct store_job_end end = {
        .state = JOB_FAILED, .ended_ms = clock_now_ms(), .error = why};
    struct api_error err = {.id = API_OK};
    bool ours;

    log_event(LOG_ERROR, "trainer_not_launched", LOG_TEXT("job", training->job.oid),
              LOG_TEXT("why", why));
    /* What cannot be written now is mended when the supervisor next looks (supervisor.c). */
    if (settle_key(training->store, &training->job, &err))
        store_job_end(training->store, &work, &end, &ours, &err);
    training_drop(training);
}

static int
launch(struct training *training, const char *key)
{
    struct command command;
    struct child_setup setup = {.folder = training->settings->folder};
    int rc;

    if (!command_make(training->settings, &training->job, key, &command))
        return -ENOMEM;
    setup.argv = command.argv;
    setup.environment = command.environment;
    rc = child_launch(&setup, &training->child);
    command_clear(&command);
    return rc;
}

/* The key is noted before anybody has it: whatever happens, somebody can revoke it. */
static bool
make_key(struct training *training, char *key)
{
    const struct store_work work = work_on(training);
    struct store_job_news news = {.key_id = training->job.key_id};
    struct api_error err = {.id = API_OK};
    bool ours;

    return settle_make_key(training->store, &training->job, key, &err) &&
           store_job_note(training->store, &work, &news, &ours, &err) && ours;
}

static void
note_launch(struct training *training)
{
    const int64_t now_ms = clock_steady_ms();
    char line[160], time[CLOCK_TEXT_SIZE];

    training->job.started_ms = clock_now_ms();
    training->state = JOB_STARTING;
    training->launched_at = now_ms;
    training->look_at = now_ms;
    training->lines_at = now_ms + LINES_EVERY_MS;
    log_event(LOG_INFO, "trainer_launched", LOG_TEXT("job", training->job.oid),
              LOG_TEXT("scenario", training->job.scenario),
              LOG_TEXT("run_id", training->job.run_id), LOG_WHOLE("trainer", training->child.pid));
    snprintf(line, sizeof line, "---- %s %s, run %s ----",
             clock_format(training->job.started_ms, time), training->job.scenario,
             training->job.run_id);
    output_note(training->output, line);
    note_news(training);
}

void
training_start(struct training *training, const struct job *job)
{
    struct api_error err = {.id = API_OK};
    char key[STORE_KEY_TEXT_SIZE], why[JOB_ERROR_MAX + 1];
    struct store_work work;
    bool ours;
    int rc;

    *training = (struct training){.store = training->store,
                                  .settings = training->settings,
                                  .supervisor = training->supervisor,
                                  .job = *job,
                                  .told = JOB_QUEUED};
    work = work_on(training);
    if (!store_job_claim(training->store, &work, &ours, &err) || !ours)
        return;
    training->output = output_new(training->settings->log, training->settings->log_max);
    training->active = training->output != NULL;
    if (!training->active || !make_key(training, key)) {
        fail_launch(training, "The trainer's key could not be made.");
        return;
    }
    rc = launch(training, key);
    explicit_bzero(key, sizeof key);
    if (rc != 0) {
        snprintf(why, sizeof why, "The trainer could not be launched: %s.", strerror(-rc));
        fail_launch(training, why);
        return;
    }
    note_launch(training);
}

/* ---- stopping ---- */

void
training_stop(struct training *training)
{
    if (!training->active || training->ended || training->stop != STOP_NONE)
        return;
    log_event(LOG_INFO, "trainer_asked_to_stop", LOG_TEXT("job", training->job.oid));
    child_ask(&training->child);
    training->exit.asked = true;
    training->stop = STOP_ASKED;
    training->state = JOB_STOPPING;
    training->stop_next_at = clock_steady_ms() + training->settings->ask_ms;
}

static void
kill_trainer(struct training *training)
{
    child_kill(&training->child);
    training->stop = STOP_KILLED;
    training->exit.forced = true;
}

/* The next step, when its time has come. */
static void
stop_further(struct training *training, int64_t now_ms)
{
    if (now_ms < training->stop_next_at)
        return;
    if (training->stop == STOP_ASKED) {
        log_event(LOG_WARN, "trainer_terminated", LOG_TEXT("job", training->job.oid));
        child_terminate(&training->child);
        training->stop = STOP_TERMINATED;
        training->stop_next_at = now_ms + training->settings->term_ms;
    } else if (training->stop == STOP_TERMINATED) {
        log_event(LOG_WARN, "trainer_killed", LOG_TEXT("job", training->job.oid));
        kill_trainer(training);
    }
}

/* ---- ending ---- */

static void
close_training(struct training *training)
{
    child_clear(&training->child);
    output_free(training->output);
    training->output = NULL;
    training->active = false;
}

void
training_drop(struct training *training)
{
    if (training->active && training->child.keeper > 0)
        child_kill(&training->child);
    if (training->active)
        close_training(training);
}

static void
note_end(struct training *training)
{
    training->ended = true;
    training->ended_at = clock_steady_ms();
    training->job.ended_ms = clock_now_ms();
    training->note_at = training->ended_at;
    job_lines_finish(&training->output->lines);
    log_event(LOG_INFO, "trainer_ended", LOG_TEXT("job", training->job.oid),
              LOG_WHOLE("exit", training->exit.code),
              LOG_TEXT("signal", training->exit.signal[0] == '\0' ? NULL : training->exit.signal));
}

/* What became of it: asked once, before anything of ours changes the run. */
static bool
judge(struct training *training, struct api_error *err)
{
    enum run_status status;

    if (training->outcome != JOB_STATE_NONE)
        return true;
    if (!settle_run_status(training->store, &training->job, &status, err))
        return false;
    training->outcome =
        training->error[0] != '\0' ? JOB_FAILED : job_outcome(&training->exit, status);
    if (training->error[0] == '\0')
        job_describe_exit(&training->exit, training->outcome, training->error,
                          sizeof training->error);
    return true;
}

/* The run first, the job last: who sees the job ended finds its run ended. */
static bool
settle(struct training *training, struct api_error *err)
{
    const struct store_work work = work_on(training);
    struct store_job_end end = {.ended_ms = training->job.ended_ms,
                                .exit = &training->exit,
                                .error = training->error,
                                .lines = &training->output->lines};
    const struct store_job_news nothing = {.pid = 0};
    bool ours;

    /* Nothing of a job that was taken away is touched. */
    if (!store_job_note(training->store, &work, &nothing, &ours, err))
        return false;
    training->lost = !ours;
    if (training->lost)
        return true;
    if (!judge(training, err))
        return false;
    end.state = training->outcome;
    return settle_run(training->store, &training->job, training->outcome, &training->exit,
                      training->error, err) &&
           settle_key(training->store, &training->job, err) &&
           store_job_end(training->store, &work, &end, &ours, err);
}

static void
end_training(struct training *training, int64_t now_ms)
{
    struct api_error err = {.id = API_OK};

    if (!training->lost && now_ms < training->note_at)
        return;
    if (!training->lost && !settle(training, &err)) {
        training->note_at = now_ms + AGAIN_AFTER_MS;
        return;
    }
    log_event(LOG_INFO, "job_ended", LOG_TEXT("job", training->job.oid),
              LOG_TEXT("state", training->lost ? "lost" : job_state_name(training->outcome)));
    close_training(training);
}

/* ---- one step ---- */

static void
take_output(struct training *training, int reads)
{
    char text[READ_AT_ONCE];
    size_t size;

    for (int i = 0; i < reads && (size = child_read(&training->child, text, sizeof text)) > 0; i++)
        output_add(training->output, text, size);
}

void
training_step(struct training *training)
{
    const int64_t now_ms = clock_steady_ms();

    if (!training->active)
        return;
    take_output(training, READS_A_STEP);
    if (!training->ended && child_has_ended(&training->child, &training->exit)) {
        take_output(training, READS_A_STEP); /* what its pipe still held, 64 KiB at most */
        note_end(training);
    }
    if (training->ended) {
        end_training(training, now_ms);
        return;
    }
    if (now_ms >= training->look_at) {
        look_at_job(training);
        if (training->state == JOB_STARTING)
            look_at_run(training);
    }
    if (now_ms >= training->note_at || training->state != training->told)
        note_news(training);
    if (training->lost && training->stop != STOP_KILLED)
        kill_trainer(training);
    stop_further(training, now_ms);
}
