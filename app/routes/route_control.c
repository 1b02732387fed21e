/*
 * route_control.c - seed 003: trainings are started, stopped and watched (/api/training).
 * Called through routes.c. Next: training/job.c, store/store_job.c; what then happens:
 * supervisor/supervisor.c.
 */
#include "route_private.h"

#include "base/clock.h"
#include "store/store_episode.h"
#include "store/store_job.h"
#include "store/store_supervisor.h"
#include "training/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_EVERY_MS 40         /* while a start or a stop waits for the supervisor */
#define QUEUE_LEASE_MS 20000     /* a job whose start was cut short is nobody's after that */
#define LOST_LOOK_EVERY_LOOKS 25 /* of a stop's: about once a second */

static void
pause_between_looks(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};

    nanosleep(&pause, NULL);
}

/* ---- start ---- */

struct search {
    const char *name;
    bool found;
};

static bool
is_scenario(const struct scenario *scenario, void *context)
{
    struct search *search = context;

    search->found = strcmp(scenario->name, search->name) == 0;
    return !search->found;
}

/* Is there such a scenario? Without any supervisor nobody can tell, which is not the client's
 * fault. */
static bool
check_scenario(const struct call *call, const char *name, struct api_error *err)
{
    struct search search = {.name = name};
    bool alive, ever;

    if (!job_scenario_is_valid(name))
        return api_fail(err, API_SCENARIO_NOT_FOUND, NULL);
    if (!store_scenario_each(call->store, is_scenario, &search, err))
        return false;
    if (search.found)
        return true;
    if (!store_supervisor_any(call->store, &alive, &ever, err))
        return false;
    if (ever)
        return api_fail(err, API_SCENARIO_NOT_FOUND, NULL);
    return api_fail(err, API_TRAINING_NOT_STARTED,
                    "No training-supervisor has ever run here: there is nobody to train.");
}

/* What is asked for, checked: 404 before 422. request borrows from the body. */
static bool
read_request(const struct call *call, struct job_request *request, struct api_error *err)
{
    struct api_error faults = {.id = API_OK};

    job_request_from_json(call->req->json, request, &faults);
    if (request->scenario != NULL && !check_scenario(call, request->scenario, err))
        return false;
    if (faults.id != API_OK)
        *err = faults;
    return faults.id == API_OK;
}

static void
fill_job(const struct call *call, const struct job_request *request, struct job *job)
{
    *job = (struct job){
        .num_episodes = request->num_episodes,
        .save_interval = request->save_interval,
        .eval_episodes = request->eval_episodes,
        .seed = request->seed,
        .requested_ms = call->now_ms,
    };
    snprintf(job->account, sizeof job->account, "%s", call->account);
    snprintf(job->scenario, sizeof job->scenario, "%s", request->scenario);
    ident_new_uuid(job->run_id);
}

/* One at a time; but what a lost supervisor left behind is not in the way for long. */
static bool
enqueue(const struct call *call, struct job *job, struct api_error *err)
{
    bool busy;

    if (!store_job_insert(call->store, job, QUEUE_LEASE_MS, &busy, err))
        return false;
    if (!busy)
        return true;
    return store_job_lapse(call->store, err) && api_fail(err, API_TRAINING_BUSY, NULL);
}

/* Nobody has taken the job within the time that a client waits: it is taken back. */
static bool
give_up_start(const struct call *call, struct job *job, struct api_error *err)
{
    bool alive, ever, withdrawn;

    if (!store_supervisor_any(call->store, &alive, &ever, err) ||
        !store_job_withdraw(call->store, job->oid, JOB_FAILED, "No supervisor took it.",
                            clock_now_ms(), &withdrawn, err))
        return false;
    if (!withdrawn)
        return true; /* at the last moment one did: it is on its way */
    return api_fail(err, API_TRAINING_NOT_STARTED, "%s",
                    alive ? "No training-supervisor took the job in time: try again."
                          : "No training-supervisor is running.");
}

/* Until the trainer's program runs, or could not be launched. */
static bool
wait_for_launch(const struct call *call, struct job *job, struct api_error *err)
{
    const int64_t until_ms = clock_steady_ms() + call->limits->start_wait_ms;
    bool found;

    for (;;) {
        if (!store_job_find(call->store, job->oid, job, &found, err))
            return false;
        if (!found || (!job->active && job->started_ms == 0))
            return api_fail(err, API_TRAINING_NOT_STARTED, "%s",
                            job->error[0] != '\0' ? job->error
                                                  : "It was stopped before it was launched.");
        if (job->state != JOB_QUEUED)
            return true;
        if (clock_steady_ms() >= until_ms)
            return give_up_start(call, job, err);
        pause_between_looks();
    }
}

static bool
reply_started(struct call *call, const struct job *job)
{
    struct json_out json = http_reply_json(call->reply, 202);
    char time[JOB_TIME_TEXT_SIZE];

    json_out_object(&json, NULL);
    json_out_text(&json, "message", "Training started successfully");
    json_out_object(&json, "data");
    json_out_text(&json, "status", "started");
    json_out_text(&json, "scenario_name", job->scenario);
    json_out_whole(&json, "num_episodes", job->num_episodes);
    json_out_text(&json, "start_time",
                  job_time(job->started_ms != 0 ? job->started_ms : job->requested_ms, time));
    json_out_text(&json, "run_id", job->run_id);
    json_out_object_end(&json);
    json_out_object_end(&json);
    return true;
}

/* POST /api/training/start: 202 once the trainer's program runs. */
bool
route_control_start(struct call *call, struct api_error *err)
{
    struct job_request request;
    struct job job;

    if (!read_request(call, &request, err))
        return false;
    fill_job(call, &request, &job);
    if (!enqueue(call, &job, err) || !wait_for_launch(call, &job, err))
        return false;
    return reply_started(call, &job);
}

/* ---- stop ---- */

/* Until the job has ended, or the client has waited long enough. */
static bool
wait_for_end(const struct call *call, struct job *job, struct api_error *err)
{
    const int64_t until_ms = clock_steady_ms() + call->limits->stop_wait_ms;
    bool found, withdrawn;

    if (!store_job_withdraw(call->store, job->oid, JOB_STOPPED, NULL, call->now_ms, &withdrawn,
                            err))
        return false;
    for (int look = 0;; look++) {
        if (!store_job_find(call->store, job->oid, job, &found, err))
            return false;
        if (!found || !job->active)
            return true;
        if (clock_steady_ms() >= until_ms)
            return api_fail(err, API_TRAINING_NOT_STOPPED,
                            "The trainer was told to stop and has not ended yet.");
        if (look % LOST_LOOK_EVERY_LOOKS == 0 && !store_job_lapse(call->store, err))
            return false;
        pause_between_looks();
    }
}

/* Of the job's run; 0 when it was never opened, or has been deleted. */
static bool
count_episodes(const struct call *call, const struct job *job, int64_t *episodes,
               struct api_error *err)
{
    struct run_held held = {.holder = NULL};

    *episodes = 0;
    if (!store_run_find(call->store, call->account, job->run_id, &held, err)) {
        if (err->id != API_RUN_NOT_FOUND)
            return false;
        *err = (struct api_error){.id = API_OK};
        return true;
    }
    *episodes = held.run.summary.episodes;
    store_run_release(&held);
    return true;
}

static bool
reply_stopped(struct call *call, const struct job *job, int64_t episodes)
{
    struct json_out json = http_reply_json(call->reply, 200);

    json_out_object(&json, NULL);
    json_out_text(&json, "message", "Training stopped successfully");
    json_out_object(&json, "data");
    json_out_text(&json, "status", job_state_name(job->state));
    json_out_text(&json, "scenario_name", job->scenario);
    json_out_whole(&json, "episodes_completed", episodes);
    json_out_whole(&json, "total_episodes", job->num_episodes);
    json_out_text(&json, "run_id", job->run_id);
    json_out_object_end(&json);
    json_out_object_end(&json);
    return true;
}

/* POST /api/training/stop: 200 once the trainer has saved and ended. */
bool
route_control_stop(struct call *call, struct api_error *err)
{
    struct job job;
    int64_t episodes;
    bool found;

    if (!store_job_ask_stop(call->store, call->account, call->now_ms, &job, &found, err))
        return false;
    if (!found)
        return api_fail(err, API_TRAINING_IDLE, NULL);
    if (!wait_for_end(call, &job, err))
        return false;
    if (job.state == JOB_FAILED)
        return api_fail(err, API_TRAINING_NOT_STOPPED, "It failed before it could be stopped: %s",
                        job.error);
    return count_episodes(call, &job, &episodes, err) && reply_stopped(call, &job, episodes);
}

/* ---- status ---- */

static bool
add_to_progress(const struct episode *episode, void *context)
{
    progress_add(context, episode);
    return true;
}

/* How far the job's run is; nothing is known of a run that is not there (yet). */
static bool
read_progress(const struct call *call, const struct job *job, struct progress *progress,
              struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    bool good;

    if (!store_run_find(call->store, call->account, job->run_id, &held, err)) {
        if (err->id != API_RUN_NOT_FOUND)
            return false;
        *err = (struct api_error){.id = API_OK};
        return true;
    }
    good =
        store_episode_last(call->store, &held.run, PROGRESS_WINDOW, add_to_progress, progress, err);
    store_run_release(&held);
    return good;
}

static bool
reply_never(struct call *call)
{
    static const char *const names[] = {"scenario_name", "current_episode", "total_episodes",
                                        "start_time",    "latest_progress", "run_id"};
    struct json_out json = http_reply_json(call->reply, 200);

    json_out_object(&json, NULL);
    json_out_bool(&json, "is_training", false);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_out_null(&json, names[i]);
    json_out_object_end(&json);
    return true;
}

static bool
reply_status(struct call *call, const struct job *job, const struct progress *progress)
{
    const int64_t started_ms = job->started_ms != 0 ? job->started_ms : job->requested_ms;
    struct json_out json = http_reply_json(call->reply, 200);
    char time[JOB_TIME_TEXT_SIZE];

    json_out_object(&json, NULL);
    json_out_bool(&json, "is_training", job->active);
    json_out_text(&json, "scenario_name", job->scenario);
    json_out_whole(&json, "current_episode", progress_episode(progress));
    json_out_whole(&json, "total_episodes", job->num_episodes);
    json_out_text(&json, "start_time", job_time(started_ms, time));
    progress_write(progress, job->num_episodes, started_ms, &json, "latest_progress");
    json_out_text(&json, "run_id", job->run_id);
    json_out_object_end(&json);
    return true;
}

/* GET /api/training/status: of the account's training, or of its last one. */
bool
route_control_status(struct call *call, struct api_error *err)
{
    struct progress progress = {.count = 0};
    struct job job;
    bool found;

    if (!store_job_find_latest(call->store, call->account, &job, &found, err))
        return false;
    if (!found)
        return reply_never(call);
    if (job.active && job.lease_until_ms < call->now_ms &&
        (!store_job_lapse(call->store, err) ||
         !store_job_find_latest(call->store, call->account, &job, &found, err)))
        return false;
    return read_progress(call, &job, &progress, err) && reply_status(call, &job, &progress);
}

/* ---- scenarios ---- */

static bool
write_scenario(const struct scenario *scenario, void *context)
{
    struct json_out *json = context;

    json_out_object(json, NULL);
    json_out_text(json, "name", scenario->name);
    json_out_text(json, "description", scenario->description);
    json_out_object_end(json);
    return true;
}

/* GET /api/training/scenarios: what supervisors have said that they can train; [] if none ever has.
 */
bool
route_control_scenarios(struct call *call, struct api_error *err)
{
    struct json_out json = http_reply_json(call->reply, 200);

    json_out_array(&json, NULL);
    if (!store_scenario_each(call->store, write_scenario, &json, err))
        return false;
    json_out_array_end(&json);
    return true;
}
