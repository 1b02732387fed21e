/*
 * store_job.h - trainings that were asked for, collection `jobs`. A unique index lets one job be
 * active at a time, whichever process of whichever machine was asked. A supervisor holds its job by
 * a lease in the database's own time, so that the clocks of machines do not matter.
 */
#ifndef STORE_STORE_JOB_H
#define STORE_STORE_JOB_H

#include "store/store.h"
#include "training/job.h"
#include "training/job_lines.h"

/* ---- what the API does ---- */

/*
 * Insert job, queued and active, and give it its oid. lease_ms: how long it may wait for a
 * supervisor. *busy: there is an active job already, and nothing was inserted.
 * Errors: STORE_UNAVAILABLE, STORE_FULL.
 */
bool store_job_insert(struct store *store, struct job *job, int64_t lease_ms, bool *busy,
                      struct api_error *err);

/* The job of this oid; the one that is active; the account's last one. *found false: none. */
bool store_job_find(struct store *store, const char *oid, struct job *job, bool *found,
                    struct api_error *err);
bool store_job_find_active(struct store *store, struct job *job, bool *found,
                           struct api_error *err);
bool store_job_find_latest(struct store *store, const char *account, struct job *job, bool *found,
                           struct api_error *err);

/* Ask for an end of the account's active job, which is given. *found false: it has none. */
bool store_job_ask_stop(struct store *store, const char *account, int64_t now_ms, struct job *job,
                        bool *found, struct api_error *err);

/*
 * End a job that no supervisor has taken: as state, for this reason (NULL: none). *withdrawn false:
 * one has taken it.
 */
bool store_job_withdraw(struct store *store, const char *oid, enum job_state state, const char *why,
                        int64_t now_ms, bool *withdrawn, struct api_error *err);

/*
 * Fail the active job if its supervisor is lost. Its lease may have run out because the database
 * was away, so the first call only notes a doubt, which the next heartbeat takes away; a call 5 s
 * later believes it. The job is then unsettled.
 */
bool store_job_lapse(struct store *store, struct api_error *err);

/* ---- what a supervisor does ---- */

/* A supervisor's hold on a job. All borrowed. */
struct store_work {
    const char *oid;        /* the job's */
    const char *supervisor; /* its own name */
    int64_t lease_ms;
};

/* Take a queued job. *ours false: another one was quicker, or it is queued no more. */
bool store_job_claim(struct store *store, const struct store_work *work, bool *ours,
                     struct api_error *err);

/* What is new about a job; members that are 0 or NULL are not. */
struct store_job_news {
    enum job_state state;
    int64_t pid, started_ms;
    const char *key_id;
    const struct job_lines *lines;
};

/* Renew the lease and store the news. *ours false: the job was taken away, the trainer must go. */
bool store_job_note(struct store *store, const struct store_work *work,
                    const struct store_job_news *news, bool *ours, struct api_error *err);

/* How a job ends. */
struct store_job_end {
    enum job_state state; /* JOB_COMPLETED, JOB_STOPPED or JOB_FAILED */
    int64_t ended_ms;
    const struct job_exit *exit;   /* NULL: there was no trainer */
    const char *error;             /* NULL or "": none */
    const struct job_lines *lines; /* NULL: as they are */
};

bool store_job_end(struct store *store, const struct store_work *work,
                   const struct store_job_end *end, bool *ours, struct api_error *err);

/* An active job that the supervisor of this name holds; an unsettled one, and that it is settled.
 */
bool store_job_find_held(struct store *store, const char *supervisor, struct job *job, bool *found,
                         struct api_error *err);
bool store_job_find_unsettled(struct store *store, struct job *job, bool *found,
                              struct api_error *err);
bool store_job_settle(struct store *store, const char *oid, struct api_error *err);

#endif
