/*
 * json_number.c - numbers as clients send them. Called by training/episode.c,
 * training/evaluation.c.
 */
#include "base/json_number.h"

#include "base/auto.h"
#include "base/json_text.h"

#include <math.h>
#include <string.h>

bool
json_number_whole(json_object *value, int64_t *whole)
{
    double real;

    if (json_object_is_type(value, json_type_int)) {
        const int64_t read = json_object_get_int64(value);

        /* json-c: what only fits into an unsigned integer reads as the largest signed one. */
        if (read == INT64_MAX && json_object_get_uint64(value) != (uint64_t)INT64_MAX)
            return false;
        *whole = read;
        return true;
    }
    if (!json_object_is_type(value, json_type_double))
        return false;
    real = json_object_get_double(value);
    if (fabs(real) > (double)JSON_NUMBER_WHOLE_MAX || real != nearbyint(real))
        return false;
    *whole = (int64_t)real;
    return true;
}

bool
json_number_finite(json_object *value, double *real)
{
    if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
        return false;
    *real = json_object_get_double(value);
    return true;
}

bool
json_number_real(json_object *value, double *real)
{
    static const struct {
        const char *text;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    const char *text;

    if (json_number_finite(value, real))
        return true;
    text = json_text_string(value);
    for (size_t i = 0; text != NULL && i < COUNT_OF(words); i++)
        if (strcmp(text, words[i].text) == 0) {
            *real = words[i].value;
            return true;
        }
    return false;
}
