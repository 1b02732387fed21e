/*
 * store_watch_pipeline.c - which documents of the change stream are asked for, and how much of
 * each. Called by store_watch.c. Next: store_watch_doc.c (what they say).
 */
#include "store_watch_doc.h"

#include <stdio.h>
#include <string.h>

/* An array or document within a pipeline, ended by its own function. */
static void
begin_stage(bson_t *pipeline, int number, const char *verb, bson_t *stage, bson_t *inside)
{
    char text[16];
    const char *place;

    bson_uint32_to_string((uint32_t)number, &place, text, sizeof text);
    BSON_APPEND_DOCUMENT_BEGIN(pipeline, place, stage);
    BSON_APPEND_DOCUMENT_BEGIN(stage, verb, inside);
}

static void
end_stage(bson_t *pipeline, bson_t *stage, bson_t *inside)
{
    bson_append_document_end(stage, inside);
    bson_append_document_end(pipeline, stage);
}

static void
append_start(bson_t *stream, const bson_t *token, const struct store_watch_from *from)
{
    uint32_t seconds, increment;

    watch_time(from->seq, &seconds, &increment);
    if (token != NULL)
        BSON_APPEND_DOCUMENT(stream, "startAfter", token);
    else if (from->seq > 0)
        BSON_APPEND_TIMESTAMP(stream, "startAtOperationTime", seconds, increment);
}

/* path: {$in: [these runs]} */
static void
append_runs(bson_t *match, const char *path, const struct store_watch_from *from)
{
    bson_t member, in;

    if (from->oids == NULL)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(match, path, &member);
    BSON_APPEND_ARRAY_BEGIN(&member, "$in", &in);
    for (size_t i = 0; i < from->oid_count; i++) {
        char text[16];
        const char *number;
        bson_oid_t oid;

        bson_uint32_to_string((uint32_t)i, &number, text, sizeof text);
        bson_oid_init_from_string(&oid, from->oids[i]);
        BSON_APPEND_OID(&in, number, &oid);
    }
    bson_append_array_end(&member, &in);
    bson_append_document_end(match, &member);
}

/*
 * Rows that waited were told when they came into the tail; of rows that are purged nobody is told.
 * (MongoDB 6.0 fails on the shorter way to say it, with $nor.)
 */
static void
append_match(bson_t *match, const struct store_watch_from *from)
{
    bson_t any, one;

    BCON_APPEND(match, "fullDocument.waited", "{", "$ne", BCON_BOOL(true), "}");
    BSON_APPEND_ARRAY_BEGIN(match, "$or", &any);
    BSON_APPEND_DOCUMENT_BEGIN(&any, "0", &one);
    BCON_APPEND(&one, "ns.coll", "episodes", "operationType", "{", "$in", "[", "insert", "replace",
                "]", "}");
    append_runs(&one, "documentKey._id.run", from);
    bson_append_document_end(&any, &one);
    BSON_APPEND_DOCUMENT_BEGIN(&any, "1", &one);
    BCON_APPEND(&one, "ns.coll", "runs");
    append_runs(&one, "documentKey._id", from);
    bson_append_document_end(&any, &one);
    BSON_APPEND_DOCUMENT_BEGIN(&any, "2", &one);
    BCON_APPEND(&one, "ns.coll", "{", "$in", "[", "jobs", "api_keys", "sessions", "]", "}");
    bson_append_document_end(&any, &one);
    bson_append_array_end(match, &any);
    BCON_APPEND(match, "operationType", "{", "$in", "[", "insert", "update", "replace", "delete",
                "]", "}");
}

/* What is large and not looked at. That it changed is seen by what changes with it (`edits`). */
static const char *const unwanted[] = {"config",        "config_json", "metadata",
                                       "metadata_json", "notes",       "metrics",
                                       "wins",          "lines",       "hash"};

static void
append_project(bson_t *project)
{
    char path[64];

    BSON_APPEND_INT32(project, "lsid", 0);
    for (size_t i = 0; i < COUNT_OF(unwanted); i++) {
        snprintf(path, sizeof path, "updateDescription.updatedFields.%s", unwanted[i]);
        BSON_APPEND_INT32(project, path, 0);
        if (strcmp(unwanted[i], "metrics") == 0)
            continue; /* of an episode they are wanted */
        snprintf(path, sizeof path, "fullDocument.%s", unwanted[i]);
        BSON_APPEND_INT32(project, path, 0);
    }
}

void
watch_append_pipeline(bson_t *command, const bson_t *token, const struct store_watch_from *from)
{
    bson_t pipeline, stage, inside;

    BSON_APPEND_ARRAY_BEGIN(command, "pipeline", &pipeline);
    begin_stage(&pipeline, 0, "$changeStream", &stage, &inside);
    append_start(&inside, token, from);
    end_stage(&pipeline, &stage, &inside);
    begin_stage(&pipeline, 1, "$match", &stage, &inside);
    append_match(&inside, from);
    end_stage(&pipeline, &stage, &inside);
    begin_stage(&pipeline, 2, "$project", &stage, &inside);
    append_project(&inside);
    end_stage(&pipeline, &stage, &inside);
    bson_append_array_end(command, &pipeline);
}
