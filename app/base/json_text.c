/* json_text.c - strict JSON. Called by http/http_request.c. */
#include "base/json_text.h"

#include "base/auto.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A walk over the text that builds nothing and only looks for faults. */
struct scan {
    const char *at;
    const char *end;
    int level;
    size_t members; /* of all objects, duplicates included */
    size_t values;
    bool big_integer;
    bool nul_key;
    const char *fault; /* the first one, a sentence without its full stop */
};

static bool scan_value(struct scan *scan);

static bool
scan_fail(struct scan *scan, const char *fault)
{
    if (scan->fault == NULL)
        scan->fault = fault;
    return false;
}

static void
skip_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool
skip_digits(struct scan *scan)
{
    const char *from = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > from;
}

static bool
skip_if(struct scan *scan, const char *any_of)
{
    if (scan->at == scan->end || *scan->at == '\0' || strchr(any_of, *scan->at) == NULL)
        return false;
    scan->at++;
    return true;
}

/* A number by RFC 8259 section 6, which a double or 64 bits can hold. */
static bool
scan_number(struct scan *scan)
{
    const char *from = scan->at;
    bool negative = skip_if(scan, "-");
    bool whole = true;

    if (!skip_if(scan, "0") && !skip_digits(scan))
        return scan_fail(scan, "A number is malformed");
    if (skip_if(scan, ".")) {
        whole = false;
        if (!skip_digits(scan))
            return scan_fail(scan, "A number ends after its decimal point");
    }
    if (skip_if(scan, "eE")) {
        whole = false;
        (void)skip_if(scan, "+-");
        if (!skip_digits(scan))
            return scan_fail(scan, "A number ends after its exponent sign");
    }
    if (!whole)
        return isfinite(strtod(from, NULL)) ||
               scan_fail(scan, "A number is too large for a double");
    errno = 0;
    if (negative)
        (void)strtoll(from, NULL, 10);
    else
        (void)strtoull(from, NULL, 10);
    if (errno == ERANGE)
        scan->big_integer = true;
    return true;
}

/* Four hexadecimal digits; -1 when they are not. */
static int
scan_hex4(struct scan *scan)
{
    int value = 0;

    if (scan->end - scan->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char c = *scan->at++;
        const int lower = c | 0x20;

        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + (lower - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* What follows a backslash. *nul becomes true for \u0000. */
static bool
scan_escape(struct scan *scan, bool *nul)
{
    int unit;

    if (skip_if(scan, "\"\\/bfnrt"))
        return true;
    if (!skip_if(scan, "u") || (unit = scan_hex4(scan)) < 0)
        return scan_fail(scan, "A string holds an unknown escape");
    if (unit == 0)
        *nul = true;
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return scan_fail(scan, "A string holds a lone surrogate");
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        int low;

        if (!skip_if(scan, "\\") || !skip_if(scan, "u") || (low = scan_hex4(scan)) < 0xDC00 ||
            low > 0xDFFF)
            return scan_fail(scan, "A string holds a lone surrogate");
    }
    return true;
}

/* One character beyond ASCII: its continuation bytes, by table 3-7 of the Unicode standard. */
static bool
scan_utf8(struct scan *scan)
{
    const unsigned char first = (unsigned char)*scan->at++;
    unsigned char lowest = 0x80, highest = 0xBF;
    int more;

    if (first >= 0xC2 && first <= 0xDF)
        more = 1;
    else if (first >= 0xE0 && first <= 0xEF)
        more = 2;
    else if (first >= 0xF0 && first <= 0xF4)
        more = 3;
    else
        return scan_fail(scan, "A string is not valid UTF-8");
    if (first == 0xE0)
        lowest = 0xA0;
    if (first == 0xED)
        highest = 0x9F;
    if (first == 0xF0)
        lowest = 0x90;
    if (first == 0xF4)
        highest = 0x8F;
    for (; more > 0; more--) {
        if (scan->at == scan->end || (unsigned char)*scan->at < lowest ||
            (unsigned char)*scan->at > highest)
            return scan_fail(scan, "A string is not valid UTF-8");
        scan->at++;
        lowest = 0x80;
        highest = 0xBF;
    }
    return true;
}

static bool
scan_string(struct scan *scan, bool *nul)
{
    if (!skip_if(scan, "\""))
        return scan_fail(scan, "A key must be a string");
    while (scan->at < scan->end) {
        const unsigned char c = (unsigned char)*scan->at;

        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c < 0x20)
            return scan_fail(scan, "A string holds a raw control character");
        if (c >= 0x80) {
            if (!scan_utf8(scan))
                return false;
            continue;
        }
        scan->at++;
        if (c == '\\' && !scan_escape(scan, nul))
            return false;
    }
    return scan_fail(scan, "A string does not end");
}

static bool
scan_member(struct scan *scan)
{
    bool nul = false;

    skip_space(scan);
    if (!scan_string(scan, &nul))
        return false;
    if (nul)
        scan->nul_key = true;
    scan->members++;
    skip_space(scan);
    if (!skip_if(scan, ":"))
        return scan_fail(scan, "A key is not followed by a colon");
    return scan_value(scan);
}

/* After the opening bracket: elements or members up to the closing one. */
static bool
scan_inside(struct scan *scan, bool (*scan_item)(struct scan *), const char *close)
{
    if (++scan->level > JSON_TEXT_LEVELS_MAX)
        return scan_fail(scan, "It is nested deeper than 64 levels");
    skip_space(scan);
    if (!skip_if(scan, close)) {
        do {
            if (!scan_item(scan))
                return false;
            skip_space(scan);
        } while (skip_if(scan, ","));
        if (!skip_if(scan, close))
            return scan_fail(scan, "An array or object is not closed or lacks a comma");
    }
    scan->level--;
    return true;
}

static bool
scan_word(struct scan *scan, const char *word)
{
    const size_t size = strlen(word);

    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return scan_fail(scan, "A value is none of JSON's");
    scan->at += size;
    return true;
}

/* Recursion is bounded by JSON_TEXT_LEVELS_MAX. */
static bool
scan_value(struct scan *scan)
{
    bool nul = false;

    skip_space(scan);
    scan->values++;
    if (scan->at == scan->end)
        return scan_fail(scan, "The text ends where a value is due");
    switch (*scan->at) {
    case '{':
        scan->at++;
        return scan_inside(scan, scan_member, "}");
    case '[':
        scan->at++;
        return scan_inside(scan, scan_value, "]");
    case '"':
        return scan_string(scan, &nul);
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        if (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'))
            return scan_number(scan);
        return scan_fail(scan, "A value is none of JSON's");
    }
}

static bool
scan_text(struct scan *scan, struct api_error *err)
{
    bool good = scan_value(scan);

    skip_space(scan);
    if (good && scan->at != scan->end)
        good = scan_fail(scan, "Something follows the JSON value");
    return good || api_fail(err, API_BODY_NOT_JSON, "The body is not JSON. %s.", scan->fault);
}

/* Well-formed, but more than can be kept. */
static bool
check_limits(const struct scan *scan, struct api_error *err)
{
    if (scan->big_integer)
        api_fault(err, "", "integers beyond 64 bits cannot be kept");
    if (scan->nul_key)
        api_fault(err, "", "a key must not hold a NUL character");
    return err->id == API_OK;
}

/* How many members all objects below value have, duplicates being gone. */
static size_t
count_members(json_object *value)
{
    size_t count = 0;

    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            count += 1 + count_members(member);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            count += count_members(json_object_array_get_idx(value, i));
    }
    return count;
}

/* NULL with *err when json-c cannot, which after the scan means that memory ran out. */
static bool
parse_scanned(const char *text, size_t size, json_object **value, struct api_error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_TEXT_LEVELS_MAX + 1);
    bool complete;

    if (tokener == NULL)
        return api_fail(err, API_INTERNAL, NULL);
    *value = json_tokener_parse_ex(tokener, text, (int)size + 1);
    complete = json_tokener_get_error(tokener) == json_tokener_success;
    json_tokener_free(tokener);
    return complete || api_fail(err, API_INTERNAL, NULL);
}

bool
json_text_parse(const char *text, size_t size, json_object **parsed, struct api_error *err)
{
    struct scan scan = {.at = text, .end = text + size};
    json_object *value = NULL;
    bool good;

    if (!scan_text(&scan, err))
        return false;
    if (scan.values > JSON_TEXT_VALUES_MAX)
        return api_fault(err, "", "at most %u values fit in one body", JSON_TEXT_VALUES_MAX);
    good = parse_scanned(text, size, &value, err);
    /* json-c ends a key at a NUL, which may make two of one: such keys are refused anyway. */
    if (good && !scan.nul_key && count_members(value) != scan.members)
        good = api_fail(err, API_BODY_NOT_JSON, "The body is not JSON. An object has a key twice.");
    if (good && check_limits(&scan, err)) {
        *parsed = value;
        return true;
    }
    json_object_put(value);
    return false;
}

static bool
same_number(json_object *a, json_object *b)
{
    const bool a_whole = json_object_is_type(a, json_type_int);
    const bool b_whole = json_object_is_type(b, json_type_int);

    if (!a_whole || !b_whole)
        return json_object_get_double(a) == json_object_get_double(b);
    /* Of two 64-bit integers that are equal as both types, one cannot be negative alone. */
    return json_object_get_int64(a) == json_object_get_int64(b) &&
           json_object_get_uint64(a) == json_object_get_uint64(b);
}

static bool
same_members(json_object *a, json_object *b)
{
    if (json_object_object_length(a) != json_object_object_length(b))
        return false;
    json_object_object_foreach(a, key, mine)
    {
        json_object *theirs;

        if (!json_object_object_get_ex(b, key, &theirs) || !json_text_same(mine, theirs))
            return false;
    }
    return true;
}

static bool
same_elements(json_object *a, json_object *b)
{
    const size_t count = json_object_array_length(a);

    if (count != json_object_array_length(b))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!json_text_same(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
            return false;
    return true;
}

static bool
is_number(json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

bool
json_text_same(json_object *a, json_object *b)
{
    if (is_number(a) && is_number(b))
        return same_number(a, b);
    if (json_object_get_type(a) != json_object_get_type(b))
        return false;
    switch (json_object_get_type(a)) {
    case json_type_object:
        return same_members(a, b);
    case json_type_array:
        return same_elements(a, b);
    case json_type_string:
        return json_object_get_string_len(a) == json_object_get_string_len(b) &&
               memcmp(json_object_get_string(a), json_object_get_string(b),
                      (size_t)json_object_get_string_len(a)) == 0;
    case json_type_boolean:
        return json_object_get_boolean(a) == json_object_get_boolean(b);
    default: /* null; numbers were met above */
        return true;
    }
}

const char *
json_text_string(json_object *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

const char *
json_text_of(json_object *value)
{
    return json_object_to_json_string_ext(value,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
