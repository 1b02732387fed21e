/* fake_episode_page.h - the ways of reading some episodes; the last part of fake_store.h. */
#ifndef FAKES_FAKE_EPISODE_PAGE_H
#define FAKES_FAKE_EPISODE_PAGE_H

bool
store_episode_read(struct store *store, const struct run *run,
                   const struct store_episode_range *range, store_episode_visit *visit,
                   void *context, struct api_error *err)
{
    int64_t visited = 0;

    (void)run;
    if (fake_store_fails(store, err))
        return false;
    store->range = *range;
    for (size_t i = 0; i < store->episode_count; i++) {
        const size_t at = range->descending ? store->episode_count - 1 - i : i;
        const struct episode *episode = &store->episodes[at];

        if (episode->number < range->from || episode->number > range->to)
            continue;
        if (!visit(episode, context) || ++visited == range->count)
            break;
    }
    return true;
}

bool
store_episode_pick(struct store *store, const struct run *run, const int64_t *numbers, size_t count,
                   store_episode_visit *visit, void *context, struct api_error *err)
{
    (void)run;
    if (fake_store_fails(store, err))
        return false;
    store->picked = count;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < store->episode_count; at++)
            if (store->episodes[at].number == numbers[i] && !visit(&store->episodes[at], context))
                return true;
    return true;
}

int64_t
store_run_highest(const struct run_held *held)
{
    const struct store *store = held->holder;

    return store->episode_count == 0 ? 0 : store->episodes[store->episode_count - 1].number;
}

#endif
