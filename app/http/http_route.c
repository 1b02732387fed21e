/* http_route.c - finds the row for a request. Called by api/worker.c. Next: routes/routes.c. */
#include "http/http_route.h"

#include "http/http_cors.h"

#include <stdio.h>
#include <string.h>

/* Keep one path segment as a parameter. False when it is empty or too long. */
static bool
keep_param(struct http_request *req, size_t *count, const char *path)
{
    const size_t size = strcspn(path, "/");

    if (size == 0 || size >= HTTP_ROUTE_PARAM_SIZE || *count == HTTP_ROUTE_PARAMS_MAX)
        return false;
    memcpy(req->params[*count], path, size);
    req->params[*count][size] = '\0';
    (*count)++;
    return true;
}

static bool
pattern_matches(const char *pattern, struct http_request *req)
{
    const char *path = req->path;
    size_t params = 0;

    while (*pattern != '\0' && *path != '\0') {
        if (*pattern == ':') {
            if (!keep_param(req, &params, path))
                return false;
            pattern += strcspn(pattern, "/");
            path += strcspn(path, "/");
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == *path;
}

/* Append a name to "GET, HEAD", unless it is there; what does not fit is cut. */
static void
add_name(char *allow, size_t allow_size, const char *name)
{
    const size_t used = strlen(allow);

    if (strstr(allow, name) != NULL)
        return; /* another row, with a ":name", matches too */
    snprintf(allow + used, allow_size - used, "%s%s", used == 0 ? "" : ", ", name);
}

static const char *
method_names(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET, HEAD", [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH",   [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
    };

    return names[method];
}

const struct route *
http_route_find(const struct route *table, size_t count, struct http_request *req, char *allow,
                size_t allow_size, struct api_error *err)
{
    bool known = false;

    allow[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!pattern_matches(table[i].pattern, req))
            continue;
        if (table[i].method == req->method)
            return &table[i];
        known = true;
        add_name(allow, allow_size, method_names(table[i].method));
    }
    if (known)
        add_name(allow, allow_size, method_names(HTTP_OPTIONS));
    (void)api_fail(err, known ? API_METHOD_NOT_ALLOWED : API_ROUTE_NOT_FOUND, NULL);
    return NULL;
}

void
http_route_refuse(struct call *call, const char *allow, struct api_error *err)
{
    if (err->id == API_METHOD_NOT_ALLOWED && call->req->method == HTTP_OPTIONS) {
        *err = (struct api_error){.id = API_OK};
        http_cors_options(call, allow);
        return;
    }
    http_reply_error(call->reply, err);
    if (err->id == API_METHOD_NOT_ALLOWED)
        http_reply_header(call->reply, "Allow", allow);
    if (err->id == API_ENCODING_UNKNOWN) /* RFC 9110, section 15.5.16 */
        http_reply_header(call->reply, "Accept-Encoding", "gzip");
}
