/*
 * http_inflate.h - a gzip stream (RFC 1952) that comes in pieces, inflated into memory that never
 * grows beyond a limit, whatever the stream would become.
 */
#ifndef HTTP_HTTP_INFLATE_H
#define HTTP_HTTP_INFLATE_H

#include "base/api_error.h"

#include <stddef.h>

struct http_inflate; /* opaque: zlib's state and what it has made so far */

/* max: bytes that the whole may become. The caller owns it. Never NULL: without memory we end. */
struct http_inflate *http_inflate_new(size_t max);

/*
 * The next bytes of the stream. Errors: BODY_TOO_LARGE (it becomes more than max bytes),
 * BODY_NOT_GZIP; feed no more after one.
 */
bool http_inflate_feed(struct http_inflate *gzip, const char *bytes, size_t size,
                       struct api_error *err);

/*
 * The stream is over: what it became, NUL-terminated, *size bytes without the NUL. The caller owns
 * it. NULL with BODY_NOT_GZIP when it is not whole; nothing at all is a body of no bytes.
 */
char *http_inflate_take(struct http_inflate *gzip, size_t *size, struct api_error *err);

/* NULL is fine. */
void http_inflate_free(struct http_inflate *gzip);

#endif
