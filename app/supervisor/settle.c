/*
 * settle.c - a training's run and key, from the supervisor's side. Called by training.c,
 * supervisor.c. Next: store/store_run_change.c, store/store_key.c.
 */
#include "settle.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/json_text.h"
#include "store/store_audit.h"
#include "store/store_key.h"
#include "store/store_run.h"

#include <stdio.h>
#include <string.h>

#define METADATA_MAX ((size_t)8 * 1024 * 1024) /* never in the way of ending a run */

static struct store_author
author(const struct job *job)
{
    return (struct store_author){
        .account = job->account, .actor = SETTLE_ACTOR, .now_ms = clock_now_ms()};
}

/* An error that says no more than that there is nothing to do. */
static bool
forgive(struct api_error *err, enum api_error_id id)
{
    if (err->id != id)
        return false;
    *err = (struct api_error){.id = API_OK};
    return true;
}

/* ---- the run ---- */

bool
settle_run_status(struct store *store, const struct job *job, enum run_status *status,
                  struct api_error *err)
{
    struct run_held held = {.holder = NULL};

    *status = RUN_STATUS_NONE;
    if (!store_run_find(store, job->account, job->run_id, &held, err))
        return forgive(err, API_RUN_NOT_FOUND);
    *status = held.run.status;
    store_run_release(&held);
    return true;
}

static void
add_whole(json_object *object, const char *name, int64_t value)
{
    json_object_object_add(object, name, json_object_new_int64(value));
}

/* A run of the job's name that says what was to be trained. An existing one, deleted or not, stays.
 */
static bool
open_run(struct store *store, const struct job *job, struct api_error *err)
{
    AUTO_JSON *config = json_object_new_object();
    const struct store_author by = author(job);
    struct run_request request = {.config = config,
                                  .agent_id = "unassigned",
                                  .algorithm = "unknown",
                                  .episodes_total = job->num_episodes};
    struct run_held held = {.holder = NULL};
    bool inserted;

    snprintf(request.id, sizeof request.id, "%s", job->run_id);
    json_object_object_add(config, "scenario_name", json_object_new_string(job->scenario));
    add_whole(config, "num_episodes", job->num_episodes);
    add_whole(config, "save_interval", job->save_interval);
    add_whole(config, "eval_episodes", job->eval_episodes);
    if (job->seed != JOB_NO_SEED)
        add_whole(config, "seed", job->seed);
    if (!store_run_insert(store, &by, &request, &held, &inserted, err))
        return false;
    store_run_release(&held);
    return true;
}

/* {error_message?, exit_code?, signal?}; the caller owns it. */
static json_object *
end_metadata(const struct job_exit *how, const char *why)
{
    json_object *metadata = json_object_new_object();

    if (why[0] != '\0')
        json_object_object_add(metadata, "error_message", json_object_new_string(why));
    if (how != NULL && how->code >= 0)
        add_whole(metadata, "exit_code", how->code);
    if (how != NULL && how->signal[0] != '\0')
        json_object_object_add(metadata, "signal", json_object_new_string(how->signal));
    return metadata;
}

bool
settle_run(struct store *store, const struct job *job, enum job_state outcome,
           const struct job_exit *how, const char *why, struct api_error *err)
{
    const struct store_author by = author(job);
    struct run_change change = {.status = job_run_status(outcome), .sets_metadata = true};
    struct run_held held = {.holder = NULL};
    enum run_status status;
    bool good;

    if (!settle_run_status(store, job, &status, err) ||
        (status == RUN_STATUS_NONE && !open_run(store, job, err)))
        return false;
    if (status != RUN_STATUS_NONE && status != RUN_RUNNING)
        return true;
    change.metadata = end_metadata(how, why);
    good = store_run_change(store, &by, job->run_id, &change, METADATA_MAX, &held, err);
    store_run_release(&held);
    run_change_clear(&change);
    return good || forgive(err, API_RUN_ENDED) || forgive(err, API_RUN_NOT_FOUND);
}

/* ---- the key ---- */

static bool
note(struct store *store, const struct job *job, const char *action, struct api_error *err)
{
    AUTO_JSON *details = json_object_new_object();
    const struct store_audit_entry entry = {
        .by = author(job), .action = action, .subject = job->key_id, .details = details};

    json_object_object_add(details, "run_id", json_object_new_string(job->run_id));
    return store_audit_note(store, &entry, err);
}

bool
settle_make_key(struct store *store, struct job *job, char text[], struct api_error *err)
{
    struct store_key key = {.scopes = STORE_SCOPE_READ | STORE_SCOPE_WRITE};

    snprintf(key.account, sizeof key.account, "%s", job->account);
    snprintf(key.name, sizeof key.name, "training %s", job->run_id);
    if (!store_key_create(store, &key, text, err))
        return false;
    snprintf(job->key_id, sizeof job->key_id, "%s", key.id);
    return note(store, job, "key.create", err);
}

bool
settle_key(struct store *store, const struct job *job, struct api_error *err)
{
    int64_t matched, revoked;

    if (job->key_id[0] == '\0')
        return true;
    if (!store_key_revoke(store, job->key_id, NULL, &matched, &revoked, err))
        return false;
    return revoked == 0 || note(store, job, "key.revoke", err);
}
