/*
 * store_key.c - API keys, kept as hashes; answers about them are remembered for 2 s.
 * Called by routes/route_access.c, admin/admin_key.c, store_session.c.
 * Next: schema/mongo/api_keys.json.
 */
#include "store/store_key.h"

#include "base/auto.h"
#include "base/clock.h"
#include "store_private.h"
#include "store_secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define KEY_RANDOM_SIZE 32 /* bytes of randomness in a key: 43 characters of base64url */
#define KEY_PREFIX "ak_"
#define CACHE_ENTRIES 64
#define CACHE_LIFE_MS 2000 /* a revoked key must stop within 5 s */

static const struct {
    unsigned bit;
    const char *name;
} scope_names[] = {
    {STORE_SCOPE_READ, "read"},
    {STORE_SCOPE_WRITE, "write"},
    {STORE_SCOPE_ADMIN, "admin"},
};

struct cached_key {
    unsigned char hash[STORE_SECRET_HASH_SIZE];
    int64_t until_ms; /* on the steady clock; 0: the entry is empty */
    bool found;
    struct store_key key;
};

struct store_key_cache {
    struct cached_key entries[CACHE_ENTRIES];
};

void
store_key_cache_free(struct store_key_cache *cache)
{
    free(cache);
}

bool
store_account_is_valid(const char *text)
{
    size_t length =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return length > 0 && length < STORE_ACCOUNT_SIZE && text[length] == '\0';
}

unsigned
store_scope_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(scope_names); i++)
        if (strcmp(name, scope_names[i].name) == 0)
            return scope_names[i].bit;
    return 0;
}

const char *
store_scope_name(unsigned bit)
{
    for (size_t i = 0; i < COUNT_OF(scope_names); i++)
        if (scope_names[i].bit == bit)
            return scope_names[i].name;
    return NULL;
}

bool
store_secret_is_shaped(const char *three, const char *text)
{
    static const char base64url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t prefix = strlen(three);

    return strncmp(text, three, prefix) == 0 &&
           strspn(text + prefix, base64url) == STORE_KEY_TEXT_SIZE - 1 - prefix &&
           text[STORE_KEY_TEXT_SIZE - 1] == '\0';
}

void
store_secret_hash(const char *text, unsigned char hash[STORE_SECRET_HASH_SIZE])
{
    crypto_generichash(hash, STORE_SECRET_HASH_SIZE, (const unsigned char *)text, strlen(text),
                       NULL, 0);
}

/* ---- documents ---- */

static void
copy_text(const bson_iter_t *from, char *to, size_t size)
{
    to[0] = '\0';
    if (BSON_ITER_HOLDS_UTF8(from))
        snprintf(to, size, "%s", bson_iter_utf8(from, NULL));
}

static unsigned
scopes_from_bson(const bson_iter_t *array)
{
    bson_iter_t item;
    unsigned scopes = 0;

    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &item))
        return 0;
    while (bson_iter_next(&item))
        if (BSON_ITER_HOLDS_UTF8(&item))
            scopes |= store_scope_of(bson_iter_utf8(&item, NULL));
    return scopes;
}

static void
key_from_bson(const bson_t *doc, struct store_key *key)
{
    bson_iter_t at;

    memset(key, 0, sizeof *key);
    if (!bson_iter_init(&at, doc))
        return;
    while (bson_iter_next(&at)) {
        const char *name = bson_iter_key(&at);

        if (strcmp(name, "_id") == 0)
            copy_text(&at, key->id, sizeof key->id);
        else if (strcmp(name, "account") == 0)
            copy_text(&at, key->account, sizeof key->account);
        else if (strcmp(name, "name") == 0)
            copy_text(&at, key->name, sizeof key->name);
        else if (strcmp(name, "scopes") == 0)
            key->scopes = scopes_from_bson(&at);
        else if (strcmp(name, "created_at") == 0 && BSON_ITER_HOLDS_DATE_TIME(&at))
            key->created_ms = bson_iter_date_time(&at);
        else if (strcmp(name, "revoked_at") == 0 && BSON_ITER_HOLDS_DATE_TIME(&at))
            key->revoked_ms = bson_iter_date_time(&at);
    }
}

static void
key_to_bson(const struct store_key *key, const unsigned char hash[STORE_SECRET_HASH_SIZE],
            bson_t *doc)
{
    bson_t scopes;
    uint32_t count = 0;
    char digit[12];
    const char *index;

    BSON_APPEND_UTF8(doc, "_id", key->id);
    BSON_APPEND_BINARY(doc, "hash", BSON_SUBTYPE_BINARY, hash, STORE_SECRET_HASH_SIZE);
    BSON_APPEND_UTF8(doc, "account", key->account);
    BSON_APPEND_ARRAY_BEGIN(doc, "scopes", &scopes);
    for (size_t i = 0; i < COUNT_OF(scope_names); i++) {
        if ((key->scopes & scope_names[i].bit) == 0)
            continue;
        bson_uint32_to_string(count++, &index, digit, sizeof digit);
        BSON_APPEND_UTF8(&scopes, index, scope_names[i].name);
    }
    bson_append_array_end(doc, &scopes);
    if (key->name[0] != '\0')
        BSON_APPEND_UTF8(doc, "name", key->name);
    else
        BSON_APPEND_NULL(doc, "name");
    BSON_APPEND_DATE_TIME(doc, "created_at", key->created_ms);
    BSON_APPEND_NULL(doc, "revoked_at");
}

/* ---- finding, through the cache ---- */

/* The entry that holds hash and is still good, else the one to overwrite (until_ms is 0 then). */
static struct cached_key *
cache_entry(struct store_key_cache *cache, const unsigned char hash[STORE_SECRET_HASH_SIZE],
            int64_t now_ms)
{
    struct cached_key *oldest = &cache->entries[0];

    for (size_t i = 0; i < CACHE_ENTRIES; i++) {
        struct cached_key *entry = &cache->entries[i];

        if (entry->until_ms > now_ms && memcmp(entry->hash, hash, STORE_SECRET_HASH_SIZE) == 0)
            return entry;
        if (entry->until_ms < oldest->until_ms)
            oldest = entry;
    }
    oldest->until_ms = 0;
    return oldest;
}

bool
store_key_load(struct store *store, const bson_t *filter, struct store_key *key, bool *found,
               struct api_error *err)
{
    mongoc_collection_t *keys = store_collection(store, STORE_API_KEYS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool failed;

    if (keys == NULL)
        return false;
    cursor = mongoc_collection_find_with_opts(keys, filter, NULL, NULL);
    *found = mongoc_cursor_next(cursor, &doc);
    if (*found) {
        key_from_bson(doc, key);
        *found = key->revoked_ms == 0;
    }
    failed = mongoc_cursor_error(cursor, &cause);
    mongoc_cursor_destroy(cursor);
    return failed ? store_fail(store, err, "find_key", &cause, NULL) : true;
}

bool
store_secret_find(struct store *store, const char *text, store_secret_load *load,
                  struct store_key *key, bool *found, struct api_error *err)
{
    int64_t now_ms = clock_steady_ms();
    unsigned char hash[STORE_SECRET_HASH_SIZE];
    struct cached_key *entry;

    if (store->key_cache == NULL)
        store->key_cache = calloc(1, sizeof *store->key_cache);
    if (store->key_cache == NULL)
        return api_fail(err, API_INTERNAL, NULL);
    store_secret_hash(text, hash);
    entry = cache_entry(store->key_cache, hash, now_ms);
    if (entry->until_ms == 0) {
        memcpy(entry->hash, hash, sizeof hash);
        if (!load(store, hash, &entry->key, &entry->found, err))
            return false;
        entry->until_ms = now_ms + CACHE_LIFE_MS;
    }
    *found = entry->found;
    if (*found)
        *key = entry->key;
    return true;
}

static bool
load_key(struct store *store, const unsigned char *hash, struct store_key *key, bool *found,
         struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;

    BSON_APPEND_BINARY(&filter, "hash", BSON_SUBTYPE_BINARY, hash, STORE_SECRET_HASH_SIZE);
    return store_key_load(store, &filter, key, found, err);
}

bool
store_key_find(struct store *store, const char *key_text, struct store_key *key,
               struct api_error *err)
{
    bool found;

    if (!store_secret_is_shaped(KEY_PREFIX, key_text))
        return api_fail(err, API_KEY_WRONG, NULL);
    return store_secret_find(store, key_text, load_key, key, &found, err) &&
           (found || api_fail(err, API_KEY_WRONG, NULL));
}

/* ---- making, listing, revoking ---- */

static bool
ensure_account(struct store *store, const char *account, int64_t now_ms, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON change = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *accounts = store_collection(store, STORE_ACCOUNTS, err);
    bson_error_t cause;
    bson_t set;

    if (accounts == NULL)
        return false;
    BSON_APPEND_UTF8(&filter, "_id", account);
    BSON_APPEND_DOCUMENT_BEGIN(&change, "$setOnInsert", &set);
    BSON_APPEND_DATE_TIME(&set, "created_at", now_ms);
    bson_append_document_end(&change, &set);
    BSON_APPEND_BOOL(&opts, "upsert", true);
    if (!mongoc_collection_update_one(accounts, &filter, &change, &opts, NULL, &cause) &&
        !store_is_duplicate(&cause)) /* two at once: the other one made it */
        return store_fail(store, err, "ensure_account", &cause, NULL);
    return true;
}

void
store_secret_make(const char *three, char text[STORE_KEY_TEXT_SIZE])
{
    unsigned char random[KEY_RANDOM_SIZE];
    size_t prefix = strlen(three);

    randombytes_buf(random, sizeof random);
    memcpy(text, three, prefix);
    sodium_bin2base64(text + prefix, STORE_KEY_TEXT_SIZE - prefix, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
}

bool
store_key_create(struct store *store, struct store_key *key, char key_text[STORE_KEY_TEXT_SIZE],
                 struct api_error *err)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    unsigned char id[(STORE_KEY_ID_SIZE - 1) / 2];
    unsigned char hash[STORE_SECRET_HASH_SIZE];
    mongoc_collection_t *keys;
    bson_error_t cause;

    key->created_ms = clock_now_ms();
    key->revoked_ms = 0;
    if (!ensure_account(store, key->account, key->created_ms, err))
        return false;
    keys = store_collection(store, STORE_API_KEYS, err);
    if (keys == NULL)
        return false;
    randombytes_buf(id, sizeof id);
    sodium_bin2hex(key->id, sizeof key->id, id, sizeof id);
    store_secret_make(KEY_PREFIX, key_text);
    store_secret_hash(key_text, hash);
    key_to_bson(key, hash, &doc);
    if (mongoc_collection_insert_one(keys, &doc, NULL, NULL, &cause))
        return true;
    sodium_memzero(key_text, STORE_KEY_TEXT_SIZE);
    return store_fail(store, err, "create_key", &cause, NULL);
}

bool
store_key_list(struct store *store, const char *account, store_key_visit *visit, void *context,
               struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("sort", "{", "created_at", BCON_INT32(1), "_id", BCON_INT32(1), "}");
    mongoc_collection_t *keys = store_collection(store, STORE_API_KEYS, err);
    mongoc_cursor_t *cursor = NULL;
    const bson_t *doc;
    struct store_key key;
    bson_error_t cause;
    bool ok = false;

    if (keys == NULL)
        goto out;
    if (account != NULL)
        BSON_APPEND_UTF8(&filter, "account", account);
    cursor = mongoc_collection_find_with_opts(keys, &filter, opts, NULL);
    do {
        ok = mongoc_cursor_next(cursor, &doc);
        if (ok)
            key_from_bson(doc, &key);
    } while (ok && visit(&key, context));
    ok = !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "list_keys", &cause, NULL);
out:
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    return ok;
}

static int64_t
reply_count(const bson_t *reply, const char *name)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, reply, name) ? bson_iter_as_int64(&at) : 0;
}

bool
store_key_revoke(struct store *store, const char *id, const char *account, int64_t *matched,
                 int64_t *revoked, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON change = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    mongoc_collection_t *keys = store_collection(store, STORE_API_KEYS, err);
    bson_error_t cause;
    bson_t set;
    int64_t count;

    if (keys == NULL)
        return false;
    if (id != NULL)
        BSON_APPEND_UTF8(&filter, "_id", id);
    if (account != NULL)
        BSON_APPEND_UTF8(&filter, "account", account);
    count = mongoc_collection_count_documents(keys, &filter, NULL, NULL, NULL, &cause);
    if (count < 0)
        return store_fail(store, err, "count_keys", &cause, NULL);
    BSON_APPEND_NULL(&filter, "revoked_at");
    BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
    BSON_APPEND_DATE_TIME(&set, "revoked_at", clock_now_ms());
    bson_append_document_end(&change, &set);
    bson_destroy(&reply); /* the driver makes it anew */
    if (!mongoc_collection_update_many(keys, &filter, &change, NULL, &reply, &cause))
        return store_fail(store, err, "revoke_keys", &cause, &reply);
    *matched = count;
    *revoked = reply_count(&reply, "modifiedCount");
    return true;
}
