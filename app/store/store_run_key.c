/*
 * store_run_key.c - remembers the runs last written, which saves a look-up an episode. A run keeps
 * its ObjectId for life, so what is remembered is never another run's. Called by store_episode.c.
 * Next: store_run.c.
 */
#include "store_run_key.h"

#include "store/store_run.h"
#include "store_bson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_COUNT 128 /* runs remembered by a worker, 20 KiB */

struct remembered {
    char account[STORE_ACCOUNT_SIZE];
    char run_id[RUN_ID_MAX + 1];
    struct run_key key;
};

struct store_run_keys {
    struct remembered keys[KEYS_COUNT]; /* by the hash of (account, run_id); "" is empty */
};

/* The one place where a run may be remembered. FNV-1a. */
static struct remembered *
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
holds(const struct remembered *place, const char *account, const char *run_id)
{
    return place != NULL && strcmp(place->run_id, run_id) == 0 &&
           strcmp(place->account, account) == 0;
}

bool
store_run_key(struct store *store, const char *account, const char *run_id, struct run_key *key,
              bool *remembered, struct api_error *err)
{
    struct remembered *place = place_of(store, account, run_id);
    struct run_held held = {.holder = NULL};

    *remembered = holds(place, account, run_id);
    if (*remembered) {
        *key = place->key;
        return true;
    }
    if (!store_run_find(store, account, run_id, &held, err))
        return false;
    *key = (struct run_key){.rows_max = 0};
    bson_oid_init_from_string(&key->oid, held.run.oid);
    store_run_release(&held);
    if (place != NULL) {
        snprintf(place->account, sizeof place->account, "%s", account);
        snprintf(place->run_id, sizeof place->run_id, "%s", run_id);
        place->key = *key;
    }
    return true;
}

void
store_run_key_learn(struct store *store, const char *account, const char *run_id,
                    struct run_key *key, const bson_t *header)
{
    struct remembered *place = place_of(store, account, run_id);

    key->rows_max = store_read_whole(header, "rows_max");
    key->merges = store_read_whole(header, "merges");
    key->fence = store_read_whole(header, "fence");
    if (holds(place, account, run_id))
        place->key = *key;
}

void
store_run_key_forget(struct store *store, const char *account, const char *run_id)
{
    struct remembered *place = place_of(store, account, run_id);

    if (holds(place, account, run_id))
        place->run_id[0] = '\0';
}

void
store_run_keys_free(struct store_run_keys *keys)
{
    free(keys);
}
