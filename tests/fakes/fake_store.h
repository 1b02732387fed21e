/*
 * fake_store.h - a store of one run in memory, in place of app/store. It defines the store's
 * functions themselves, so that the linker takes them and not the library's: include it in one
 * file of a program only.
 */
#ifndef FAKES_FAKE_STORE_H
#define FAKES_FAKE_STORE_H

#include "base/auto.h"
#include "base/json_text.h"
#include "store/store_audit.h"
#include "store/store_episode.h"
#include "store/store_job.h"
#include "store/store_key.h"
#include "store/store_run.h"
#include "store/store_supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_KEYS_MAX 4
#define FAKE_RUNS_MAX 8

/* What becomes of a training's job, as one look at it shows; error NULL: as before. */
struct fake_look {
    enum job_state state;
    int64_t started_ms;
    const char *error;
};

/* Of trainings: fake_job.h. */
struct fake_control {
    bool has_job, taken; /* taken: a supervisor has it */
    struct job job;
    const struct fake_look *looks; /* borrowed */
    size_t look_count, look;
    bool alive, ever;                 /* store_supervisor_any's answer */
    const struct scenario *scenarios; /* borrowed */
    size_t scenario_count;
    int inserts, lapses;
};

struct store {
    enum api_error_id fail_with; /* every call fails so; API_OK: none does */
    /* The runs; their texts are borrowed from the test, but for what store_run_insert makes. */
    struct run runs[FAKE_RUNS_MAX];
    size_t run_count;
    const char *account; /* whose they are */
    /* Of the run that store_run_insert made: copies, as the request's own texts go away. */
    char made_for[65], id[RUN_ID_MAX + 1], strategy_id[IDENT_UUID_SIZE];
    char label[RUN_NAME_MAX + 1], agent_id[RUN_NAME_MAX + 1], algorithm[RUN_NAME_MAX + 1];
    char *config_json;              /* owned */
    const struct episode *episodes; /* of every run; borrowed */
    size_t episode_count;
    size_t fail_after; /* store_episode_each gives so many and fails; 0: it does not */
    struct store_key keys[FAKE_KEYS_MAX];
    const char *key_texts[FAKE_KEYS_MAX];
    struct fake_sessions {
        char token[STORE_KEY_TEXT_SIZE]; /* of the one there is; "" */
        struct store_key key;
        int64_t life_ms;
        int made, revoked; /* keys */
    } sessions;
    /* What was asked. */
    int calls, inserts, puts, changes, checkpoints;
    size_t put_count;
    struct run_change change; /* the last one, without what it owned */
    struct run_query query;   /* the last one */
    int64_t total;            /* store_run_count's answer */
    bool more;                /* store_run_list's */

    /* Of deletions and the audit: fake_audit.h. */
    struct {
        int notes;         /* entries written by store_audit_note */
        char noted[4][96]; /* the first of them: action and subject */
        int64_t retention_ms;
        char actor[64];                          /* of the last deletion */
        struct store_audit_query query;          /* the last one */
        const struct store_audit_entry *entries; /* store_audit_list's answer; borrowed */
        size_t entry_count;
        bool more;
    } audit;
    struct store_episode_range range; /* store_episode_read's last one */
    size_t picked;                    /* numbers in the last store_episode_pick */

    struct fake_control control; /* of trainings: fake_job.h */
};

static inline void
fake_store_clear(struct store *store)
{
    free(store->config_json);
    *store = (struct store){.account = NULL};
}

static inline bool
fake_store_fails(struct store *store, struct api_error *err)
{
    store->calls++;
    return store->fail_with != API_OK && !api_fail(err, store->fail_with, NULL);
}

static inline struct run *
fake_store_run(struct store *store, const char *account, const char *run_id)
{
    for (size_t i = 0; store->account != NULL && i < store->run_count; i++)
        if (strcmp(store->account, account) == 0 && strcmp(store->runs[i].id, run_id) == 0)
            return &store->runs[i];
    return NULL;
}

/* The run, as every function but the lists finds it. */
static inline struct run *
fake_store_find(struct store *store, const char *account, const char *run_id, struct api_error *err)
{
    struct run *run = fake_store_run(store, account, run_id);

    if (fake_store_fails(store, err))
        return NULL;
    if (run == NULL)
        api_fail(err, API_RUN_NOT_FOUND, NULL);
    return run;
}

void
store_run_release(struct run_held *held)
{
    *held = (struct run_held){.holder = NULL};
}

bool
store_run_insert(struct store *store, const struct store_author *by,
                 const struct run_request *request, struct run_held *held, bool *inserted,
                 struct api_error *err)
{
    const struct run *taken = fake_store_run(store, by->account, request->id);

    if (fake_store_fails(store, err))
        return false;
    *inserted = taken == NULL;
    held->holder = store;
    if (taken != NULL) {
        held->run = *taken;
        return true;
    }
    store->inserts++;
    snprintf(store->made_for, sizeof store->made_for, "%s", by->account);
    snprintf(store->label, sizeof store->label, "%s",
             request->strategy_label == NULL ? "" : request->strategy_label);
    snprintf(store->agent_id, sizeof store->agent_id, "%s", request->agent_id);
    snprintf(store->algorithm, sizeof store->algorithm, "%s", request->algorithm);
    snprintf(store->id, sizeof store->id, "%s", request->id);
    snprintf(store->strategy_id, sizeof store->strategy_id, "%s", request->strategy_id);
    free(store->config_json);
    store->config_json = request->config == NULL ? NULL : strdup(json_text_of(request->config));
    store->account = store->made_for;
    store->run_count = 1;
    store->runs[0] = (struct run){.oid = "0123456789abcdef01234567",
                                  .id = store->id,
                                  .status = RUN_RUNNING,
                                  .config_json = store->config_json,
                                  .strategy_id = store->strategy_id,
                                  .strategy_label = store->label,
                                  .agent_id = store->agent_id,
                                  .algorithm = store->algorithm,
                                  .episodes_total = request->episodes_total,
                                  .started_ms = by->now_ms,
                                  .reported_ms = by->now_ms};
    if (request->strategy_id[0] == '\0')
        store->runs[0].strategy_id = NULL;
    if (request->strategy_label == NULL)
        store->runs[0].strategy_label = NULL;
    held->run = store->runs[0];
    return true;
}

bool
store_run_find(struct store *store, const char *account, const char *run_id, struct run_held *held,
               struct api_error *err)
{
    const struct run *run = fake_store_find(store, account, run_id, err);

    if (run != NULL)
        *held = (struct run_held){.run = *run, .holder = store};
    return run != NULL;
}

bool
store_run_change(struct store *store, const struct store_author *by, const char *run_id,
                 const struct run_change *change, size_t metadata_max, struct run_held *held,
                 struct api_error *err)
{
    struct run *run = fake_store_find(store, by->account, run_id, err);

    (void)metadata_max;
    if (run == NULL)
        return false;
    if (change->status != RUN_STATUS_NONE && run->status != RUN_RUNNING &&
        run->status != change->status)
        return api_fail(err, API_RUN_ENDED, NULL);
    store->changes++;
    store->change = *change;
    store->change.metadata = NULL;
    if (change->status != RUN_STATUS_NONE && run->status == RUN_RUNNING)
        run->ended_ms = by->now_ms;
    if (change->status != RUN_STATUS_NONE)
        run->status = change->status;
    *held = (struct run_held){.run = *run, .holder = store};
    return true;
}

bool
store_run_add_checkpoint(struct store *store, const char *account, const char *run_id,
                         const struct run_checkpoint *checkpoint, int64_t now_ms,
                         struct run_held *held, struct api_error *err)
{
    (void)now_ms;
    (void)checkpoint;
    store->checkpoints++;
    return store_run_find(store, account, run_id, held, err);
}

bool
store_run_list(struct store *store, const char *account, const struct run_query *query,
               store_run_visit *visit, void *context, bool *more, struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    store->query = *query;
    *more = store->more;
    for (size_t i = 0; strcmp(store->account, account) == 0 && i < store->run_count; i++)
        if (!visit(&store->runs[i], context))
            break;
    return true;
}

bool
store_run_count(struct store *store, const char *account, const struct run_query *query,
                int64_t *count, struct api_error *err)
{
    (void)account;
    (void)query;
    *count = store->total;
    return !fake_store_fails(store, err);
}

bool
store_agent_list(struct store *store, const char *account, store_agent_visit *visit, void *context,
                 struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; strcmp(store->account, account) == 0 && i < store->run_count; i++)
        if (!visit(store->runs[i].agent_id, context))
            break;
    return true;
}

bool
store_run_has_metric(const struct run_held *held, const char *metric)
{
    const struct store *store = held->holder;

    for (size_t i = 0; i < store->episode_count; i++)
        if (episode_metric(&store->episodes[i], metric) != NULL)
            return true;
    return false;
}

/* The header is always in doubt here: handlers read the episodes. */
bool
store_run_statistics(const struct run_held *held, struct statistics *statistics)
{
    (void)held;
    (void)statistics;
    return false;
}

bool
store_run_settle(struct store *store, struct run_held *held, struct api_error *err)
{
    (void)held;
    return !fake_store_fails(store, err);
}

bool
store_episode_put(struct store *store, const char *account, const char *run_id,
                  const struct episode_list *list, int64_t now_ms, struct run_held *held,
                  struct store_receipt *receipt, struct api_error *err)
{
    struct run *run = fake_store_find(store, account, run_id, err);

    if (run == NULL)
        return false;
    store->puts++;
    store->put_count += list->count;
    run->summary.episodes += (int64_t)list->count;
    run->reported_ms = now_ms;
    *receipt = (struct store_receipt){.accepted = (int64_t)list->reported,
                                      .inserted = (int64_t)list->count};
    *held = (struct run_held){.run = *run, .holder = store};
    return true;
}

bool
store_episode_each(struct store *store, const struct run *run, int64_t from, int64_t to,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    (void)run;
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; i < store->episode_count; i++) {
        if (store->fail_after != 0 && i == store->fail_after)
            return api_fail(err, API_STORE_UNAVAILABLE, NULL);
        if (store->episodes[i].number >= from && store->episodes[i].number <= to &&
            !visit(&store->episodes[i], context))
            break;
    }
    return true;
}

bool
store_episode_metric(struct store *store, const struct run *run, const char *metric, int64_t from,
                     int64_t to, store_metric_visit *visit, void *context, struct api_error *err)
{
    (void)run;
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; i < store->episode_count; i++) {
        const struct episode *episode = &store->episodes[i];
        const struct metric_value *value = episode_metric(episode, metric);

        if (value != NULL && episode->number >= from && episode->number <= to &&
            !visit(episode->number, value->real, context))
            break;
    }
    return true;
}

bool
store_key_find(struct store *store, const char *key_text, struct store_key *key,
               struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        if (store->key_texts[i] != NULL && strcmp(store->key_texts[i], key_text) == 0) {
            *key = store->keys[i];
            return true;
        }
    return api_fail(err, API_KEY_WRONG, NULL);
}

bool
store_ping(struct store *store, struct api_error *err)
{
    return !fake_store_fails(store, err);
}

#include "fakes/fake_audit.h"
#include "fakes/fake_episode_page.h"
#include "fakes/fake_benchmark.h"
#include "fakes/fake_evaluation.h"
#include "fakes/fake_export.h"
#include "fakes/fake_session.h"
#include "fakes/fake_job.h"

#endif
