/*
 * job.c - rules of a training that was asked for: its bounds, its states, how it ends.
 * Called by routes/route_control.c, supervisor/supervisor.c. Next: progress.c (how far it is).
 */
#include "training/job.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/json_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define EPISODES_DEFAULT 1000
#define SAVE_DEFAULT 100
#define EVAL_DEFAULT 10

#define EXIT_BY_TERM (128 + 15) /* what a program exits with that obeys SIGTERM */
#define EXIT_BY_INT (128 + 2)

static const char *const state_names[] = {
    [JOB_QUEUED] = "queued",     [JOB_STARTING] = "starting",   [JOB_RUNNING] = "running",
    [JOB_STOPPING] = "stopping", [JOB_COMPLETED] = "completed", [JOB_STOPPED] = "stopped",
    [JOB_FAILED] = "failed",
};

const char *
job_state_name(enum job_state state)
{
    return state_names[state];
}

enum job_state
job_state_find(const char *text)
{
    for (size_t i = JOB_QUEUED; i < COUNT_OF(state_names); i++)
        if (strcmp(state_names[i], text) == 0)
            return (enum job_state)i;
    return JOB_STATE_NONE;
}

/* ---- what may be asked ---- */

bool
job_scenario_is_valid(const char *name)
{
    return ident_is_word(name, JOB_SCENARIO_MAX, "_-") && strchr("_-", name[0]) == NULL;
}

/* An integer from min to max (42.0 passes); absent and null leave *number alone. */
static void
read_whole(json_object *body, const char *name, int64_t min, int64_t max, int64_t *number,
           struct api_error *err)
{
    json_object *value = NULL;
    double real = NAN;

    if (!json_object_object_get_ex(body, name, &value) || value == NULL)
        return;
    if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
        real = json_object_get_double(value);
    if (real >= (double)min && real <= (double)max && real == nearbyint(real))
        *number = (int64_t)real;
    else
        api_fault(err, name, "must be an integer from %" PRId64 " to %" PRId64, min, max);
}

static const char *
read_scenario(json_object *body, struct api_error *err)
{
    json_object *value = NULL;
    const char *name;

    if (!json_object_object_get_ex(body, "scenario_name", &value) || value == NULL) {
        api_fault(err, "scenario_name", "is required");
        return NULL;
    }
    name = json_text_string(value);
    if (name == NULL)
        api_fault(err, "scenario_name", "must be a string");
    return name;
}

bool
job_request_from_json(json_object *body, struct job_request *request, struct api_error *err)
{
    *request = (struct job_request){.num_episodes = EPISODES_DEFAULT,
                                    .save_interval = SAVE_DEFAULT,
                                    .eval_episodes = EVAL_DEFAULT,
                                    .seed = JOB_NO_SEED};
    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "must be a JSON object");
    request->scenario = read_scenario(body, err);
    read_whole(body, "num_episodes", 1, JOB_EPISODES_MAX, &request->num_episodes, err);
    read_whole(body, "save_interval", 1, JOB_EPISODES_MAX, &request->save_interval, err);
    read_whole(body, "eval_episodes", 1, JOB_EVAL_MAX, &request->eval_episodes, err);
    read_whole(body, "seed", 0, JOB_SEED_MAX, &request->seed, err);
    return err->id == API_OK;
}

/* ---- how it ends ---- */

/* Ended as one does that was told to: in peace, by the signal, or with the signal's exit code. */
static bool
obeyed(const struct job_exit *how)
{
    return how->code == 0 || how->code == EXIT_BY_TERM || how->code == EXIT_BY_INT ||
           strcmp(how->signal, "SIGTERM") == 0 || strcmp(how->signal, "SIGINT") == 0;
}

enum job_state
job_outcome(const struct job_exit *how, enum run_status run_status)
{
    if (run_status == RUN_FAILED)
        return JOB_FAILED;
    if (how->forced)
        return run_status == RUN_COMPLETED ? JOB_COMPLETED : JOB_STOPPED;
    if (!obeyed(how))
        return JOB_FAILED;
    if (run_status == RUN_COMPLETED)
        return JOB_COMPLETED;
    if (run_status == RUN_STOPPED || how->asked)
        return JOB_STOPPED;
    return how->code == 0 && run_status == RUN_RUNNING ? JOB_COMPLETED : JOB_FAILED;
}

enum run_status
job_run_status(enum job_state outcome)
{
    if (outcome == JOB_COMPLETED)
        return RUN_COMPLETED;
    return outcome == JOB_STOPPED ? RUN_STOPPED : RUN_FAILED;
}

void
job_describe_exit(const struct job_exit *how, enum job_state outcome, char *text, size_t size)
{
    text[0] = '\0';
    if (how->forced)
        snprintf(text, size, "The trainer did not end when it was told to, and was killed.");
    else if (outcome != JOB_FAILED)
        return;
    else if (how->signal[0] != '\0')
        snprintf(text, size, "The trainer was ended by %s.", how->signal);
    else if (how->code > 0)
        snprintf(text, size, "The trainer ended with exit code %d.", how->code);
    else if (how->code == 0)
        snprintf(text, size, "The trainer ended without having logged its run as completed.");
    else
        snprintf(text, size, "The trainer is gone; nobody saw how it ended.");
}

char *
job_time(int64_t ms, char text[JOB_TIME_TEXT_SIZE])
{
    char whole[CLOCK_TEXT_SIZE];

    clock_format(ms, whole);
    snprintf(text, JOB_TIME_TEXT_SIZE, "%.*sZ", (int)strcspn(whole, ".Z"), whole);
    return text;
}
