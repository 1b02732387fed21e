/* bson_of.h - BSON from extended JSON, and back, for tests. Included after cmocka.h. */
#ifndef FAKES_BSON_OF_H
#define FAKES_BSON_OF_H

#include <bson/bson.h>

#include <stdarg.h>
#include <stdio.h>

/* fmt: relaxed extended JSON; the caller destroys it. */
static inline bson_t *bson_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline bson_t *
bson_of(const char *fmt, ...)
{
    static char text[256 * 1024];
    bson_error_t error;
    bson_t *doc;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    doc = bson_new_from_json((const uint8_t *)text, -1, &error);
    if (doc == NULL)
        fail_msg("the test's own BSON is malformed (%s): %s", error.message, text);
    return doc;
}

/* The same members in the same order, of the same types (expected: relaxed extended JSON). */
static inline void
assert_bson_equal(const bson_t *got, const char *expected)
{
    bson_t *theirs = bson_of("%s", expected);
    char *got_text = bson_as_relaxed_extended_json(got, NULL);
    char *expected_text = bson_as_relaxed_extended_json(theirs, NULL);

    if (strcmp(got_text, expected_text) != 0)
        fail_msg("\n  got      %s\n  expected %s", got_text, expected_text);
    bson_free(got_text);
    bson_free(expected_text);
    bson_destroy(theirs);
}

#endif
