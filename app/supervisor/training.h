/* training.h - one job from its launch to its end, step by step; nothing here blocks for long. */
#ifndef SUPERVISOR_TRAINING_H
#define SUPERVISOR_TRAINING_H

#include "child.h"
#include "output.h"
#include "supervisor_settings.h"

#include "store/store_job.h"

/* How far a stop has come. */
enum stop_step { STOP_NONE, STOP_ASKED, STOP_TERMINATED, STOP_KILLED };

struct training {
    struct store *store; /* borrowed, as is all up to the job */
    const struct supervisor_settings *settings;
    const char *supervisor; /* our name */
    bool active;            /* there is a job; all below is its */
    struct job job;
    struct child child;
    struct output *output;
    enum job_state state; /* STARTING, RUNNING or STOPPING */
    enum job_state told;  /* the state as last stored */
    bool ended;           /* the trainer has */
    bool lost;            /* the job was taken from us: nothing of it is ours to write any more */
    struct job_exit exit;
    char error[JOB_ERROR_MAX + 1]; /* why it fails, whatever its exit; "" */
    enum job_state outcome;        /* JOB_STATE_NONE: not known yet */
    enum stop_step stop;
    /* Steady clock, milliseconds. */
    int64_t launched_at, ended_at, stop_next_at, look_at, note_at, lines_at;
};

/* Take a queued job and launch its trainer. Says in the log what goes wrong; the job then failed.
 */
void training_start(struct training *training, const struct job *job);

/*
 * Go on: take what the trainer prints, see whether it ended, do what is due. To be called whenever
 * its pipes have something, and every poll_ms.
 */
void training_step(struct training *training);

/* Begin to stop it in three steps, unless that has begun: asked, SIGTERM, SIGKILL. */
void training_stop(struct training *training);

/* End it at once; what it leaves is for the next supervisor. */
void training_drop(struct training *training);

#endif
