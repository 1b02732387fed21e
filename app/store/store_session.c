/*
 * store_session.c - sessions. Called by routes/route_access.c, routes/route_session.c.
 * Next: store_key.c, schema/mongo/sessions.json.
 */
#include "store/store_session.h"

#include "base/auto.h"
#include "base/clock.h"
#include "store_private.h"
#include "store_secret.h"

#include <sodium.h>
#include <string.h>

#define TOKEN_PREFIX "ts_"
#define ID_SIZE (2 * STORE_SECRET_HASH_SIZE + 1)

/* A session's _id: its token's hash. */
static void
session_id(const unsigned char *hash, char id[ID_SIZE])
{
    sodium_bin2hex(id, ID_SIZE, hash, STORE_SECRET_HASH_SIZE);
}

bool
store_session_create(struct store *store, const struct store_key *key, int64_t now_ms,
                     int64_t life_ms, char token[STORE_SESSION_TOKEN_SIZE], struct api_error *err)
{
    AUTO_BSON doc = BSON_INITIALIZER;
    mongoc_collection_t *sessions = store_collection(store, STORE_SESSIONS, err);
    unsigned char hash[STORE_SECRET_HASH_SIZE];
    char id[ID_SIZE];
    bson_error_t cause;

    if (sessions == NULL)
        return false;
    store_secret_make(TOKEN_PREFIX, token);
    store_secret_hash(token, hash);
    session_id(hash, id);
    BCON_APPEND(&doc, "_id", BCON_UTF8(id), "key_id", BCON_UTF8(key->id), "account",
                BCON_UTF8(key->account), "created_at", BCON_DATE_TIME(now_ms), "expires_at",
                BCON_DATE_TIME(now_ms + life_ms));
    if (mongoc_collection_insert_one(sessions, &doc, NULL, NULL, &cause))
        return true;
    sodium_memzero(token, STORE_SESSION_TOKEN_SIZE);
    return store_fail(store, err, "create_session", &cause, NULL);
}

/* The key's id of a session that is not over. The server removes old ones, but not at once. */
static bool
load_session(struct store *store, const unsigned char *hash, char key_id[STORE_KEY_ID_SIZE],
             struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    mongoc_collection_t *sessions = store_collection(store, STORE_SESSIONS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bson_iter_t at;
    char id[ID_SIZE];
    bool failed;

    key_id[0] = '\0';
    if (sessions == NULL)
        return false;
    session_id(hash, id);
    BCON_APPEND(&filter, "_id", BCON_UTF8(id), "expires_at", "{", "$gt",
                BCON_DATE_TIME(clock_now_ms()), "}");
    cursor = mongoc_collection_find_with_opts(sessions, &filter, NULL, NULL);
    if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&at, doc, "key_id") &&
        BSON_ITER_HOLDS_UTF8(&at))
        snprintf(key_id, STORE_KEY_ID_SIZE, "%s", bson_iter_utf8(&at, NULL));
    failed = mongoc_cursor_error(cursor, &cause);
    mongoc_cursor_destroy(cursor);
    return failed ? store_fail(store, err, "find_session", &cause, NULL) : true;
}

static bool
load_key_of_session(struct store *store, const unsigned char *hash, struct store_key *key,
                    bool *found, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    char key_id[STORE_KEY_ID_SIZE];

    *found = false;
    if (!load_session(store, hash, key_id, err))
        return false;
    if (key_id[0] == '\0')
        return true;
    BSON_APPEND_UTF8(&filter, "_id", key_id);
    return store_key_load(store, &filter, key, found, err);
}

bool
store_session_find(struct store *store, const char *token, struct store_key *key,
                   struct api_error *err)
{
    bool found = false;

    if (store_secret_is_shaped(TOKEN_PREFIX, token) &&
        !store_secret_find(store, token, load_key_of_session, key, &found, err))
        return false;
    return found || api_fail(err, API_SESSION_OVER, NULL);
}

bool
store_session_delete(struct store *store, const char *token, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    mongoc_collection_t *sessions;
    unsigned char hash[STORE_SECRET_HASH_SIZE];
    char id[ID_SIZE];
    bson_error_t cause;

    if (!store_secret_is_shaped(TOKEN_PREFIX, token))
        return true;
    sessions = store_collection(store, STORE_SESSIONS, err);
    if (sessions == NULL)
        return false;
    store_secret_hash(token, hash);
    session_id(hash, id);
    BSON_APPEND_UTF8(&filter, "_id", id);
    return mongoc_collection_delete_one(sessions, &filter, NULL, NULL, &cause) ||
           store_fail(store, err, "delete_session", &cause, NULL);
}

bool
store_session_read_cookie(const char *cookies, char token[STORE_SESSION_TOKEN_SIZE])
{
    const size_t name = strlen(STORE_SESSION_COOKIE);

    while (*cookies != '\0') {
        const size_t pair = strcspn(cookies, "; ");

        if (pair == name + 1 + STORE_SESSION_TOKEN_SIZE - 1 &&
            strncmp(cookies, STORE_SESSION_COOKIE "=", name + 1) == 0) {
            memcpy(token, cookies + name + 1, STORE_SESSION_TOKEN_SIZE - 1);
            token[STORE_SESSION_TOKEN_SIZE - 1] = '\0';
            return true;
        }
        cookies += pair;
        cookies += strspn(cookies, "; ");
    }
    return false;
}
