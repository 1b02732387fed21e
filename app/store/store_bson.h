/* store_bson.h - small pieces of BSON that more than one file of app/store writes or reads. */
#ifndef STORE_BSON_H
#define STORE_BSON_H

#include "base/auto.h"

/* A metric's key in a header: MongoDB's update paths give '.' a meaning, so it becomes ':'. */
void store_metric_key(const char *name, char *key, size_t size);
void store_metric_name(const char *key, char *name, size_t size);

/* int32 where it fits: half the size, and what mongosh shows as a plain number. */
void store_append_whole(bson_t *doc, const char *key, int64_t value);

/* text, or null when it is NULL. */
void store_append_text(bson_t *doc, const char *key, const char *text);

/* UTC milliseconds, or null when 0. */
void store_append_time(bson_t *doc, const char *key, int64_t ms);

/*
 * A JSON object as BSON, for admins' queries: unsigned 64-bit integers become doubles, NUL in a
 * string ends nothing (BSON holds it). NULL is null. Recursion is bounded by json_text.h.
 */
void store_append_json(bson_t *doc, const char *key, json_object *value);

/* Readers: what is absent or of another type is NULL, 0, false. */
const char *store_read_text(const bson_t *doc, const char *key);
int64_t store_read_whole(const bson_t *doc, const char *key);
int64_t store_read_time(const bson_t *doc, const char *key);
bool store_read_bool(const bson_t *doc, const char *key);
/* The document at key, borrowed from doc. What findAndModify answers is at "value". */
bool store_read_document(const bson_t *doc, const char *key, bson_t *inside);
/* The document or array at key, as an iterator over its members. */
bool store_read_inside(const bson_t *doc, const char *key, bson_iter_t *inside);

#endif
