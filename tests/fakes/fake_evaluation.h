/*
 * fake_evaluation.h - evaluations in memory, in place of app/store/store_evaluation.c. Part of
 * fake_store.h. One run's; texts are kept as copies.
 */
#ifndef FAKES_FAKE_EVALUATION_H
#define FAKES_FAKE_EVALUATION_H

#include "store/store_evaluation.h"

#include <stdio.h>
#include <string.h>

#define FAKE_EVALUATIONS_MAX 8

/* As posted, oldest first. Clear it with memset before use. */
static struct fake_evaluations {
    struct {
        struct evaluation evaluation;
        char path[128], opponent[128], key[STORE_IDEMPOTENCY_KEY_MAX + 1];
    } items[FAKE_EVALUATIONS_MAX];
    size_t count;
    struct evaluation_query query; /* the last one */
    char from_id[EVALUATION_ID_SIZE];
    char account[65]; /* of the last insert */
} fake_evaluations;

void
store_evaluation_release(struct evaluation_held *held)
{
    *held = (struct evaluation_held){.holder = NULL};
}

bool
store_evaluation_insert(struct store *store, const char *account, const struct run *run,
                        const struct evaluation *evaluation, const char *key,
                        struct evaluation_held *held, bool *inserted, struct api_error *err)
{
    struct fake_evaluations *fake = &fake_evaluations;
    size_t i = fake->count;

    (void)run;
    if (fake_store_fails(store, err))
        return false;
    for (size_t j = 0; key != NULL && j < fake->count; j++)
        if (strcmp(fake->items[j].key, key) == 0)
            i = j;
    *inserted = i == fake->count;
    if (*inserted) {
        fake->count++;
        snprintf(fake->account, sizeof fake->account, "%s", account);
        snprintf(fake->items[i].key, sizeof fake->items[i].key, "%s", key == NULL ? "" : key);
        snprintf(fake->items[i].path, sizeof fake->items[i].path, "%s",
                 evaluation->checkpoint_path);
        snprintf(fake->items[i].opponent, sizeof fake->items[i].opponent, "%s",
                 evaluation->opponent_type);
        fake->items[i].evaluation = *evaluation;
        fake->items[i].evaluation.checkpoint_path = fake->items[i].path;
        fake->items[i].evaluation.opponent_type = fake->items[i].opponent;
        snprintf(fake->items[i].evaluation.id, EVALUATION_ID_SIZE, "%024zx", i);
    }
    held->evaluation = fake->items[i].evaluation;
    held->holder = store;
    return true;
}

bool
store_evaluation_list(struct store *store, const struct run *run,
                      const struct evaluation_query *query, store_evaluation_visit *visit,
                      void *context, bool *more, struct api_error *err)
{
    struct fake_evaluations *fake = &fake_evaluations;
    int64_t seen = 0;

    (void)run;
    if (fake_store_fails(store, err))
        return false;
    fake->query = *query;
    snprintf(fake->from_id, sizeof fake->from_id, "%s",
             query->from_id == NULL ? "" : query->from_id);
    *more = (int64_t)fake->count > query->limit;
    for (size_t i = fake->count; i > 0 && seen < query->limit; i--, seen++)
        if (!visit(&fake->items[i - 1].evaluation, context))
            break;
    return true;
}

bool
store_evaluation_count(struct store *store, const struct run *run, int64_t *count,
                       struct api_error *err)
{
    (void)run;
    *count = (int64_t)fake_evaluations.count;
    return !fake_store_fails(store, err);
}

#endif
