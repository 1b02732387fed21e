/*
 * route_link.c - where the next page of an answer begins: the Link header (RFC 8288).
 * Called by route_list.c, route_episode_list.c, route_evaluation.c, route_audit.c.
 * Next: http/http_query.c.
 */
#include "route_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The parameters that say where a page begins: the link has its own. */
static bool
is_place(const char *name)
{
    return strcmp(name, "after") == 0 || strcmp(name, "cursor") == 0 || strcmp(name, "offset") == 0;
}

static bool append(char *links, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool
append(char *links, size_t size, const char *fmt, ...)
{
    const size_t used = strlen(links);
    va_list args;
    int more;

    va_start(args, fmt);
    more = vsnprintf(links + used, size - used, fmt, args);
    va_end(args);
    return more >= 0 && (size_t)more < size - used;
}

/* A client of HTTP/1.0 may name no host: it gets a reference to its own (RFC 3986, 4.2). */
static bool
append_url(char *links, size_t size, const struct call *call, const struct http_query *parsed)
{
    const struct http_request *req = call->req;
    const bool named = req->host != NULL && *req->host != '\0';

    if (!append(links, size, "%s<%s%s%s%s?", *links == '\0' ? "" : ", ", named ? req->scheme : "",
                named ? "://" : "", named ? req->host : "", req->path))
        return false;
    for (size_t i = 0; i < parsed->count; i++) {
        const char *name = parsed->params[i].name, *value = parsed->params[i].value;

        if (is_place(name) || *value == '\0')
            continue;
        if (!http_query_encode(links, size, name) || !append(links, size, "=") ||
            !http_query_encode(links, size, value) || !append(links, size, "&"))
            return false;
    }
    return true;
}

bool
route_link_append(const struct call *call, const struct http_query *parsed, const char *rel,
                  const char *place, char *links, size_t size)
{
    const size_t before = strlen(links);

    if (append_url(links, size, call, parsed) && append(links, size, "%s>; rel=\"%s\"", place, rel))
        return true;
    links[before] = '\0';
    return false;
}
