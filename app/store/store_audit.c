/*
 * store_audit.c - writes and lists the entries of the audit. Called by whoever changes something.
 * Next: schema/mongo/audit.json.
 */
#include "store/store_audit.h"

#include "store_audit_doc.h"
#include "store_bson.h"
#include "store_private.h"

#define ROWS_AT_ONCE 1000

/* ---- writing ---- */

static void
append_entry(bson_t *doc, const struct store_audit_entry *entry)
{
    bson_oid_t oid;

    bson_oid_init(&oid, NULL);
    BSON_APPEND_OID(doc, "_id", &oid);
    BSON_APPEND_DATE_TIME(doc, "at", entry->by.now_ms);
    BSON_APPEND_UTF8(doc, "account", entry->by.account);
    BSON_APPEND_UTF8(doc, "actor", entry->by.actor);
    BSON_APPEND_UTF8(doc, "action", entry->action);
    BSON_APPEND_UTF8(doc, "subject", entry->subject);
    store_append_text(doc, "request_id", entry->by.request_id);
    if (entry->details != NULL)
        store_append_json(doc, "details", entry->details);
}

void
audit_doc_append_insert(bson_t *command, const struct store_audit_entry *entry)
{
    bson_t documents, doc;

    BSON_APPEND_UTF8(command, "insert", store_collection_names[STORE_AUDIT]);
    BSON_APPEND_ARRAY_BEGIN(command, "documents", &documents);
    BSON_APPEND_DOCUMENT_BEGIN(&documents, "0", &doc);
    append_entry(&doc, entry);
    bson_append_document_end(&documents, &doc);
    bson_append_array_end(command, &documents);
}

bool
store_audit_note(struct store *store, const struct store_audit_entry *entry, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    audit_doc_append_insert(&command, entry);
    store_append_durable(&command);
    return store_command(store, &command, NULL, &reply, &cause) ||
           store_fail(store, err, "note_audit", &cause, &reply);
}

/* ---- listing ---- */

static void
append_times(bson_t *filter, const struct store_audit_query *query)
{
    bson_t range;

    if (query->since_ms == 0 && query->until_ms == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "at", &range);
    if (query->since_ms != 0)
        BSON_APPEND_DATE_TIME(&range, "$gte", query->since_ms);
    if (query->until_ms != 0)
        BSON_APPEND_DATE_TIME(&range, "$lte", query->until_ms);
    bson_append_document_end(filter, &range);
}

/* Entries older than (from_ms, from_id). */
static void
append_place(bson_t *filter, const struct store_audit_query *query)
{
    bson_oid_t oid;

    if (query->account == NULL || query->from_id == NULL)
        return;
    bson_oid_init_from_string(&oid, query->from_id);
    BCON_APPEND(filter, "$or", "[", "{", "at", "{", "$lt", BCON_DATE_TIME(query->from_ms), "}", "}",
                "{", "at", BCON_DATE_TIME(query->from_ms), "_id", "{", "$lt", BCON_OID(&oid), "}",
                "}", "]");
}

static void
append_filter(bson_t *filter, const struct store_audit_query *query)
{
    const struct {
        const char *name, *value;
    } members[] = {
        {"account", query->account},
        {"action", query->action},
        {"subject", query->subject},
        {"actor", query->actor},
    };

    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (members[i].value != NULL)
            BSON_APPEND_UTF8(filter, members[i].name, members[i].value);
    append_times(filter, query);
    append_place(filter, query);
}

/* In the order of an index: by_account_newest, or of all accounts expires. */
static void
append_opts(bson_t *opts, const struct store_audit_query *query)
{
    bson_t sort;

    BSON_APPEND_DOCUMENT_BEGIN(opts, "sort", &sort);
    BSON_APPEND_INT32(&sort, "at", -1);
    if (query->account != NULL)
        BSON_APPEND_INT32(&sort, "_id", -1);
    bson_append_document_end(opts, &sort);
    BSON_APPEND_INT64(opts, "limit", query->limit + 1);
    BSON_APPEND_INT32(opts, "batchSize", ROWS_AT_ONCE);
}

/* Details as JSON, which the caller owns; NULL: none. */
static json_object *
read_details(const bson_t *doc)
{
    bson_iter_t at;
    const uint8_t *bytes;
    uint32_t size;
    bson_t details;
    json_object *parsed;
    char *text;

    if (!bson_iter_init_find(&at, doc, "details") || !BSON_ITER_HOLDS_DOCUMENT(&at))
        return NULL;
    bson_iter_document(&at, &size, &bytes);
    if (!bson_init_static(&details, bytes, size))
        return NULL;
    text = bson_as_relaxed_extended_json(&details, NULL);
    parsed = text == NULL ? NULL : json_tokener_parse(text);
    bson_free(text);
    return parsed;
}

static bool
visit_entry(const bson_t *doc, store_audit_visit *visit, void *context)
{
    AUTO_JSON *details = read_details(doc);
    struct store_audit_entry entry = {
        .by = {.account = store_read_text(doc, "account"),
               .actor = store_read_text(doc, "actor"),
               .request_id = store_read_text(doc, "request_id"),
               .now_ms = store_read_time(doc, "at")},
        .action = store_read_text(doc, "action"),
        .subject = store_read_text(doc, "subject"),
        .details = details,
    };
    bson_iter_t id;

    if (bson_iter_init_find(&id, doc, "_id") && BSON_ITER_HOLDS_OID(&id))
        bson_oid_to_string(bson_iter_oid(&id), entry.id);
    return visit(&entry, context);
}

bool
store_audit_list(struct store *store, const struct store_audit_query *query,
                 store_audit_visit *visit, void *context, bool *more, struct api_error *err)
{
    AUTO_BSON filter = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *audit = store_collection(store, STORE_AUDIT, err);
    mongoc_cursor_t *cursor;
    int64_t seen = 0;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (audit == NULL)
        return false;
    *more = false;
    append_filter(&filter, query);
    append_opts(&opts, query);
    cursor = mongoc_collection_find_with_opts(audit, &filter, &opts, NULL);
    while (!*more && mongoc_cursor_next(cursor, &doc)) {
        *more = seen++ == query->limit;
        if (!*more && !visit_entry(doc, visit, context))
            break;
    }
    good =
        !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "list_audit", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}
