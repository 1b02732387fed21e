/*
 * store_json.c - BSON to JSON. Called by store_import_doc.c and store_import_run.c.
 * Next: base/json_text.c.
 */
#include "store_json.h"

#include "base/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX (JSON_TEXT_LEVELS_MAX - 4) /* room for what the value is put into */
#define REAL_SIZE 32                          /* bytes of a double's text */

static bool read_value(const bson_iter_t *at, int level, json_object **value, const char **why);

static bool
refuse(const char **why, const char *reason)
{
    *why = reason;
    return false;
}

/* The shortest text that reads back as the same double; 1.0 keeps its point. */
static json_object *
real_of(double real)
{
    char text[REAL_SIZE];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    if (strpbrk(text, ".e") == NULL)
        strcat(text, ".0");
    return json_object_new_double_s(real, text);
}

static bool
read_text(const bson_iter_t *at, json_object **value, const char **why)
{
    uint32_t size;
    const char *text = bson_iter_utf8(at, &size);

    if (!bson_utf8_validate(text, size, true))
        return refuse(why, "holds text that is not UTF-8");
    *value = json_object_new_string_len(text, (int)size);
    return true;
}

static bool
add_member(const bson_iter_t *at, int level, json_object *object, const char **why)
{
    const char *key = bson_iter_key(at);
    json_object *member = NULL;

    if (!bson_utf8_validate(key, strlen(key), false))
        return refuse(why, "holds a member whose name is not UTF-8");
    if (json_object_object_get_ex(object, key, NULL))
        return refuse(why, "holds a member twice");
    if (!read_value(at, level, &member, why))
        return false;
    json_object_object_add(object, key, member);
    return true;
}

static bool
read_inside(const bson_iter_t *at, int level, json_object **value, const char **why)
{
    const bool is_array = BSON_ITER_HOLDS_ARRAY(at);
    json_object *made = is_array ? json_object_new_array() : json_object_new_object();
    bson_iter_t inside;
    bool good = level < LEVELS_MAX || refuse(why, "is nested too deeply");

    if (good && !bson_iter_recurse(at, &inside))
        good = refuse(why, "is damaged BSON");
    while (good && bson_iter_next(&inside)) {
        json_object *item = NULL;

        if (!is_array) {
            good = add_member(&inside, level + 1, made, why);
        } else {
            good = read_value(&inside, level + 1, &item, why);
            if (good)
                json_object_array_add(made, item);
        }
    }
    if (good && inside.err_off != 0)
        good = refuse(why, "is damaged BSON");
    if (good)
        *value = made;
    else
        json_object_put(made);
    return good;
}

/* A type that JSON lacks: libbson knows its form. */
static bool
read_extended(const bson_iter_t *at, json_object **value, const char **why)
{
    AUTO_BSON wrapped = BSON_INITIALIZER;
    struct api_error ignored = {.id = API_OK};
    AUTO_JSON *object = NULL;
    json_object *member = NULL;
    size_t size = 0;
    char *text;
    bool good;

    good = bson_append_iter(&wrapped, "v", 1, at);
    text = good ? bson_as_relaxed_extended_json(&wrapped, &size) : NULL;
    good = text != NULL && json_text_parse(text, size, &object, &ignored) &&
           json_object_object_get_ex(object, "v", &member);
    bson_free(text);
    if (!good)
        return refuse(why, "holds a value that has no JSON form");
    *value = json_object_get(member);
    return true;
}

static bool
read_value(const bson_iter_t *at, int level, json_object **value, const char **why)
{
    *value = NULL;
    switch (bson_iter_type(at)) {
    case BSON_TYPE_NULL:
        return true;
    case BSON_TYPE_BOOL:
        *value = json_object_new_boolean(bson_iter_bool(at));
        return true;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        *value = json_object_new_int64(bson_iter_as_int64(at));
        return true;
    case BSON_TYPE_UTF8:
        return read_text(at, value, why);
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        return read_inside(at, level, value, why);
    case BSON_TYPE_DOUBLE:
        if (!isfinite(bson_iter_double(at)))
            return read_extended(at, value, why);
        *value = real_of(bson_iter_double(at));
        return true;
    default:
        return read_extended(at, value, why);
    }
}

bool
store_json_read(const bson_iter_t *at, json_object **value, const char **why)
{
    return read_value(at, 0, value, why);
}
