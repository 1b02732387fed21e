/* http_route.h - the shape of a route and of a call, and how a row is found. */
#ifndef HTTP_HTTP_ROUTE_H
#define HTTP_HTTP_ROUTE_H

#include "http/http_reply.h"
#include "http/http_request.h"

#include <stdint.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define ACCOUNT_NAME_MAX 64 /* bytes, not counting the NUL */
#define ACTOR_NAME_MAX 31   /* the same */

struct store;
struct meter;
struct rates;

enum scope { SCOPE_NONE = 0, SCOPE_READ = 1, SCOPE_WRITE = 2, SCOPE_ADMIN = 4 };

/* What a deployment may change about the routes' behaviour; read from the settings. */
struct route_limits {
    size_t body_max;           /* bytes */
    size_t batch_body_max;     /* bytes */
    size_t config_max;         /* bytes of config's JSON text */
    size_t batch_episodes_max; /* episodes in one request */
    int64_t stale_after_ms;    /* a running run unheard of for this long reads "stale": true */
    int64_t retention_ms;      /* how long a deleted run can be restored */
    int64_t write_rate;        /* writes a second of one key; 0: as many as it likes */
    int64_t session_ms;        /* how long a session lasts */
    int64_t start_wait_ms;     /* how long a start waits for a supervisor to launch the trainer */
    int64_t stop_wait_ms;      /* how long a stop waits for the trainer to save and end */
    const char *anonymous;     /* the anonymous account's name; "" = off */
    const char *origins;       /* allow-list of Origins, comma-separated; "" = only our own */
};

/* Everything a handler may touch; there are no globals behind it. */
struct call {
    const struct http_request *req;
    struct http_reply *reply;
    struct store *store;
    const struct meter *meter; /* what the service counts about itself; NULL: nothing */
    const struct route_limits *limits;
    struct rates *rates;                /* who has written how much; NULL: nobody counts */
    int64_t now_ms;                     /* UTC, milliseconds */
    char account[ACCOUNT_NAME_MAX + 1]; /* whose runs these are; "" before authentication */
    unsigned scopes;                    /* of the key: bits of enum scope */
    char actor[ACTOR_NAME_MAX + 1];     /* who asks: the key's id, or "anonymous"; for the audit */
};

typedef bool http_handler(struct call *call, struct api_error *err);

/* Which of the two limits holds for a route's body. */
enum route_size { ROUTE_BODY, ROUTE_BATCH };

struct route {
    enum http_method method;
    const char *pattern; /* ":name" matches one path segment */
    enum scope scope;    /* SCOPE_NONE: open to everyone, no key is read */
    enum http_body body;
    enum route_size size;
    http_handler *handler;
};

/*
 * The first row that matches; its ":name" segments are left in req->params. NULL otherwise:
 * ROUTE_NOT_FOUND, or METHOD_NOT_ALLOWED with the path's methods in allow ("GET, HEAD, OPTIONS").
 */
const struct route *http_route_find(const struct route *table, size_t count,
                                    struct http_request *req, char *allow, size_t allow_size,
                                    struct api_error *err);

/*
 * Answer a request that did not come to its handler's end: with *err, or, when it is OPTIONS on a
 * path that there is, with what the path allows; *err is API_OK then.
 */
void http_route_refuse(struct call *call, const char *allow, struct api_error *err);

#endif
