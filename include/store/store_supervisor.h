/*
 * store_supervisor.h - the supervisors and the scenarios that they can train, collection
 * `supervisors`: what the API knows of them, without a look into a file.
 */
#ifndef STORE_STORE_SUPERVISOR_H
#define STORE_STORE_SUPERVISOR_H

#include "store/store.h"

#define SCENARIO_DESCRIPTION_MAX 500 /* bytes, not counting the NUL */
#define SCENARIOS_MAX 256            /* of one supervisor */

struct scenario {
    char name[65]; /* as job_scenario_is_valid has it */
    char description[SCENARIO_DESCRIPTION_MAX + 1];
};

/* Who ran in this place before: its name into before, "" when nobody did. */
bool store_supervisor_before(struct store *store, const char *place, char *before, size_t size,
                             struct api_error *err);

/* A supervisor says that it is there, for alive_ms from now, under this name, with these. */
bool store_supervisor_report(struct store *store, const char *place, const char *name,
                             int64_t alive_ms, const struct scenario *scenarios, size_t count,
                             struct api_error *err);

/* A supervisor says that it leaves. Its scenarios stay known. */
bool store_supervisor_leave(struct store *store, const char *place, struct api_error *err);

/* Is one of them there now? *ever: was there ever one, as far as is still known? */
bool store_supervisor_any(struct store *store, bool *alive, bool *ever, struct api_error *err);

/* Called with each scenario; borrowed. False ends the list early. */
typedef bool store_scenario_visit(const struct scenario *scenario, void *context);

/* All scenarios that any of them knows, by name, each name once. */
bool store_scenario_each(struct store *store, store_scenario_visit *visit, void *context,
                         struct api_error *err);

#endif
