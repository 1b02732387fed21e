/*
 * store_key.h - API keys: found by their hash, made, listed, revoked. The key itself is never
 * stored; it is shown once, when it is made.
 */
#ifndef STORE_STORE_KEY_H
#define STORE_STORE_KEY_H

#include "store/store.h"

#define STORE_KEY_TEXT_SIZE 47  /* "ak_", 43 characters of base64url, NUL */
#define STORE_KEY_ID_SIZE 17    /* 16 hexadecimal digits, NUL */
#define STORE_ACCOUNT_SIZE 65   /* 1-64 of A-Z a-z 0-9 . _ -, NUL */
#define STORE_KEY_NAME_SIZE 129 /* free text for people, NUL */

/* What a key allows, as bits. The same values as enum scope of http/http_route.h. */
#define STORE_SCOPE_READ 1U
#define STORE_SCOPE_WRITE 2U
#define STORE_SCOPE_ADMIN 4U

struct store_key {
    char id[STORE_KEY_ID_SIZE]; /* names the key when it is revoked; no secret */
    char account[STORE_ACCOUNT_SIZE];
    char name[STORE_KEY_NAME_SIZE]; /* "" when none was given */
    unsigned scopes;                /* STORE_SCOPE_… */
    int64_t created_ms;             /* UTC, milliseconds since 1970 */
    int64_t revoked_ms;             /* 0: not revoked */
};

/* Whether text is an account's name: 1-64 of A-Z a-z 0-9 . _ -. */
bool store_account_is_valid(const char *text);

/* The bit of "read", "write" or "admin"; 0 when name is none of them. */
unsigned store_scope_of(const char *name);

/* The name of one bit; NULL when it is none. */
const char *store_scope_name(unsigned bit);

/*
 * Look a key up. An answer, yes or no, may be 2 s old: a revoked key stops within that time, a
 * new key starts within it. Errors: KEY_WRONG (unknown or revoked), STORE_UNAVAILABLE.
 */
bool store_key_find(struct store *store, const char *key_text, struct store_key *key,
                    struct api_error *err);

/*
 * Make a key for key->account with key->scopes and key->name; the account is made too when it is
 * new. Fills key->id and key->created_ms, and key_text, which exists nowhere else: the caller
 * wipes it (sodium_memzero) once it is shown. Errors: STORE_UNAVAILABLE, STORE_FULL.
 */
bool store_key_create(struct store *store, struct store_key *key,
                      char key_text[STORE_KEY_TEXT_SIZE], struct api_error *err);

/* Called with each key of a list; borrowed. False ends the list early. */
typedef bool store_key_visit(const struct store_key *key, void *context);

/* All keys, or those of one account when account is not NULL, oldest first; revoked ones too. */
bool store_key_list(struct store *store, const char *account, store_key_visit *visit, void *context,
                    struct api_error *err);

/*
 * Revoke one key by its id (account NULL: whosever it is), or with id NULL all of an account.
 * *revoked tells how many were in force until now; *matched how many there are. Both may be 0.
 */
bool store_key_revoke(struct store *store, const char *id, const char *account, int64_t *matched,
                      int64_t *revoked, struct api_error *err);

#endif
