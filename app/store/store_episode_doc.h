/* store_episode_doc.h - an episode as a document, both ways; for app/store alone. */
#ifndef STORE_EPISODE_DOC_H
#define STORE_EPISODE_DOC_H

#include "base/auto.h"
#include "training/episode.h"

/* An episode holds at most the named metrics and the custom ones. */
#define EPISODE_VALUES_MAX (16 + METRIC_CUSTOM_MAX)

/* {_id: {run, n}, created_at, session_id?, metrics: {…}} appended to an empty doc. */
void episode_doc_append(bson_t *doc, const bson_oid_t *run, const struct episode *episode);

/* created_at and what follows it. */
void episode_doc_append_report(bson_t *doc, const struct episode *episode);

/*
 * Read doc, a row ({_id: {run, n}, …}) or an element of a tail ({n, …}), into *episode, its values
 * into values. Names are borrowed from doc. False when doc is no episode's.
 */
bool episode_doc_read(const bson_t *doc, struct episode *episode,
                      struct metric_value values[EPISODE_VALUES_MAX]);

/* The value at an iterator, of one of the types that episode_doc_append writes; not its name. */
void episode_doc_read_value(const bson_iter_t *at, struct metric_value *value);

/* _id: {run, n}, under the key given. */
void episode_doc_append_id(bson_t *doc, const char *key, const bson_oid_t *run, int64_t number);

#endif
