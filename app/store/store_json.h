/*
 * store_json.h - any BSON as JSON, without loss: what JSON lacks (dates, ObjectIds, decimals,
 * binary, NaN…) takes the form that MongoDB's specification "Extended JSON v2", relaxed, gives it.
 * For app/store alone.
 */
#ifndef STORE_JSON_H
#define STORE_JSON_H

#include "base/auto.h"

/*
 * The value at the iterator; the caller owns *value, which is NULL for null. False when it has
 * no JSON form that json_text_parse would take back: text that is not UTF-8, a member twice in
 * one object, more levels than JSON_TEXT_LEVELS_MAX; *why says which (static storage).
 */
bool store_json_read(const bson_iter_t *at, json_object **value, const char **why);

#endif
