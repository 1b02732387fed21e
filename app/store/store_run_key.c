/*
 * store_run_key.c - remembers the ObjectIds of the runs last written, which saves a look-up an
 * episode. A run keeps its ObjectId for life, so what is remembered is never another run's.
 * Called by store_episode.c. Next: store_run.c.
 */
#include "store_run_key.h"

#include "store/store_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_COUNT 128 /* runs remembered by a worker, 20 KiB */

struct run_key {
    char account[STORE_ACCOUNT_SIZE];
    char run_id[RUN_ID_MAX + 1];
    bson_oid_t oid;
};

struct store_run_keys {
    struct run_key keys[KEYS_COUNT]; /* by the hash of (account, run_id); "" is empty */
};

/* The one place where a run may be remembered. FNV-1a. */
static struct run_key *
place_of(struct store *store, const char *account, const char *run_id)
{
    const char *const parts[] = {account, run_id};
    uint32_t hash = 2166136261U;

    if (store->run_keys == NULL)
        store->run_keys = calloc(1, sizeof *store->run_keys);
    if (store->run_keys == NULL)
        return NULL;
    for (size_t i = 0; i < 2; i++)
        for (const char *c = parts[i]; *c != '\0'; c++)
            hash = (hash ^ (unsigned char)*c) * 16777619U;
    return &store->run_keys->keys[hash % KEYS_COUNT];
}

static bool
holds(const struct run_key *key, const char *account, const char *run_id)
{
    return key != NULL && strcmp(key->run_id, run_id) == 0 && strcmp(key->account, account) == 0;
}

bool
store_run_key(struct store *store, const char *account, const char *run_id, bson_oid_t *oid,
              bool *remembered, struct api_error *err)
{
    struct run_key *key = place_of(store, account, run_id);
    struct run_held held = {.holder = NULL};

    *remembered = holds(key, account, run_id);
    if (*remembered) {
        *oid = key->oid;
        return true;
    }
    if (!store_run_find(store, account, run_id, &held, err))
        return false;
    bson_oid_init_from_string(oid, held.run.oid);
    store_run_release(&held);
    if (key != NULL) {
        snprintf(key->account, sizeof key->account, "%s", account);
        snprintf(key->run_id, sizeof key->run_id, "%s", run_id);
        key->oid = *oid;
    }
    return true;
}

void
store_run_key_forget(struct store *store, const char *account, const char *run_id)
{
    struct run_key *key = place_of(store, account, run_id);

    if (holds(key, account, run_id))
        key->run_id[0] = '\0';
}

void
store_run_keys_free(struct store_run_keys *keys)
{
    free(keys);
}
