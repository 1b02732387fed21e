/*
 * json_out.h - writes JSON text piece by piece, for answers too long to hold as json-c objects.
 * key is NULL inside an array. Doubles are written so that they read back as the same double.
 */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include "base/out.h"

#include <stdint.h>

struct json_out {
    struct out *out; /* borrowed */
    bool comma;      /* the next value needs one before it */
};

void json_out_object(struct json_out *json, const char *key);
void json_out_object_end(struct json_out *json);
void json_out_array(struct json_out *json, const char *key);
void json_out_array_end(struct json_out *json);

/* text NULL writes null. */
void json_out_text(struct json_out *json, const char *key, const char *text);
void json_out_whole(struct json_out *json, const char *key, int64_t value);
void json_out_bool(struct json_out *json, const char *key, bool value);
void json_out_null(struct json_out *json, const char *key);

/* A value that is not finite becomes null: for drawing and for statistics. */
void json_out_real(struct json_out *json, const char *key, double value);

/* A value that is not finite becomes "NaN", "Infinity" or "-Infinity": for episode records. */
void json_out_real_exact(struct json_out *json, const char *key, double value);

/* JSON text that is known to be valid, as it is; NULL writes null. */
void json_out_raw(struct json_out *json, const char *key, const char *text);

/* UTC milliseconds as ISO-8601; 0 writes null. */
void json_out_time(struct json_out *json, const char *key, int64_t ms);

/* Only the comma and the key, for a value that the caller writes to json->out itself. */
void json_out_key(struct json_out *json, const char *key);

#endif
