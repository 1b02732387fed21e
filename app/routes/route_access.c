/*
 * route_access.c - who calls, and may they? Called by api/worker.c.
 * Next: store/store_key.c, store/store_session.c, base/rate.c.
 */
#include "route_private.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/rate.h"
#include "http/http_cors.h"
#include "store/store_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)SCOPE_READ == (int)STORE_SCOPE_READ &&
                   (int)SCOPE_WRITE == (int)STORE_SCOPE_WRITE &&
                   (int)SCOPE_ADMIN == (int)STORE_SCOPE_ADMIN,
               "a key's scopes are a route's");

static bool
is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* No key: the anonymous account, where there is one, and only for this machine's own programs. */
static bool
enter_anonymously(struct call *call, struct api_error *err)
{
    if (call->limits->anonymous[0] == '\0' || !is_loopback(call->req->remote))
        return api_fail(err, API_KEY_MISSING, NULL);
    snprintf(call->account, sizeof call->account, "%s", call->limits->anonymous);
    snprintf(call->actor, sizeof call->actor, "anonymous");
    call->scopes = SCOPE_READ | SCOPE_WRITE;
    return true;
}

static bool
enter_with_key(struct call *call, const struct store_key *key)
{
    snprintf(call->account, sizeof call->account, "%s", key->account);
    snprintf(call->actor, sizeof call->actor, "%s", key->id);
    call->scopes = key->scopes;
    return true;
}

/* A cookie whose session is over is taken back, so that the page can begin anew. */
static bool
enter_by_session(struct call *call, const char *token, struct api_error *err)
{
    struct store_key key;

    if (store_session_find(call->store, token, &key, err))
        return enter_with_key(call, &key);
    if (err->id == API_SESSION_OVER) {
        route_set_cookie(call, "", 0);
        http_reply_keep_headers(call->reply);
    }
    return false;
}

/* A key wins over a cookie: a program that sends one means it; browsers add cookies by themselves.
 */
bool
route_identify(struct call *call, struct api_error *err)
{
    const struct http_request *req = call->req;
    char token[STORE_SESSION_TOKEN_SIZE];
    struct store_key key;

    if (req->api_key_twice)
        return api_fail(err, API_KEY_WRONG, "Two API keys were sent; one is needed.");
    if (req->api_key != NULL)
        return store_key_find(call->store, req->api_key, &key, err) && enter_with_key(call, &key);
    if (req->cookie != NULL && store_session_read_cookie(req->cookie, token))
        return enter_by_session(call, token, err);
    return enter_anonymously(call, err);
}

static void
add_number(struct http_reply *reply, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    http_reply_header(reply, name, text);
}

bool
route_count_write(struct call *call, struct api_error *err)
{
    const int64_t rate = call->limits->write_rate;
    const uint64_t key = hash_text(hash_text(HASH_START, call->account), call->actor);
    struct rate_verdict verdict;
    bool good;

    if (rate == 0 || call->rates == NULL)
        return true;
    good = rate_take(call->rates, key, rate, clock_steady_us() * 1000, &verdict);
    add_number(call->reply, "RateLimit-Limit", rate);
    add_number(call->reply, "RateLimit-Remaining", verdict.left);
    add_number(call->reply, "RateLimit-Reset", verdict.wait_s);
    http_reply_keep_headers(call->reply);
    if (good)
        return true;
    api_fail(err, API_RATE_LIMITED,
             "More than %" PRId64 " writes a second with this key; a batch counts once.", rate);
    err->retry_after_s = (int)verdict.wait_s;
    return false;
}

bool
route_authenticate(struct call *call, const struct route *route, struct api_error *err)
{
    if (route->scope == SCOPE_NONE)
        return true;
    return route_identify(call, err) && (route->method == HTTP_GET || route_count_write(call, err));
}

/* Is `origin` "scheme://host" of this very server? */
static bool
is_own_origin(const struct http_request *req)
{
    const size_t size = strlen(req->scheme);

    return req->host != NULL && strncmp(req->origin, req->scheme, size) == 0 &&
           strncmp(req->origin + size, "://", 3) == 0 &&
           strcmp(req->origin + size + 3, req->host) == 0;
}

/*
 * A browser tells where a write comes from (Fetch Metadata, Origin); other clients tell nothing.
 * So no web page writes through the anonymous account or a cookie.
 */
static bool
is_cross_site(const struct call *call)
{
    const struct http_request *req = call->req;

    if (req->fetch_site != NULL && strcmp(req->fetch_site, "cross-site") == 0)
        return req->origin == NULL || !http_cors_is_listed(call->limits->origins, req->origin);
    return req->origin != NULL && !is_own_origin(req) &&
           !http_cors_is_listed(call->limits->origins, req->origin);
}

bool
route_authorise(const struct call *call, const struct route *route, struct api_error *err)
{
    if (route->scope != SCOPE_NONE && (call->scopes & route->scope) == 0)
        return api_fail(err, API_SCOPE_MISSING, NULL);
    if (call->req->method != HTTP_GET && is_cross_site(call))
        return api_fail(err, API_CROSS_SITE, NULL);
    return true;
}
