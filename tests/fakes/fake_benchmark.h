/*
 * fake_benchmark.h - what a benchmark reads, in place of store_run_ended.c and
 * store_episode_newest.c. Part of fake_store.h: its runs, its episodes.
 */
#ifndef FAKES_FAKE_BENCHMARK_H
#define FAKES_FAKE_BENCHMARK_H

#include "store/store_episode_newest.h"
#include "store/store_run_ended.h"

bool
store_run_ended(struct store *store, const char *account, const char *agent_id, const char *metric,
                int64_t limit, store_run_ended_visit *visit, void *context, bool *more,
                struct api_error *err)
{
    (void)metric;
    if (fake_store_fails(store, err))
        return false;
    store->query = (struct run_query){.agent_id = agent_id, .limit = limit};
    *more = store->more;
    for (size_t i = 0; strcmp(store->account, account) == 0 && i < store->run_count; i++) {
        const struct run_held held = {.run = store->runs[i], .holder = store};

        if (store->runs[i].status != RUN_RUNNING && !visit(&held, "", context))
            break;
    }
    return true;
}

bool
store_episode_newest(struct store *store, const struct run *run, const char *metric,
                     store_metric_visit *visit, void *context, struct api_error *err)
{
    (void)run;
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = store->episode_count; i > 0; i--) {
        const struct metric_value *value = episode_metric(&store->episodes[i - 1], metric);

        if (value != NULL && !visit(store->episodes[i - 1].number, value->real, context))
            break;
    }
    return true;
}

#endif
