/*
 * store_session.h - sessions: a web page's way to use an API key without keeping it. A session is
 * found by its token, which is stored as a hash only, and is as good as the key that opened it.
 */
#ifndef STORE_STORE_SESSION_H
#define STORE_STORE_SESSION_H

#include "store/store_key.h"

#define STORE_SESSION_COOKIE "training_session" /* the cookie that holds the token */
#define STORE_SESSION_TOKEN_SIZE STORE_KEY_TEXT_SIZE

/*
 * Open a session of this key for life_ms from now_ms (UTC) on. The token exists nowhere else.
 * Errors: STORE_UNAVAILABLE, STORE_FULL.
 */
bool store_session_create(struct store *store, const struct store_key *key, int64_t now_ms,
                          int64_t life_ms, char token[STORE_SESSION_TOKEN_SIZE],
                          struct api_error *err);

/*
 * The key behind a token. An answer may be 2 s old, as store_key_find's. Errors: SESSION_OVER
 * (unknown, ended, too old, or its key was revoked), STORE_UNAVAILABLE.
 */
bool store_session_find(struct store *store, const char *token, struct store_key *key,
                        struct api_error *err);

/* End a session, if there is one. Errors: STORE_UNAVAILABLE. */
bool store_session_delete(struct store *store, const char *token, struct api_error *err);

/*
 * The token within a Cookie header (RFC 6265, section 4.2). False when there is none of the right
 * length. Pure; for whoever else meets the cookie.
 */
bool store_session_read_cookie(const char *cookies, char token[STORE_SESSION_TOKEN_SIZE]);

#endif
