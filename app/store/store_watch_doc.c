/*
 * store_watch_doc.c - reads the documents of a change stream. Called by store_watch.c.
 * Which are asked for: store_watch_pipeline.c. Next: store_episode_doc.c; why a report is where it
 * is: store_tail.h, store_plan.c.
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
           strcmp(field, "fence") == 0 || strcmp(field, "blocks_to") == 0;
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
