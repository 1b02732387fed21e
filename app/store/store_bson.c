/* store_bson.c - pieces of BSON. Called by store_run_doc.c, store_episode.c. */
#include "store_bson.h"

#include <stdio.h>
#include <string.h>

static void
copy_translated(const char *from, char *to, size_t size, char old, char new)
{
    snprintf(to, size, "%s", from);
    for (; *to != '\0'; to++)
        if (*to == old)
            *to = new;
}

void
store_metric_key(const char *name, char *key, size_t size)
{
    copy_translated(name, key, size, '.', ':');
}

void
store_metric_name(const char *key, char *name, size_t size)
{
    copy_translated(key, name, size, ':', '.');
}

void
store_append_whole(bson_t *doc, const char *key, int64_t value)
{
    if (value >= INT32_MIN && value <= INT32_MAX)
        BSON_APPEND_INT32(doc, key, (int32_t)value);
    else
        BSON_APPEND_INT64(doc, key, value);
}

void
store_append_text(bson_t *doc, const char *key, const char *text)
{
    if (text == NULL)
        BSON_APPEND_NULL(doc, key);
    else
        BSON_APPEND_UTF8(doc, key, text);
}

void
store_append_time(bson_t *doc, const char *key, int64_t ms)
{
    if (ms == 0)
        BSON_APPEND_NULL(doc, key);
    else
        BSON_APPEND_DATE_TIME(doc, key, ms);
}

static void
append_integer(bson_t *doc, const char *key, json_object *value)
{
    const uint64_t large = json_object_get_uint64(value);

    if (large > INT64_MAX)
        BSON_APPEND_DOUBLE(doc, key, (double)large);
    else
        store_append_whole(doc, key, json_object_get_int64(value));
}

static void
append_object(bson_t *doc, const char *key, json_object *value)
{
    bson_t inside;

    BSON_APPEND_DOCUMENT_BEGIN(doc, key, &inside);
    json_object_object_foreach(value, name, member)
    {
        store_append_json(&inside, name, member);
    }
    bson_append_document_end(doc, &inside);
}

static void
append_array(bson_t *doc, const char *key, json_object *value)
{
    bson_t inside;

    BSON_APPEND_ARRAY_BEGIN(doc, key, &inside);
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        store_append_json(&inside, place, json_object_array_get_idx(value, i));
    }
    bson_append_array_end(doc, &inside);
}

void
store_append_json(bson_t *doc, const char *key, json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        BSON_APPEND_NULL(doc, key);
        break;
    case json_type_boolean:
        BSON_APPEND_BOOL(doc, key, json_object_get_boolean(value));
        break;
    case json_type_double:
        BSON_APPEND_DOUBLE(doc, key, json_object_get_double(value));
        break;
    case json_type_int:
        append_integer(doc, key, value);
        break;
    case json_type_string:
        bson_append_utf8(doc, key, -1, json_object_get_string(value),
                         json_object_get_string_len(value));
        break;
    case json_type_object:
        append_object(doc, key, value);
        break;
    case json_type_array:
        append_array(doc, key, value);
        break;
    }
}

const char *
store_read_text(const bson_t *doc, const char *key)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_UTF8(&at)
               ? bson_iter_utf8(&at, NULL)
               : NULL;
}

int64_t
store_read_whole(const bson_t *doc, const char *key)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_NUMBER(&at)
               ? bson_iter_as_int64(&at)
               : 0;
}

int64_t
store_read_time(const bson_t *doc, const char *key)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_DATE_TIME(&at)
               ? bson_iter_date_time(&at)
               : 0;
}

bool
store_read_bool(const bson_t *doc, const char *key)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_BOOL(&at) && bson_iter_bool(&at);
}

bool
store_read_document(const bson_t *doc, const char *key, bson_t *inside)
{
    bson_iter_t at;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init_find(&at, doc, key) || !BSON_ITER_HOLDS_DOCUMENT(&at))
        return false;
    bson_iter_document(&at, &size, &bytes);
    return bson_init_static(inside, bytes, size);
}

bool
store_read_inside(const bson_t *doc, const char *key, bson_iter_t *inside)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, doc, key) &&
           (BSON_ITER_HOLDS_DOCUMENT(&at) || BSON_ITER_HOLDS_ARRAY(&at)) &&
           bson_iter_recurse(&at, inside);
}
