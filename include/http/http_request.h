/* http_request.h - one request as the worker meets it: its head, then its body. */
#ifndef HTTP_HTTP_REQUEST_H
#define HTTP_HTTP_REQUEST_H

#include "base/api_error.h"

#include <fcgiapp.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

enum http_method { HTTP_GET = 1, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

#define HTTP_PATH_MAX 1024      /* bytes with the NUL; a longer path is nowhere */
#define HTTP_REQUEST_ID_SIZE 65 /* bytes with the NUL */
#define HTTP_ROUTE_PARAMS_MAX 2
#define HTTP_ROUTE_PARAM_SIZE 256 /* bytes with the NUL; a longer segment matches no row */

struct http_request {
    enum http_method method;
    const char *method_name;  /* as sent; borrowed */
    bool head;                /* HEAD: answered as GET, without the body */
    char path[HTTP_PATH_MAX]; /* decoded, without a trailing slash */
    const char *query;        /* raw query string, never NULL; borrowed */
    const char *api_key;      /* X-API-Key, or NULL; borrowed */
    bool api_key_twice;
    const char *cookie;            /* Cookie, or NULL; borrowed */
    const char *if_none_match;     /* or NULL */
    const char *content_encoding;  /* or NULL */
    const char *content_type;      /* or NULL */
    const char *origin;            /* Origin, or NULL */
    const char *fetch_site;        /* Sec-Fetch-Site, or NULL */
    const char *host;              /* Host, or NULL */
    const char *idempotency_key;   /* Idempotency-Key, or NULL */
    const char *scheme;            /* "http" or "https" */
    const char *remote;            /* the client's address, or "" */
    char id[HTTP_REQUEST_ID_SIZE]; /* X-Request-Id, nginx's or the client's own */
    int64_t arrived_ms;            /* when nginx had the request, UTC */
    size_t content_length;         /* as announced */
    char *body;                    /* owned; NUL-terminated; NULL until http_request_read_body */
    size_t body_size;              /* bytes, not counting the NUL */
    json_object *json;             /* owned; the parsed body, NULL when the route takes none */
    char params[HTTP_ROUTE_PARAMS_MAX][HTTP_ROUTE_PARAM_SIZE]; /* the ":name" segments in order */
};

/* What a route does with a request's body. */
enum http_body {
    HTTP_BODY_IGNORED, /* any or none; left for http_request_drain */
    HTTP_BODY_JSON,    /* one JSON value is needed */
};

/*
 * Read method, path and headers. *req borrows from fcgi until http_request_clear.
 * now_ms stands in when nginx sent no time stamp. Errors: METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND
 * (path too long), INTERNAL (the gateway sent no method or path).
 */
bool http_request_read_head(FCGX_Request *fcgi, int64_t now_ms, struct http_request *req,
                            struct api_error *err);

/*
 * Read the body (max bytes, both as it came and inflated), check its type and parse it, as `body`
 * says. What is too large is left for http_request_drain: nginx answers 502 to a reply that comes
 * before it has sent the body.
 * Errors, in this order: BODY_TOO_LARGE, BODY_CUT_SHORT, ENCODING_UNKNOWN, BODY_NOT_JSON_TYPE,
 * BODY_NOT_GZIP, BODY_MISSING, BODY_NOT_JSON, FIELD_INVALID (integers beyond 64 bits, a NUL in a
 * key).
 */
bool http_request_read_body(FCGX_Request *fcgi, enum http_body body, size_t max,
                            struct http_request *req, struct api_error *err);

/* The rest of a body that nobody asked for, so that nginx hears our error and not its own. */
void http_request_drain(FCGX_Request *fcgi);

/* Free what *req owns. */
void http_request_clear(struct http_request *req);

#endif
