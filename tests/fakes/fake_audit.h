/*
 * fake_audit.h - what store_delete.c and store_audit.c do, over the fake store's runs.
 * Included by fake_store.h, once all of the store is known.
 */
#ifndef FAKES_FAKE_AUDIT_H
#define FAKES_FAKE_AUDIT_H

#include "store/store_audit.h"

bool
store_run_delete(struct store *store, const struct store_author *by, const char *run_id,
                 int64_t retention_ms, struct api_error *err)
{
    struct run *run = fake_store_find(store, by->account, run_id, err);

    if (run == NULL)
        return false;
    if (run->deleted_ms != 0)
        return api_fail(err, API_RUN_NOT_FOUND, NULL);
    run->deleted_ms = by->now_ms;
    store->audit.retention_ms = retention_ms;
    snprintf(store->audit.actor, sizeof store->audit.actor, "%s", by->actor);
    return true;
}

bool
store_run_restore(struct store *store, const struct store_author *by, const char *run_id,
                  struct run_held *held, struct api_error *err)
{
    struct run *run = fake_store_find(store, by->account, run_id, err);

    if (run == NULL)
        return false;
    run->deleted_ms = 0;
    *held = (struct run_held){.run = *run, .holder = store};
    return true;
}

bool
store_audit_note(struct store *store, const struct store_audit_entry *entry, struct api_error *err)
{
    const size_t place = (size_t)store->audit.notes++;

    if (fake_store_fails(store, err))
        return false;
    if (place < COUNT_OF(store->audit.noted))
        snprintf(store->audit.noted[place], sizeof store->audit.noted[place], "%s %s",
                 entry->action, entry->subject);
    return true;
}

bool
store_audit_list(struct store *store, const struct store_audit_query *query,
                 store_audit_visit *visit, void *context, bool *more, struct api_error *err)
{
    static char account[STORE_ACCOUNT_SIZE]; /* the call's own is gone when a test looks */

    if (fake_store_fails(store, err))
        return false;
    snprintf(account, sizeof account, "%s", query->account);
    store->audit.query = *query;
    store->audit.query.account = account;
    *more = store->audit.more;
    for (size_t i = 0; i < store->audit.entry_count; i++)
        if (!visit(&store->audit.entries[i], context))
            break;
    return true;
}

#endif
