/*
 * http_request.c - reads a request from FastCGI. Called by api/worker.c. Next: http_inflate.c,
 * http_route.c.
 */
#include "http/http_request.h"

#include "http/http_inflate.h"

#include "base/auto.h"
#include "base/json_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GZIP_PIECE_SIZE ((size_t)16 * 1024)

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {
    {"GET", HTTP_GET},     {"HEAD", HTTP_GET},      {"POST", HTTP_POST},       {"PUT", HTTP_PUT},
    {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
};

/* The value of a "NAME=value" parameter when it is this name's and not empty, else NULL. */
static const char *
value_of(const char *param, const char *name)
{
    const size_t size = strlen(name);

    if (strncmp(param, name, size) != 0 || param[size] != '=' || param[size + 1] == '\0')
        return NULL;
    return param + size + 1;
}

/* nginx's "1700000000.123" as milliseconds; `otherwise` when it is not that. */
static int64_t
read_msec(const char *text, int64_t otherwise)
{
    char *end;
    long long seconds;
    long ms = 0;

    if (text == NULL)
        return otherwise;
    errno = 0;
    seconds = strtoll(text, &end, 10);
    if (errno != 0 || end == text || seconds <= 0 || seconds > INT64_MAX / 2000)
        return otherwise;
    if (*end == '.' && strlen(end + 1) == 3)
        ms = strtol(end + 1, NULL, 10);
    return seconds * 1000 + ms;
}

/* One pass over the parameters; those that matter land in *req. */
static void
read_params(FCGX_Request *fcgi, int64_t now_ms, struct http_request *req)
{
    struct {
        const char *name;
        const char **value;
    } wanted[] = {
        {"HTTP_X_API_KEY", &req->api_key},
        {"CONTENT_TYPE", &req->content_type},
        {"HTTP_CONTENT_ENCODING", &req->content_encoding},
        {"HTTP_COOKIE", &req->cookie},
        {"HTTP_IF_NONE_MATCH", &req->if_none_match},
        {"HTTP_ORIGIN", &req->origin},
        {"HTTP_SEC_FETCH_SITE", &req->fetch_site},
        {"HTTP_HOST", &req->host},
        {"REQUEST_SCHEME", &req->scheme},
        {"REMOTE_ADDR", &req->remote},
        {"QUERY_STRING", &req->query},
        {"REQUEST_METHOD", &req->method_name},
    };
    const char *value;

    for (char **param = fcgi->envp; param != NULL && *param != NULL; param++) {
        for (size_t i = 0; i < COUNT_OF(wanted); i++)
            if ((value = value_of(*param, wanted[i].name)) != NULL) {
                if (i == 0 && req->api_key != NULL)
                    req->api_key_twice = true;
                *wanted[i].value = value;
            }
        if ((value = value_of(*param, "REQUEST_ID")) != NULL)
            snprintf(req->id, sizeof req->id, "%s", value);
        if ((value = value_of(*param, "HTTP_IDEMPOTENCY_KEY")) != NULL)
            req->idempotency_key = value;
        if ((value = value_of(*param, "REQUEST_MSEC")) != NULL)
            req->arrived_ms = read_msec(value, now_ms);
        if ((value = value_of(*param, "CONTENT_LENGTH")) != NULL)
            req->content_length = (size_t)strtoull(value, NULL, 10);
    }
}

static bool
read_path(FCGX_Request *fcgi, struct http_request *req, struct api_error *err)
{
    const char *path = FCGX_GetParam("DOCUMENT_URI", fcgi->envp);
    size_t size;

    if (path == NULL)
        return api_fail(err, API_INTERNAL, "The gateway sent no path.");
    size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size >= sizeof req->path)
        return api_fail(err, API_ROUTE_NOT_FOUND, NULL);
    memcpy(req->path, path, size);
    req->path[size] = '\0';
    return true;
}

bool
http_request_read_head(FCGX_Request *fcgi, int64_t now_ms, struct http_request *req,
                       struct api_error *err)
{
    *req = (struct http_request){
        .query = "", .scheme = "http", .remote = "", .method_name = "", .arrived_ms = now_ms};
    read_params(fcgi, now_ms, req);
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(methods[i].name, req->method_name) == 0)
            req->method = methods[i].method;
    req->head = strcmp(req->method_name, "HEAD") == 0;
    /* A method that no table knows is 0 and matches no row: 405 where the path exists. */
    return read_path(fcgi, req, err);
}

void
http_request_drain(FCGX_Request *fcgi)
{
    char waste[16 * 1024];

    /* Bounded by nginx's client_max_body_size and the socket's receive time-out. */
    while (FCGX_GetStr(waste, (int)sizeof waste, fcgi->in) > 0)
        ;
}

/* "application/json", with or without parameters; also "…+json"; absent counts as JSON. */
static bool
is_json_type(const char *type)
{
    size_t size;

    if (type == NULL)
        return true;
    size = strcspn(type, "; \t");
    if (size == strlen("application/json") && strncasecmp(type, "application/json", size) == 0)
        return true;
    return size > 5 && strncasecmp(type, "application/", 12) == 0 &&
           strncasecmp(type + size - 5, "+json", 5) == 0;
}

/* All announced bytes of the body into req->body, as they come. */
static bool
read_plain(FCGX_Request *fcgi, struct http_request *req, struct api_error *err)
{
    req->body = malloc(req->content_length + 1);
    if (req->body == NULL)
        return api_fail(err, API_INTERNAL, NULL);
    while (req->body_size < req->content_length) {
        int got = FCGX_GetStr(req->body + req->body_size,
                              (int)(req->content_length - req->body_size), fcgi->in);

        if (got <= 0)
            break;
        req->body_size += (size_t)got;
    }
    req->body[req->body_size] = '\0';
    /* libfcgi answers a cut stream with a short read and no error of its own (findings, 5). */
    if (req->body_size != req->content_length || FCGX_GetError(fcgi->in) != 0)
        return api_fail(err, API_BODY_CUT_SHORT, NULL);
    return true;
}

/* The same through gzip; at most max bytes, however many they were said to be. */
static bool
read_gzip(FCGX_Request *fcgi, size_t max, struct http_request *req, struct api_error *err)
{
    struct http_inflate *gzip = http_inflate_new(max);
    char piece[GZIP_PIECE_SIZE];
    size_t got_size = 0;
    int got;
    bool good = true;

    while (good && (got = FCGX_GetStr(piece, (int)sizeof piece, fcgi->in)) > 0) {
        got_size += (size_t)got;
        good = got_size <= req->content_length && http_inflate_feed(gzip, piece, (size_t)got, err);
    }
    if (err->id == API_OK && (got_size != req->content_length || FCGX_GetError(fcgi->in) != 0))
        good = api_fail(err, API_BODY_CUT_SHORT, NULL);
    if (good && (req->body = http_inflate_take(gzip, &req->body_size, err)) == NULL)
        good = false;
    http_inflate_free(gzip);
    return good;
}

/* Content-Encoding (RFC 9110, section 8.4): none, or one that is known here. */
static bool
read_bytes(FCGX_Request *fcgi, size_t max, struct http_request *req, struct api_error *err)
{
    const char *encoding = req->content_encoding;

    if (encoding == NULL || strcasecmp(encoding, "identity") == 0)
        return read_plain(fcgi, req, err);
    if (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0)
        return read_gzip(fcgi, max, req, err);
    return api_fail(err, API_ENCODING_UNKNOWN, NULL);
}

static bool
is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

bool
http_request_read_body(FCGX_Request *fcgi, enum http_body body, size_t max,
                       struct http_request *req, struct api_error *err)
{
    if (req->content_length > max)
        return api_fail(err, API_BODY_TOO_LARGE, "The body is larger than %zu bytes.", max);
    if (body == HTTP_BODY_IGNORED)
        return true;
    (void)read_bytes(fcgi, max, req, err);
    /* What is wrong within the compressed bytes comes after their type. */
    if ((err->id == API_OK || err->id == API_BODY_NOT_GZIP) && !is_json_type(req->content_type))
        return api_fail(err, API_BODY_NOT_JSON_TYPE, NULL);
    if (err->id != API_OK)
        return false;
    if (is_blank(req->body) && strlen(req->body) == req->body_size)
        return api_fail(err, API_BODY_MISSING, NULL);
    return json_text_parse(req->body, req->body_size, &req->json, err);
}

void
http_request_clear(struct http_request *req)
{
    free(req->body);
    json_object_put(req->json);
    *req = (struct http_request){.query = ""};
}
