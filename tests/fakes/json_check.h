/*
 * json_check.h - JSON in tests: made by json-c itself, and compared member by member, whatever the
 * order. Included after cmocka.h.
 */
#ifndef FAKES_JSON_CHECK_H
#define FAKES_JSON_CHECK_H

#include "base/json_text.h"

#include <string.h>

/* json-c's own reading, without our checks. The caller owns it. */
static inline json_object *
json_of(const char *text)
{
    enum json_tokener_error error;
    json_object *value = json_tokener_parse_verbose(text, &error);

    if (error != json_tokener_success)
        fail_msg("the test's own JSON is malformed: %s", text);
    return value;
}

/* got is strictly JSON, no key twice, and the value of expected; 1 and 1.0 are different here. */
static inline void
assert_json_equal(const char *got, const char *expected)
{
    struct api_error err = {.id = API_OK};
    json_object *ours = NULL, *theirs = json_of(expected);

    if (!json_text_parse(got, strlen(got), &ours, &err))
        fail_msg("not JSON (%s): %s", err.message, got);
    if (!json_object_equal(ours, theirs))
        fail_msg("\n  got      %s\n  expected %s", got, expected);
    json_object_put(ours);
    json_object_put(theirs);
}

#endif
