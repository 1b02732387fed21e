/*
 * http_reply.h - the answer being made. Small answers stay in the buffer until the request is
 * over and can still be turned into an error; a long one overflows into the socket, so that
 * memory does not grow with the answer.
 */
#ifndef HTTP_HTTP_REPLY_H
#define HTTP_HTTP_REPLY_H

#include "base/api_error.h"
#include "base/json_out.h"
#include "base/out.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_REPLY_BUFFER_SIZE ((size_t)64 * 1024) /* bytes */
#define HTTP_REPLY_HEADERS_MAX 6144                /* bytes of extra header lines */

/* Where a reply's bytes go: FastCGI in the worker, memory in a test. False ends the reply. */
struct http_wire {
    bool (*write)(struct http_wire *wire, const char *bytes, size_t size);
};

struct http_reply {
    struct out out; /* first: the body is written here; see base/out.h and base/json_out.h */
    int status;     /* 0 until a handler began */
    const char *content_type;             /* NULL: there is no body */
    char headers[HTTP_REPLY_HEADERS_MAX]; /* "Name: value\r\n" lines */
    size_t headers_size;
    size_t headers_kept; /* bytes of them that an error leaves in place */
    char request_id[65];
    struct http_wire *wire; /* borrowed */
    bool head_only;         /* HEAD: headers, no body */
    bool tagged;            /* it has an ETag */
    bool no_store;          /* it must not be kept by anyone */
    bool started;           /* something is on the wire: too late for another status */
    bool whole;             /* nothing more will be written */
    bool broken;            /* the answer was cut: the client must not take it for whole */
    size_t bytes_sent;      /* of the body */
};

/* Make *reply ready to write to wire. Owns a buffer until http_reply_clear. */
void http_reply_init(struct http_reply *reply, struct http_wire *wire);

/* Start a JSON answer; the returned writer is good until the request ends. */
struct json_out http_reply_json(struct http_reply *reply, int status);

/* An answer without a body, such as 204. */
void http_reply_empty(struct http_reply *reply, int status);

/* Add a header line. value must not hold CR or LF (they are dropped). */
void http_reply_header(struct http_reply *reply, const char *name, const char *value);

/* The headers so far stay, whatever becomes of the answer. */
void http_reply_keep_headers(struct http_reply *reply);

/* Cache-Control: no-store, for what is secret or true for a moment only. */
void http_reply_no_store(struct http_reply *reply);

/*
 * Replace whatever was written by problem+json for *err. When part of the answer is on the wire
 * already, mark it broken instead: nginx then cuts the connection and the client notices.
 */
void http_reply_error(struct http_reply *reply, const struct api_error *err);

/* Send what is left. False when the client or nginx is gone, or the reply is broken. */
bool http_reply_finish(struct http_reply *reply);

void http_reply_clear(struct http_reply *reply);

#endif
