/*
 * store_schema.c - makes a collection or view what its file says, and says what it did.
 * Called by app/admin/admin_schema.c. Next: store_fault.c.
 */
#include "store/store_schema.h"

#include "base/auto.h"
#include "store_private.h"

#include <string.h>

#define NAME_SIZE 256 /* "collection.index" for the report */

struct applying {
    struct store *store;
    bool look_only;   /* report what would be done, and do nothing */
    const char *name; /* of the collection or view */
    store_schema_report *report;
    void *context;
    struct api_error *err;
};

/* ---- reading the file's text ---- */

static bool
find_text(const bson_t *doc, const char *name, const char **text)
{
    bson_iter_t at;

    if (!bson_iter_init_find(&at, doc, name) || !BSON_ITER_HOLDS_UTF8(&at))
        return false;
    *text = bson_iter_utf8(&at, NULL);
    return true;
}

/* A member that is a document (or an array), as a view into doc. */
static bool
find_part(const bson_t *doc, const char *name, bson_type_t type, bson_t *part)
{
    bson_iter_t at;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init_find(&at, doc, name) || bson_iter_type(&at) != type)
        return false;
    if (type == BSON_TYPE_ARRAY)
        bson_iter_array(&at, &size, &bytes);
    else
        bson_iter_document(&at, &size, &bytes);
    return bson_init_static(part, bytes, size);
}

/* ---- comparing ---- */

/* The members of a and b called name are equal, or neither has one. */
static bool
same_member(const bson_t *a, const bson_t *b, const char *name)
{
    AUTO_BSON left = BSON_INITIALIZER;
    AUTO_BSON right = BSON_INITIALIZER;
    bson_iter_t at;

    if (bson_iter_init_find(&at, a, name))
        bson_append_iter(&left, name, -1, &at);
    if (bson_iter_init_find(&at, b, name))
        bson_append_iter(&right, name, -1, &at);
    return bson_equal(&left, &right);
}

/* Every member of a is in b with the same value, but for those that the server adds itself. */
static bool
has_members_of(const bson_t *a, const bson_t *b)
{
    bson_iter_t at;

    if (!bson_iter_init(&at, a))
        return false;
    while (bson_iter_next(&at)) {
        const char *name = bson_iter_key(&at);

        if (strcmp(name, "v") != 0 && strcmp(name, "ns") != 0 && !same_member(a, b, name))
            return false;
    }
    return true;
}

static bool
same_index(const bson_t *wanted, const bson_t *found)
{
    return has_members_of(wanted, found) && has_members_of(found, wanted);
}

/* ---- talking to the server ---- */

/* reply: NULL, or an empty document that takes a copy of the answer. */
static bool
run(const struct applying *on, const char *doing, const bson_t *command, bson_t *reply)
{
    AUTO_BSON answer = BSON_INITIALIZER;
    bson_error_t cause;
    bool ok;

    bson_destroy(&answer); /* store_command makes it anew */
    ok = store_command(on->store, command, NULL, &answer, &cause);
    if (!ok && cause.domain == MONGOC_ERROR_SERVER && !store_is_loss(&cause)) {
        store_fail(on->store, on->err, doing, &cause, &answer);
        return api_fail(on->err, on->err->id, "%s of %s was refused by the database: %.100s", doing,
                        on->name, cause.message);
    }
    if (!ok)
        return store_fail(on->store, on->err, doing, &cause, &answer);
    if (reply != NULL)
        bson_concat(reply, &answer);
    return true;
}

/* A command that changes something. */
static bool
change(const struct applying *on, const char *doing, const bson_t *command)
{
    return on->look_only || run(on, doing, command, NULL);
}

/* The first batch of a listing command: nothing listed here comes near a batch's size. */
static bool
first_batch(const bson_t *reply, bson_t *batch)
{
    bson_iter_t at, items;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init(&at, reply) ||
        !bson_iter_find_descendant(&at, "cursor.firstBatch", &items) ||
        !BSON_ITER_HOLDS_ARRAY(&items))
        return false;
    bson_iter_array(&items, &size, &bytes);
    return bson_init_static(batch, bytes, size);
}

/*
 * What the database knows under the name: its listCollections entry in *entry (initialised by the
 * caller), *found false when there is none.
 */
static bool
look_up(const struct applying *on, bson_t *entry, bool *found)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_t filter, batch, first;

    BSON_APPEND_INT32(&command, "listCollections", 1);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "filter", &filter);
    BSON_APPEND_UTF8(&filter, "name", on->name);
    bson_append_document_end(&command, &filter);
    if (!run(on, "listCollections", &command, &reply))
        return false;
    *found = first_batch(&reply, &batch) && find_part(&batch, "0", BSON_TYPE_DOCUMENT, &first);
    if (*found)
        bson_concat(entry, &first);
    return true;
}

/* An existing name is of the wanted type ("collection" or "view"). */
static bool
check_type(const struct applying *on, const bson_t *entry, const char *wanted)
{
    const char *type = "";

    if (find_text(entry, "type", &type) && strcmp(type, wanted) == 0)
        return true;
    return api_fail(on->err, API_INTERNAL, "%s is a %s in this database, not a %s: rename it first",
                    on->name, type, wanted);
}

static void
tell(const struct applying *on, const char *kind, const char *part, const char *done)
{
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "%s%s%s", on->name, part != NULL ? "." : "",
             part != NULL ? part : "");
    on->report(kind, name, done, on->context);
}

/* ---- collections ---- */

static bool
apply_validator(const struct applying *on, const bson_t *validator)
{
    AUTO_BSON entry = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON wanted = BSON_INITIALIZER;
    bson_t options;
    bool found;

    BSON_APPEND_DOCUMENT(&wanted, "validator", validator);
    BSON_APPEND_UTF8(&wanted, "validationLevel", "strict");
    BSON_APPEND_UTF8(&wanted, "validationAction", "error");
    if (!look_up(on, &entry, &found))
        return false;
    if (found && !check_type(on, &entry, "collection"))
        return false;
    if (found && find_part(&entry, "options", BSON_TYPE_DOCUMENT, &options) &&
        has_members_of(&wanted, &options)) {
        tell(on, "collection", NULL, "unchanged");
        return true;
    }
    BSON_APPEND_UTF8(&command, found ? "collMod" : "create", on->name);
    bson_concat(&command, &wanted);
    store_append_durable(&command);
    if (!change(on, found ? "collMod" : "create", &command))
        return false;
    tell(on, "collection", NULL, found ? "changed" : "created");
    return true;
}

static bool
drop_index(const struct applying *on, const char *index)
{
    AUTO_BSON command = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&command, "dropIndexes", on->name);
    BSON_APPEND_UTF8(&command, "index", index);
    store_append_durable(&command);
    return change(on, "dropIndexes", &command);
}

static bool
create_index(const struct applying *on, const bson_t *wanted)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_t list;

    BSON_APPEND_UTF8(&command, "createIndexes", on->name);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &list);
    BSON_APPEND_DOCUMENT(&list, "0", wanted);
    bson_append_array_end(&command, &list);
    store_append_durable(&command);
    return change(on, "createIndexes", &command);
}

/* existing: the listIndexes batch. An index in the way has the same name or the same key. */
static bool
apply_index(const struct applying *on, const bson_t *wanted, const bson_t *existing)
{
    const char *name = "", *other;
    const char *done = "created";
    bson_t found;
    bson_iter_t at;

    if (!find_text(wanted, "name", &name) || !bson_iter_init(&at, existing))
        return api_fail(on->err, API_INTERNAL, "An index of %s has no name", on->name);
    while (bson_iter_next(&at)) {
        if (!find_part(existing, bson_iter_key(&at), BSON_TYPE_DOCUMENT, &found) ||
            !find_text(&found, "name", &other))
            continue;
        if (strcmp(name, other) == 0 && same_index(wanted, &found)) {
            tell(on, "index", name, "unchanged");
            return true;
        }
        if (strcmp(name, other) != 0 && !same_member(wanted, &found, "key"))
            continue;
        tell(on, "index", other, "had another definition: dropped, to be built anew");
        if (!drop_index(on, other))
            return false;
        done = "changed";
    }
    if (!create_index(on, wanted))
        return false;
    tell(on, "index", name, done);
    return true;
}

static bool
is_named(const bson_t *wanted, const char *name)
{
    bson_iter_t at;
    bson_t index;
    const char *other;

    if (!bson_iter_init(&at, wanted))
        return false;
    while (bson_iter_next(&at))
        if (find_part(wanted, bson_iter_key(&at), BSON_TYPE_DOCUMENT, &index) &&
            find_text(&index, "name", &other) && strcmp(name, other) == 0)
            return true;
    return false;
}

static bool
list_indexes(const struct applying *on, bson_t *reply, bson_t *batch)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON entry = BSON_INITIALIZER;
    bool found = true;

    if (on->look_only && !look_up(on, &entry, &found))
        return false;
    bson_init(batch);
    if (!found) /* and has not been made, as we only look: it has none */
        return true;
    BSON_APPEND_UTF8(&command, "listIndexes", on->name);
    if (!run(on, "listIndexes", &command, reply))
        return false;
    return first_batch(reply, batch) ||
           api_fail(on->err, API_INTERNAL, "The indexes of %s cannot be read", on->name);
}

/* Say which indexes are there that the file does not name. */
static void
tell_unknown(const struct applying *on, const bson_t *wanted, const bson_t *existing)
{
    bson_iter_t at;
    bson_t index;
    const char *name;

    if (!bson_iter_init(&at, existing))
        return;
    while (bson_iter_next(&at))
        if (find_part(existing, bson_iter_key(&at), BSON_TYPE_DOCUMENT, &index) &&
            find_text(&index, "name", &name) && strcmp(name, "_id_") != 0 &&
            !is_named(wanted, name))
            tell(on, "index", name, "not ours: left alone");
}

static bool
apply_indexes(const struct applying *on, const bson_t *wanted)
{
    AUTO_BSON before = BSON_INITIALIZER;
    AUTO_BSON after = BSON_INITIALIZER;
    bson_t existing, index;
    bson_iter_t at;

    if (!list_indexes(on, &before, &existing) || !bson_iter_init(&at, wanted))
        return false;
    while (bson_iter_next(&at)) {
        if (!find_part(wanted, bson_iter_key(&at), BSON_TYPE_DOCUMENT, &index))
            return api_fail(on->err, API_INTERNAL, "An index of %s is no object", on->name);
        if (!apply_index(on, &index, &existing))
            return false;
    }
    if (!list_indexes(on, &after, &existing))
        return false;
    tell_unknown(on, wanted, &existing);
    return true;
}

static bool
apply_collection(const struct applying *on, const bson_t *file)
{
    bson_t validator, indexes;

    if (!find_part(file, "validator", BSON_TYPE_DOCUMENT, &validator) ||
        !find_part(file, "indexes", BSON_TYPE_ARRAY, &indexes))
        return api_fail(on->err, API_INTERNAL, "The file of %s needs a validator and indexes",
                        on->name);
    return apply_validator(on, &validator) && apply_indexes(on, &indexes);
}

/* ---- views ---- */

static bool
apply_view(const struct applying *on, const bson_t *file)
{
    AUTO_BSON entry = BSON_INITIALIZER;
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON wanted = BSON_INITIALIZER;
    const char *source;
    bson_t options, pipeline;
    bool found;

    if (!find_text(file, "on", &source) || !find_part(file, "pipeline", BSON_TYPE_ARRAY, &pipeline))
        return api_fail(on->err, API_INTERNAL, "The file of %s needs on and pipeline", on->name);
    BSON_APPEND_UTF8(&wanted, "viewOn", source);
    BSON_APPEND_ARRAY(&wanted, "pipeline", &pipeline);
    if (!look_up(on, &entry, &found))
        return false;
    if (found && !check_type(on, &entry, "view"))
        return false;
    if (found && find_part(&entry, "options", BSON_TYPE_DOCUMENT, &options) &&
        same_index(&wanted, &options)) {
        tell(on, "view", NULL, "unchanged");
        return true;
    }
    BSON_APPEND_UTF8(&command, found ? "collMod" : "create", on->name);
    bson_concat(&command, &wanted);
    store_append_durable(&command);
    if (!change(on, found ? "collMod" : "create", &command))
        return false;
    tell(on, "view", NULL, found ? "changed" : "created");
    return true;
}

static bool
apply(struct applying *on, const char *text)
{
    bson_error_t cause;
    bson_t *file = bson_new_from_json((const uint8_t *)text, -1, &cause);
    bool ok;

    if (file == NULL)
        return api_fail(on->err, API_INTERNAL, "This is not JSON: %.150s", cause.message);
    if (find_text(file, "collection", &on->name))
        ok = apply_collection(on, file);
    else if (find_text(file, "view", &on->name))
        ok = apply_view(on, file);
    else
        ok = api_fail(on->err, API_INTERNAL, "The file names neither a collection nor a view");
    bson_destroy(file);
    return ok;
}

bool
store_schema_apply(struct store *store, const char *text, store_schema_report *report,
                   void *context, struct api_error *err)
{
    struct applying on = {.store = store, .report = report, .context = context, .err = err};

    return apply(&on, text);
}

bool
store_schema_check(struct store *store, const char *text, store_schema_report *report,
                   void *context, struct api_error *err)
{
    struct applying on = {
        .store = store, .look_only = true, .report = report, .context = context, .err = err};

    return apply(&on, text);
}
