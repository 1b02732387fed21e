/*
 * store_watch_doc.c - reads the documents of a change stream. Called by store_watch.c.
 * Next: store_episode_doc.c; why a report is where it is: store_tail.h, store_plan.c.
 *
 * A report is stored in one of three ways, and told at that one place:
 *   - alone, by one update of the header that pushes it to the tail (store_append.c);
 *   - by a transaction among the rows of `episodes`: those that do not say `waited`;
 *   - by a transaction that leaves it in the tail: the elements that say `new`.
 */
#include "store_watch_doc.h"

#include "store_bson.h"
#include "store_episode_doc.h"
#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INCREMENT_BITS 22

int64_t
watch_seq(uint32_t seconds, uint32_t increment)
{
    return ((int64_t)seconds << INCREMENT_BITS) + increment;
}

void
watch_time(int64_t seq, uint32_t *seconds, uint32_t *increment)
{
    *seconds = (uint32_t)(seq >> INCREMENT_BITS);
    *increment = (uint32_t)(seq & ((INT64_C(1) << INCREMENT_BITS) - 1));
}

/* Eight hexadecimal digits. */
static bool
read_hex(const char *text, uint32_t *value)
{
    char digits[9];
    char *end;

    memcpy(digits, text, 8);
    digits[8] = '\0';
    *value = (uint32_t)strtoul(digits, &end, 16);
    return *end == '\0';
}

int64_t
watch_token_seq(const bson_t *token)
{
    const char *data = store_read_text(token, "_data");
    uint32_t seconds, increment;

    if (data == NULL || strlen(data) < 18 || strncmp(data, "82", 2) != 0 ||
        !read_hex(data + 2, &seconds) || !read_hex(data + 10, &increment))
        return 0;
    return watch_seq(seconds, increment);
}

/* ---- what is asked for ---- */

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

/* ---- what they say ---- */

/* One document of the stream, in pieces; all borrowed from it. */
struct watched {
    const char *operation, *collection;
    int64_t seq;
    bool in_transaction;
    bson_iter_t key;     /* documentKey's _id */
    bson_t full, fields; /* fullDocument, updatedFields; empty: none */
    bool has_removed;    /* some of removedFields */
    store_change_visit *visit;
    void *context;
};

/* A document at the iterator, borrowed; false: there is none. */
static bool
borrow(const bson_iter_t *at, bson_t *doc)
{
    const uint8_t *bytes;
    uint32_t size;

    if (!BSON_ITER_HOLDS_DOCUMENT(at))
        return false;
    bson_iter_document(at, &size, &bytes);
    return bson_init_static(doc, bytes, size);
}

static void
read_update(const bson_iter_t *at, struct watched *watched)
{
    bson_iter_t part, removed;

    if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &part))
        return;
    while (bson_iter_next(&part)) {
        if (strcmp(bson_iter_key(&part), "updatedFields") == 0)
            borrow(&part, &watched->fields);
        else if (strcmp(bson_iter_key(&part), "removedFields") == 0)
            watched->has_removed = BSON_ITER_HOLDS_ARRAY(&part) &&
                                   bson_iter_recurse(&part, &removed) && bson_iter_next(&removed);
    }
}

static void
read_cluster_time(const bson_iter_t *at, struct watched *watched)
{
    uint32_t seconds = 0, increment = 0;

    if (BSON_ITER_HOLDS_TIMESTAMP(at))
        bson_iter_timestamp(at, &seconds, &increment);
    watched->seq = watch_seq(seconds, increment);
}

static const char *
text_at(const bson_iter_t *at)
{
    return BSON_ITER_HOLDS_UTF8(at) ? bson_iter_utf8(at, NULL) : "";
}

static bool
read_document(const bson_t *doc, struct watched *watched)
{
    bool has_key = false;
    bson_iter_t at, inside;

    watched->operation = watched->collection = "";
    bson_init(&watched->full);
    bson_init(&watched->fields);
    if (!bson_iter_init(&at, doc))
        return false;
    while (bson_iter_next(&at)) {
        const char *name = bson_iter_key(&at);

        if (strcmp(name, "operationType") == 0)
            watched->operation = text_at(&at);
        else if (strcmp(name, "clusterTime") == 0)
            read_cluster_time(&at, watched);
        else if (strcmp(name, "txnNumber") == 0)
            watched->in_transaction = true;
        else if (strcmp(name, "fullDocument") == 0)
            borrow(&at, &watched->full);
        else if (strcmp(name, "updateDescription") == 0)
            read_update(&at, watched);
        else if (strcmp(name, "ns") == 0 && bson_iter_recurse(&at, &inside) &&
                 bson_iter_find(&inside, "coll"))
            watched->collection = text_at(&inside);
        else if (strcmp(name, "documentKey") == 0 && bson_iter_recurse(&at, &watched->key))
            has_key = bson_iter_find(&watched->key, "_id");
    }
    return has_key;
}

static bool
is_of(const struct watched *watched, enum store_collection_id id)
{
    return strcmp(watched->collection, store_collection_names[id]) == 0;
}

/* The ObjectId at the iterator; "" when it holds none. */
static void
read_oid(const bson_iter_t *at, char oid[RUN_OID_SIZE])
{
    oid[0] = '\0';
    if (BSON_ITER_HOLDS_OID(at))
        bson_oid_to_string(bson_iter_oid(at), oid);
}

static void
tell(const struct watched *watched, enum store_change_kind kind)
{
    struct store_change change = {.kind = kind, .seq = watched->seq};

    read_oid(&watched->key, change.oid);
    if (kind == STORE_CHANGE_RUN_NEW) {
        change.account = store_read_text(&watched->full, "account");
        change.run_id = store_read_text(&watched->full, "run_id");
        if (change.account == NULL || change.run_id == NULL)
            return;
    }
    watched->visit(&change, watched->context);
}

/* A report: a row, or an element of a tail. */
static void
tell_episode(const struct watched *watched, const bson_t *doc, const bson_iter_t *run)
{
    struct metric_value values[EPISODE_VALUES_MAX];
    struct store_change change = {.kind = STORE_CHANGE_EPISODE, .seq = watched->seq};
    struct episode episode;

    if (!episode_doc_read(doc, &episode, values))
        return;
    read_oid(run, change.oid);
    change.episode = &episode;
    watched->visit(&change, watched->context);
}

/* A whole tail that was written: its new elements, or alone its last. */
static void
tell_tail(const struct watched *watched, const bson_iter_t *tail)
{
    bson_t element, last;
    bool has_last = false;
    bson_iter_t at;

    if (!bson_iter_recurse(tail, &at))
        return;
    while (bson_iter_next(&at)) {
        if (!borrow(&at, &element))
            continue;
        if (!watched->in_transaction)
            has_last = borrow(&at, &last);
        else if (store_read_bool(&element, "new"))
            tell_episode(watched, &element, &watched->key);
    }
    if (has_last)
        tell_episode(watched, &last, &watched->key);
}

/* What writers note for each other, and no reader sees. */
static bool
is_inner(const char *field)
{
    return strcmp(field, "revision") == 0 || strcmp(field, "merges") == 0 ||
           strcmp(field, "fence") == 0;
}

static void
tell_header(const struct watched *watched)
{
    bool seen = watched->has_removed;
    bson_iter_t at;
    bson_t element;

    if (!bson_iter_init(&at, &watched->fields))
        return;
    while (bson_iter_next(&at)) {
        const char *field = bson_iter_key(&at);

        seen = seen || !is_inner(field);
        if (strcmp(field, "tail") == 0 && BSON_ITER_HOLDS_ARRAY(&at))
            tell_tail(watched, &at);
        else if (strncmp(field, "tail.", 5) == 0 && borrow(&at, &element))
            tell_episode(watched, &element, &watched->key);
    }
    if (seen)
        tell(watched, STORE_CHANGE_RUN);
}

static void
tell_run(const struct watched *watched)
{
    if (strcmp(watched->operation, "delete") == 0) {
        tell(watched, STORE_CHANGE_RUN_GONE);
    } else if (strcmp(watched->operation, "update") == 0) {
        tell_header(watched);
    } else {
        tell(watched, STORE_CHANGE_RUN_NEW);
        tell(watched, STORE_CHANGE_RUN);
    }
}

static void
tell_row(const struct watched *watched)
{
    bson_iter_t inside;

    if (!BSON_ITER_HOLDS_DOCUMENT(&watched->key) || store_read_bool(&watched->full, "waited") ||
        !bson_iter_recurse(&watched->key, &inside) || !bson_iter_find(&inside, "run"))
        return;
    tell_episode(watched, &watched->full, &inside);
}

/* Its lease and its output change all the time. */
static void
tell_job(const struct watched *watched)
{
    bson_iter_t at;

    if (strcmp(watched->operation, "update") != 0 ||
        bson_iter_init_find(&at, &watched->fields, "state"))
        tell(watched, STORE_CHANGE_JOB);
}

void
watch_doc_visit(const bson_t *doc, store_change_visit *visit, void *context)
{
    struct watched watched = {.visit = visit, .context = context};

    if (!read_document(doc, &watched))
        return;
    if (is_of(&watched, STORE_RUNS))
        tell_run(&watched);
    else if (is_of(&watched, STORE_EPISODES))
        tell_row(&watched);
    else if (is_of(&watched, STORE_API_KEYS) || is_of(&watched, STORE_SESSIONS))
        tell(&watched, STORE_CHANGE_KEYS);
    else
        tell_job(&watched);
}

bool
watch_doc_is_amid(const bson_t *doc)
{
    struct watched watched = {.seq = 0};

    return read_document(doc, &watched) && watched.in_transaction &&
           is_of(&watched, STORE_EPISODES);
}
