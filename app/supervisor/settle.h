/*
 * settle.h - what is left to do once a trainer has ended, or its supervisor was lost: its run is
 * ended and its key revoked. Safe to repeat after any error.
 */
#ifndef SUPERVISOR_SETTLE_H
#define SUPERVISOR_SETTLE_H

#include "store/store_job.h"

#define SETTLE_ACTOR "training-supervisor" /* in the audit */

/* How the job's run stands: RUN_STATUS_NONE when it was never opened, or has been deleted. */
bool settle_run_status(struct store *store, const struct job *job, enum run_status *status,
                       struct api_error *err);

/*
 * End the job's run, if it runs, as the outcome has it; exit code or signal and the reason go to
 * its metadata. A run that the trainer did not come to open is opened here: every training is a
 * run. exit NULL: not known. why "": nothing to say.
 */
bool settle_run(struct store *store, const struct job *job, enum job_state outcome,
                const struct job_exit *how, const char *why, struct api_error *err);

/* Make the trainer's key: its id into job->key_id, itself into text. */
bool settle_make_key(struct store *store, struct job *job, char text[], struct api_error *err);

/* Revoke it. */
bool settle_key(struct store *store, const struct job *job, struct api_error *err);

#endif
