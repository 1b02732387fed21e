/*
 * route_table.c - the route table as text, for `training-api --routes` and whoever checks a
 * description against it. Called by api/main.c, route_prometheus.c. Next: routes.c.
 */
#include "routes/routes.h"

const char *
route_method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",     [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
    };

    return names[method];
}

static const char *
scope_name(enum scope scope)
{
    switch (scope) {
    case SCOPE_READ:
        return "read";
    case SCOPE_WRITE:
        return "write";
    case SCOPE_ADMIN:
        return "admin";
    case SCOPE_NONE:
        break;
    }
    return "-";
}

void
routes_print(FILE *out)
{
    for (size_t i = 0; i < routes_count; i++)
        fprintf(out, "%s %s %s\n", route_method_name(routes[i].method), routes[i].pattern,
                scope_name(routes[i].scope));
}
