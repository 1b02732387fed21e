/*
 * http_query.h - the query string, parsed once and asked by name. An empty parameter counts as
 * absent; of a parameter given twice the first counts, unless all are asked for; unknown ones are
 * ignored.
 */
#ifndef HTTP_HTTP_QUERY_H
#define HTTP_HTTP_QUERY_H

#include "base/api_error.h"

#include <stdint.h>

#define HTTP_QUERY_MAX 8192      /* bytes of the query string with the NUL */
#define HTTP_QUERY_PARAMS_MAX 64 /* "name=value" pairs looked at */

struct http_query {
    char text[HTTP_QUERY_MAX]; /* decoded names and values */
    size_t count;
    struct {
        const char *name, *value; /* into text */
    } params[HTTP_QUERY_PARAMS_MAX];
};

/*
 * Decode raw ("a=1&b=x%20y", + is a space). Errors: FIELD_INVALID when it is too long, a percent
 * sign is not followed by two hexadecimal digits, or a value is not UTF-8 or holds a NUL.
 */
bool http_query_parse(const char *raw, struct http_query *query, struct api_error *err);

/* The parameter's value, or NULL when it is absent or empty. */
const char *http_query_text(const struct http_query *query, const char *name);

/*
 * The values of a parameter that may be given several times, one a call: *at is 0 at first and
 * remembers the place. Empty ones are passed over. NULL after the last.
 */
const char *http_query_each(const struct http_query *query, const char *name, size_t *at);

/*
 * The parameter as an integer from min to max into *out, which is left alone when absent. A
 * number in another form notes a fault (FIELD_INVALID) and returns false.
 */
bool http_query_whole(const struct http_query *query, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct api_error *err);

/*
 * Append value to text (size bytes in all, NUL kept) as a query value. False, and text is what it
 * was, when there is no room.
 */
bool http_query_encode(char *text, size_t size, const char *value);

#endif
