/*
 * store_episode_doc.c - an episode as a document. Called by store_merge.c, store_tail.c,
 * store_episode_read.c, store_episode_pick.c. Next: store_bson.c; the shape is kept by
 * schema/mongo/episodes.json.
 */
#include "store_episode_doc.h"

#include "store_bson.h"

#include <stdio.h>
#include <string.h>

void
episode_doc_append_id(bson_t *doc, const char *key, const bson_oid_t *run, int64_t number)
{
    bson_t id;

    BSON_APPEND_DOCUMENT_BEGIN(doc, key, &id);
    BSON_APPEND_OID(&id, "run", run);
    store_append_whole(&id, "n", number);
    bson_append_document_end(doc, &id);
}

static void
append_value(bson_t *metrics, const struct metric_value *value)
{
    if (value->type == METRIC_IS_BOOL)
        BSON_APPEND_BOOL(metrics, value->name, value->real != 0.0);
    else if (value->type == METRIC_IS_WHOLE)
        store_append_whole(metrics, value->name, value->whole);
    else
        BSON_APPEND_DOUBLE(metrics, value->name, value->real);
}

void
episode_doc_append(bson_t *doc, const bson_oid_t *run, const struct episode *episode)
{
    episode_doc_append_id(doc, "_id", run, episode->number);
    episode_doc_append_report(doc, episode);
}

void
episode_doc_append_report(bson_t *doc, const struct episode *episode)
{
    bson_t metrics;

    BSON_APPEND_DATE_TIME(doc, "created_at", episode->created_ms);
    if (episode->session_id[0] != '\0')
        BSON_APPEND_UTF8(doc, "session_id", episode->session_id);
    BSON_APPEND_DOCUMENT_BEGIN(doc, "metrics", &metrics);
    for (size_t i = 0; i < episode->value_count; i++)
        append_value(&metrics, &episode->values[i]);
    bson_append_document_end(doc, &metrics);
}

static void
read_id(bson_iter_t *at, struct episode *episode)
{
    bson_iter_t member;

    if (BSON_ITER_HOLDS_DOCUMENT(at) && bson_iter_recurse(at, &member) &&
        bson_iter_find(&member, "n"))
        episode->number = bson_iter_as_int64(&member);
}

void
episode_doc_read_value(const bson_iter_t *at, struct metric_value *value)
{
    value->real = bson_iter_as_double(at);
    value->type = METRIC_IS_REAL;
    if (BSON_ITER_HOLDS_BOOL(at)) {
        value->type = METRIC_IS_BOOL;
        value->real = bson_iter_bool(at) ? 1.0 : 0.0;
    } else if (BSON_ITER_HOLDS_INT(at)) {
        value->type = METRIC_IS_WHOLE;
        value->whole = bson_iter_as_int64(at);
    }
}

static void
read_values(bson_iter_t *at, struct episode *episode, struct metric_value *values)
{
    bson_iter_t member;

    if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &member))
        return;
    while (episode->value_count < EPISODE_VALUES_MAX && bson_iter_next(&member)) {
        struct metric_value *value = &values[episode->value_count++];

        value->name = bson_iter_key(&member);
        episode_doc_read_value(&member, value);
    }
}

bool
episode_doc_read(const bson_t *doc, struct episode *episode,
                 struct metric_value values[EPISODE_VALUES_MAX])
{
    bson_iter_t at;

    *episode = (struct episode){.values = values};
    if (!bson_iter_init(&at, doc))
        return false;
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);

        if (strcmp(key, "_id") == 0)
            read_id(&at, episode);
        else if (strcmp(key, "n") == 0)
            episode->number = bson_iter_as_int64(&at);
        else if (strcmp(key, "metrics") == 0)
            read_values(&at, episode, values);
        else if (strcmp(key, "created_at") == 0 && BSON_ITER_HOLDS_DATE_TIME(&at))
            episode->created_ms = bson_iter_date_time(&at);
        else if (strcmp(key, "session_id") == 0 && BSON_ITER_HOLDS_UTF8(&at))
            snprintf(episode->session_id, sizeof episode->session_id, "%s",
                     bson_iter_utf8(&at, NULL));
    }
    return episode->number > 0;
}
