/*
 * route_access.c - who calls, and may they? Called by api/worker.c. Next: store/store_key.c.
 */
#include "routes/routes.h"

#include "store/store_key.h"

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

bool
route_authenticate(struct call *call, const struct route *route, struct api_error *err)
{
    struct store_key key;

    if (route->scope == SCOPE_NONE)
        return true;
    if (call->req->api_key_twice)
        return api_fail(err, API_KEY_WRONG, "Two API keys were sent; one is needed.");
    if (call->req->api_key == NULL)
        return enter_anonymously(call, err);
    if (!store_key_find(call->store, call->req->api_key, &key, err))
        return false;
    snprintf(call->account, sizeof call->account, "%s", key.account);
    snprintf(call->actor, sizeof call->actor, "%s", key.id);
    call->scopes = key.scopes;
    return true;
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

/* Is `origin` one of a comma-separated list? */
static bool
is_listed(const char *list, const char *origin)
{
    const size_t size = strlen(origin);

    while (*list != '\0') {
        const size_t item = strcspn(list, ", ");

        if (item == size && size > 0 && strncmp(list, origin, size) == 0)
            return true;
        list += item;
        list += strspn(list, ", ");
    }
    return false;
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
        return req->origin == NULL || !is_listed(call->limits->origins, req->origin);
    return req->origin != NULL && !is_own_origin(req) &&
           !is_listed(call->limits->origins, req->origin);
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
