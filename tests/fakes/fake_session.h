/*
 * fake_session.h - keys that are made and revoked, one session and a count of the audit's entries.
 * Included by fake_store.h.
 */
#ifndef FAKES_FAKE_SESSION_H
#define FAKES_FAKE_SESSION_H

#include "fakes/fake_store.h"
#include "store/store_audit.h"
#include "store/store_session.h"

#define FAKE_TOKEN "ts_0123456789012345678901234567890123456789012"

bool
store_account_is_valid(const char *text)
{
    return *text != '\0';
}

unsigned
store_scope_of(const char *name)
{
    return strcmp(name, "read") == 0    ? STORE_SCOPE_READ
           : strcmp(name, "write") == 0 ? STORE_SCOPE_WRITE
           : strcmp(name, "admin") == 0 ? STORE_SCOPE_ADMIN
                                        : 0;
}

const char *
store_scope_name(unsigned bit)
{
    return bit == STORE_SCOPE_READ ? "read" : bit == STORE_SCOPE_WRITE ? "write" : "admin";
}

bool
store_key_create(struct store *store, struct store_key *key, char text[STORE_KEY_TEXT_SIZE],
                 struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    store->sessions.made++;
    strcpy(key->id, "00000000000000aa");
    key->created_ms = 1;
    store->keys[FAKE_KEYS_MAX - 1] = *key;
    strcpy(text, "ak_new");
    return true;
}

bool
store_key_list(struct store *store, const char *account, store_key_visit *visit, void *context,
               struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        if (store->keys[i].id[0] != '\0' && strcmp(store->keys[i].account, account) == 0)
            visit(&store->keys[i], context);
    return true;
}

bool
store_key_revoke(struct store *store, const char *id, const char *account, int64_t *matched,
                 int64_t *revoked, struct api_error *err)
{
    *matched = *revoked = 0;
    if (fake_store_fails(store, err))
        return false;
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++) {
        struct store_key *key = &store->keys[i];

        if (strcmp(key->id, id) != 0 || strcmp(key->account, account) != 0)
            continue;
        *matched += 1;
        *revoked += key->revoked_ms == 0;
        key->revoked_ms = 1;
    }
    store->sessions.revoked += (int)*revoked;
    return true;
}

bool
store_session_create(struct store *store, const struct store_key *key, int64_t now_ms,
                     int64_t life_ms, char token[STORE_SESSION_TOKEN_SIZE], struct api_error *err)
{
    (void)now_ms;
    if (fake_store_fails(store, err))
        return false;
    strcpy(store->sessions.token, FAKE_TOKEN);
    strcpy(token, FAKE_TOKEN);
    store->sessions.key = *key;
    store->sessions.life_ms = life_ms;
    return true;
}

bool
store_session_find(struct store *store, const char *token, struct store_key *key,
                   struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    if (store->sessions.token[0] == '\0' || strcmp(store->sessions.token, token) != 0)
        return api_fail(err, API_SESSION_OVER, NULL);
    *key = store->sessions.key;
    return true;
}

bool
store_session_delete(struct store *store, const char *token, struct api_error *err)
{
    if (fake_store_fails(store, err))
        return false;
    if (strcmp(store->sessions.token, token) == 0)
        store->sessions.token[0] = '\0';
    return true;
}

bool
store_session_read_cookie(const char *cookies, char token[STORE_SESSION_TOKEN_SIZE])
{
    const char *at = strstr(cookies, STORE_SESSION_COOKIE "=");

    if (at != NULL)
        snprintf(token, STORE_SESSION_TOKEN_SIZE, "%s", strchr(at, '=') + 1);
    return at != NULL;
}

#endif
