/* json_number.h - numbers as clients send them: integers, reals, and the three that are texts. */
#ifndef BASE_JSON_NUMBER_H
#define BASE_JSON_NUMBER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define JSON_NUMBER_WHOLE_MAX INT64_C(9007199254740991) /* 2^53 - 1: exact in every JSON reader */

/* An integer, also when written as 42.0; false, and *whole untouched, when value is none. */
bool json_number_whole(json_object *value, int64_t *whole);

/* A number, always finite; false, and *real untouched, when value is none. */
bool json_number_finite(json_object *value, double *real);

/* The same, or one of the strings "NaN", "Infinity", "-Infinity" as that double. */
bool json_number_real(json_object *value, double *real);

#endif
