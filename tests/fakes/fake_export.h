/* fake_export.h - what exports ask of the store. Included by fake_store.h alone. */
#ifndef FAKES_FAKE_EXPORT_H
#define FAKES_FAKE_EXPORT_H

bool
store_run_each_metric(const struct run_held *held, store_run_metric_visit *visit, void *context)
{
    const struct store *store = held->holder;

    for (size_t i = 0; i < store->episode_count; i++)
        for (size_t k = 0; k < store->episodes[i].value_count; k++)
            if (!visit(store->episodes[i].values[k].name, context))
                return false;
    return true;
}

#endif
