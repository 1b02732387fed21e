/*
 * json_text.h - JSON text from outside, checked more strictly than json-c does, then parsed by it.
 * json-c 0.16 lets pass what RFC 8259 and our contract refuse: NaN, "1.", lone surrogates,
 * raw control characters, duplicate keys, integers it cannot hold (it changes them silently).
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/api_error.h"

#include <json-c/json.h>
#include <stddef.h>

#define JSON_TEXT_LEVELS_MAX 64      /* of nesting, the outermost value counted */
#define JSON_TEXT_VALUES_MAX 250000u /* in one text: bounds the memory of the parsed form */

/*
 * One JSON value and nothing after it. text is size bytes and a NUL. The caller owns the object.
 * *parsed is NULL for the value null. False and *parsed untouched on errors:
 * BODY_NOT_JSON (syntax, duplicate keys, depth, bad UTF-8, numbers such as 1e400),
 * FIELD_INVALID (integers beyond 64 bits, a NUL in a key, too many values).
 */
bool json_text_parse(const char *text, size_t size, json_object **parsed, struct api_error *err);

/*
 * Are these the same JSON value? The order of keys does not count, nor does 1 against 1.0.
 * Recurses at most JSON_TEXT_LEVELS_MAX deep on what json_text_parse made. NULL is null.
 */
bool json_text_same(json_object *a, json_object *b);

/* A string's text when it holds no NUL; NULL for anything else. Borrowed from value. */
const char *json_text_string(json_object *value);

/* The value as compact JSON text; numbers as the client wrote them. Borrowed from value. */
const char *json_text_of(json_object *value);

#endif
