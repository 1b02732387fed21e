/* http_query.c - the query string. Called by the routes. */
#include "http/http_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode size bytes of `from` into `to`, NUL-terminated. NULL when a part is malformed. */
static char *
decode(const char *from, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        char c = from[i] == '+' ? ' ' : from[i];

        if (c == '%') {
            int high = i + 1 < size ? hex_digit(from[i + 1]) : -1;
            int low = i + 2 < size ? hex_digit(from[i + 2]) : -1;

            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return NULL;
        *to++ = c;
    }
    *to++ = '\0';
    return to;
}

/* A start byte and its continuation bytes; overlong forms never match a stored name anyway. */
static bool
is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        int more = *at < 0x80                  ? 0
                   : *at >= 0xC2 && *at < 0xE0 ? 1
                   : *at >= 0xE0 && *at < 0xF0 ? 2
                   : *at >= 0xF0 && *at < 0xF5 ? 3
                                               : -1;

        if (more < 0 || (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
            (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
            return false;
        for (at++; more > 0; more--, at++)
            if ((*at & 0xC0) != 0x80)
                return false;
    }
    return true;
}

bool
http_query_parse(const char *raw, struct http_query *query, struct api_error *err)
{
    char *to = query->text;

    query->count = 0;
    if (strlen(raw) >= sizeof query->text)
        return api_fault(err, "query", "the query string is longer than %d bytes",
                         HTTP_QUERY_MAX - 1);
    while (*raw != '\0' && query->count < HTTP_QUERY_PARAMS_MAX) {
        const size_t size = strcspn(raw, "&");
        const char *equals = memchr(raw, '=', size);
        const size_t name_size = equals == NULL ? size : (size_t)(equals - raw);
        char *name = to, *value = decode(raw, name_size, name), *next = value;

        if (value == NULL)
            return api_fault(err, "query", "a parameter's name is not percent-encoded UTF-8");
        /* The decoded pair is never longer than the raw one with its separators. */
        if (equals == NULL)
            value = name + strlen(name); /* "?metrics" without a value is an empty one */
        else
            next = decode(equals + 1, size - name_size - 1, value);
        if (next == NULL || !is_utf8(name) || !is_utf8(value))
            return api_fault(err, is_utf8(name) ? name : "query",
                             "the value is not percent-encoded UTF-8");
        query->params[query->count].name = name;
        query->params[query->count++].value = value;
        to = next;
        raw += size + (raw[size] == '&');
    }
    return true;
}

const char *
http_query_text(const struct http_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->params[i].name, name) == 0)
            return query->params[i].value[0] == '\0' ? NULL : query->params[i].value;
    return NULL;
}

const char *
http_query_each(const struct http_query *query, const char *name, size_t *at)
{
    while (*at < query->count) {
        const size_t i = (*at)++;

        if (strcmp(query->params[i].name, name) == 0 && query->params[i].value[0] != '\0')
            return query->params[i].value;
    }
    return NULL;
}

bool
http_query_whole(const struct http_query *query, const char *name, int64_t min, int64_t max,
                 int64_t *out, struct api_error *err)
{
    const char *text = http_query_text(query, name);
    char *end;
    long long value;

    if (text == NULL)
        return true;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || strspn(text, "-0123456789") != strlen(text) || value < min ||
        value > max)
        return api_fault(err, name, "must be an integer from %lld to %lld", (long long)min,
                         (long long)max);
    *out = value;
    return true;
}

bool
http_query_encode(char *text, size_t size, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    const size_t before = strlen(text);
    size_t used = before;

    if (used >= size)
        return false;
    for (; *value != '\0'; value++) {
        if (used + 4 > size) {
            text[before] = '\0';
            return false;
        }
        if (strchr(plain, *value) != NULL)
            text[used++] = *value;
        else
            used += (size_t)snprintf(text + used, size - used, "%%%02X", (unsigned char)*value);
    }
    text[used] = '\0';
    return true;
}
