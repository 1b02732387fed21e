/* store_run_ended.h - the runs of an account that have ended, newest first: what is compared. */
#ifndef STORE_STORE_RUN_ENDED_H
#define STORE_STORE_RUN_ENDED_H

#include "store/store_run.h"

/*
 * Called with each run; borrowed. Of the run only oid, agent_id, algorithm and its tail are there,
 * and store_run_has_metric tells of the one metric asked for. task: what its config calls the task
 * (see training/benchmark.h), or "". False ends the list early.
 */
typedef bool store_run_ended_visit(const struct run_held *held, const char *task, void *context);

/*
 * The newest `limit` runs that are completed, stopped or failed; of one agent when agent_id is not
 * NULL. metric: by its stored name. *more: there is at least one beyond the last. The visitor's
 * ending it early is no error. Errors: STORE_UNAVAILABLE.
 */
bool store_run_ended(struct store *store, const char *account, const char *agent_id,
                     const char *metric, int64_t limit, store_run_ended_visit *visit, void *context,
                     bool *more, struct api_error *err);

#endif
