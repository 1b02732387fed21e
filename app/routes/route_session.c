/*
 * route_session.c - a web page gives its API key once and gets a cookie: /api/session.
 * Called through routes.c. Next: store/store_session.c, route_access.c.
 */
#include "route_private.h"

#include "base/json_text.h"
#include "store/store_audit.h"
#include "store/store_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
route_set_cookie(struct call *call, const char *token, int64_t life_ms)
{
    const bool secure = strcmp(call->req->scheme, "https") == 0;
    char cookie[256];

    snprintf(cookie, sizeof cookie,
             STORE_SESSION_COOKIE "=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s",
             token, life_ms / 1000, secure ? "; Secure" : "");
    http_reply_header(call->reply, "Set-Cookie", cookie);
}

/* Who it is that asks; never kept by a cache. */
static void
reply_caller(struct call *call, bool anonymous)
{
    struct json_out json = http_reply_json(call->reply, 200);

    http_reply_no_store(call->reply);
    json_out_object(&json, NULL);
    json_out_text(&json, "account", call->account);
    route_write_scopes(&json, call->scopes);
    json_out_bool(&json, "anonymous", anonymous);
    json_out_object_end(&json);
}

static bool
note(const struct call *call, const char *action, const struct store_key *key,
     struct api_error *err)
{
    const struct store_author by = {.account = key->account,
                                    .actor = key->id,
                                    .request_id = call->req->id,
                                    .now_ms = call->now_ms};
    const struct store_audit_entry entry = {.by = by, .action = action, .subject = key->id};

    return store_audit_note(call->store, &entry, err);
}

/* GET /api/session: {account, scopes, anonymous} of whoever asks, by key, cookie or neither. */
bool
route_session_show(struct call *call, struct api_error *err)
{
    if (!route_identify(call, err))
        return false;
    reply_caller(call, strcmp(call->actor, "anonymous") == 0);
    return true;
}

/* POST /api/session {api_key}: 200 and the cookie. 401 when the key is wrong. */
bool
route_session_create(struct call *call, struct api_error *err)
{
    const char *given = json_text_string(json_object_object_get(call->req->json, "api_key"));
    const int64_t life_ms = call->limits->session_ms;
    char token[STORE_SESSION_TOKEN_SIZE];
    struct store_key key;

    if (given == NULL)
        return api_fault(err, "api_key", "must be an API key");
    if (!store_key_find(call->store, given, &key, err))
        return false;
    snprintf(call->account, sizeof call->account, "%s", key.account);
    snprintf(call->actor, sizeof call->actor, "%s", key.id);
    call->scopes = key.scopes;
    if (!route_count_write(call, err) ||
        !store_session_create(call->store, &key, call->now_ms, life_ms, token, err))
        return false;
    route_set_cookie(call, token, life_ms);
    explicit_bzero(token, sizeof token);
    reply_caller(call, false);
    return note(call, "session.create", &key, err);
}

/* DELETE /api/session: 204, and no cookie any more, whether there was a session or not. */
bool
route_session_delete(struct call *call, struct api_error *err)
{
    const char *cookies = call->req->cookie == NULL ? "" : call->req->cookie;
    char token[STORE_SESSION_TOKEN_SIZE];
    struct store_key key;
    bool known;

    http_reply_empty(call->reply, 204);
    route_set_cookie(call, "", 0);
    if (!store_session_read_cookie(cookies, token))
        return true;
    known = store_session_find(call->store, token, &key, err);
    if (!known && err->id != API_SESSION_OVER)
        return false;
    *err = (struct api_error){.id = API_OK};
    return store_session_delete(call->store, token, err) &&
           (!known || note(call, "session.delete", &key, err));
}
