/*
 * fake_job.h - what store_job.c, store_supervisor.c and store_episode_last.c do, over the fake
 * store. Included by fake_store.h, once all of the store is known.
 */
#ifndef FAKES_FAKE_JOB_H
#define FAKES_FAKE_JOB_H

#include "store/store_job.h"
#include "store/store_supervisor.h"

/* The job as the store has it after the next look at it (store_job_find). */
static inline void
fake_job_look(struct store *store)
{
    struct fake_control *control = &store->control;
    struct job *job = &control->job;

    if (control->look == control->look_count)
        return;
    job->state = control->looks[control->look].state;
    job->active = job->state <= JOB_STOPPING;
    job->started_ms = control->looks[control->look].started_ms;
    if (control->looks[control->look].error != NULL)
        snprintf(job->error, sizeof job->error, "%s", control->looks[control->look].error);
    control->look++;
}

bool
store_job_insert(struct store *store, struct job *job, int64_t lease_ms, bool *busy,
                 struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    *busy = store->control.has_job && store->control.job.active;
    if (*busy)
        return true;
    store->control.inserts++;
    snprintf(job->oid, sizeof job->oid, "0123456789abcdef76543210");
    job->state = JOB_QUEUED;
    job->active = true;
    job->lease_until_ms = job->requested_ms + lease_ms;
    store->control.job = *job;
    store->control.has_job = true;
    return true;
}

bool
store_job_find(struct store *store, const char *oid, struct job *job, bool *found,
               struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    fake_job_look(store);
    *found = store->control.has_job && strcmp(store->control.job.oid, oid) == 0;
    *job = store->control.job;
    return true;
}

bool
store_job_find_latest(struct store *store, const char *account, struct job *job, bool *found,
                      struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    *found = store->control.has_job && strcmp(store->control.job.account, account) == 0;
    *job = store->control.job;
    return true;
}

bool
store_job_ask_stop(struct store *store, const char *account, int64_t now_ms, struct job *job,
                   bool *found, struct api_error *err)
{
    if (!store_job_find_latest(store, account, job, found, err))
        return false;
    *found = *found && job->active;
    if (*found)
        store->control.job.stop_requested_ms = now_ms;
    return true;
}

bool
store_job_withdraw(struct store *store, const char *oid, enum job_state state, const char *why,
                   int64_t now_ms, bool *withdrawn, struct api_error *err)
{
    (void)oid;
    (void)now_ms;
    (void)why;
    if (fake_store_fails(store, err))
        return false;
    *withdrawn = !store->control.taken;
    if (*withdrawn) {
        store->control.job.state = state;
        store->control.job.active = false;
    }
    return true;
}

bool
store_job_lapse(struct store *store, struct api_error *err)
{
    store->control.lapses++;
    return !fake_store_fails(store, err);
}

bool
store_supervisor_any(struct store *store, bool *alive, bool *ever, struct api_error *err)
{
    *alive = store->control.alive;
    *ever = store->control.ever;
    return !fake_store_fails(store, err);
}

bool
store_scenario_each(struct store *store, store_scenario_visit *visit, void *context,
                    struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; i < store->control.scenario_count; i++)
        if (!visit(&store->control.scenarios[i], context))
            break;
    return true;
}

bool
store_episode_last(struct store *store, const struct run *run, int64_t count,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    (void)count;
    return store_episode_each(store, run, 0, INT64_MAX, visit, context, err);
}

#endif
