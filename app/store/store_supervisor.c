/*
 * store_supervisor.c - who supervises, and what can be trained. Called by routes/route_control.c,
 * supervisor/supervisor.c. Next: schema/mongo/supervisors.json.
 */
#include "store/store_supervisor.h"

#include "store_bson.h"
#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPERVISORS_MAX 64 /* of one installation that are looked at */

bool
store_supervisor_before(struct store *store, const char *place, char *before, size_t size,
                        struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *supervisors = store_collection(store, STORE_SUPERVISORS, err);
    mongoc_cursor_t *cursor;
    const char *name = NULL;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (supervisors == NULL)
        return false;
    BSON_APPEND_UTF8(&query, "_id", place);
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
    cursor = mongoc_collection_find_with_opts(supervisors, &query, &opts, NULL);
    if (mongoc_cursor_next(cursor, &doc))
        name = store_read_text(doc, "name");
    snprintf(before, size, "%s", name == NULL ? "" : name);
    good =
        !mongoc_cursor_error(cursor, &cause) || store_fail(store, err, "find_place", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

/* ---- saying that one is there ---- */

static void
append_scenarios(bson_t *set, const struct scenario *scenarios, size_t count)
{
    bson_t literal, array, inside;

    BSON_APPEND_DOCUMENT_BEGIN(set, "scenarios", &literal);
    BSON_APPEND_ARRAY_BEGIN(&literal, "$literal", &array);
    for (size_t i = 0; i < count; i++) {
        char number[16];
        const char *at;

        bson_uint32_to_string((uint32_t)i, &at, number, sizeof number);
        BSON_APPEND_DOCUMENT_BEGIN(&array, at, &inside);
        BSON_APPEND_UTF8(&inside, "name", scenarios[i].name);
        BSON_APPEND_UTF8(&inside, "description", scenarios[i].description);
        bson_append_document_end(&array, &inside);
    }
    bson_append_array_end(&literal, &array);
    bson_append_document_end(set, &literal);
}

/* [{$set: set}] on the place's document, which is made when it is new and upsert says so. */
static bool
update_place(struct store *store, const char *place, const bson_t *set, bool upsert,
             struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;

    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_SUPERVISORS]), "updates",
                "[", "{", "q", "{", "_id", BCON_UTF8(place), "}", "u", "[", "{", "$set",
                BCON_DOCUMENT(set), "}", "]", "upsert", BCON_BOOL(upsert), "}", "]");
    store_append_durable(&command);
    return store_command(store, &command, NULL, &reply, &cause) ||
           store_fail(store, err, "report_supervisor", &cause, &reply);
}

bool
store_supervisor_report(struct store *store, const char *place, const char *name, int64_t alive_ms,
                        const struct scenario *scenarios, size_t count, struct api_error *err)
{
    AUTO_BSON set = BSON_INITIALIZER;

    BCON_APPEND(&set, "name", "{", "$literal", BCON_UTF8(name), "}", "alive_until", "{", "$add",
                "[", "$$NOW", BCON_INT64(alive_ms), "]", "}");
    append_scenarios(&set, scenarios, count);
    return update_place(store, place, &set, true, err);
}

bool
store_supervisor_leave(struct store *store, const char *place, struct api_error *err)
{
    AUTO_BSON set = BSON_INITIALIZER;

    BCON_APPEND(&set, "alive_until", "$$NOW");
    return update_place(store, place, &set, false, err);
}

/* ---- asking who is there ---- */

static bool
count_places(struct store *store, const bson_t *query, bool *any, struct api_error *err)
{
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *supervisors = store_collection(store, STORE_SUPERVISORS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (supervisors == NULL)
        return false;
    BCON_APPEND(&opts, "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true), "projection", "{",
                "_id", BCON_INT32(1), "}");
    cursor = mongoc_collection_find_with_opts(supervisors, query, &opts, NULL);
    *any = mongoc_cursor_next(cursor, &doc);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "find_supervisor", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

bool
store_supervisor_any(struct store *store, bool *alive, bool *ever, struct api_error *err)
{
    AUTO_BSON all = BSON_INITIALIZER;
    AUTO_BSON living = BSON_INITIALIZER;

    BCON_APPEND(&living, "$expr", "{", "$gt", "[", "$alive_until", "$$NOW", "]", "}");
    return count_places(store, &all, ever, err) && count_places(store, &living, alive, err);
}

/* ---- the scenarios ---- */

/* All places' scenarios in one list; SCENARIOS_MAX at most. */
struct gathering {
    struct scenario *items;
    size_t count;
};

static void
gather(struct gathering *gathering, const bson_t *doc)
{
    const char *name = store_read_text(doc, "name");
    const char *description = store_read_text(doc, "description");
    struct scenario *item = &gathering->items[gathering->count];

    if (name == NULL || gathering->count == SCENARIOS_MAX)
        return;
    for (size_t i = 0; i < gathering->count; i++)
        if (strcmp(gathering->items[i].name, name) == 0)
            return;
    snprintf(item->name, sizeof item->name, "%s", name);
    snprintf(item->description, sizeof item->description, "%s",
             description == NULL ? "" : description);
    gathering->count++;
}

static void
gather_place(struct gathering *gathering, const bson_t *doc)
{
    bson_iter_t at;

    if (!store_read_inside(doc, "scenarios", &at))
        return;
    while (bson_iter_next(&at)) {
        const uint8_t *bytes;
        uint32_t size;
        bson_t item;

        if (!BSON_ITER_HOLDS_DOCUMENT(&at))
            continue;
        bson_iter_document(&at, &size, &bytes);
        if (bson_init_static(&item, bytes, size))
            gather(gathering, &item);
    }
}

/* Of two places that know a name, the one that was alive last tells what it is. */
static bool
gather_all(struct store *store, struct gathering *gathering, struct api_error *err)
{
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON opts = BSON_INITIALIZER;
    mongoc_collection_t *supervisors = store_collection(store, STORE_SUPERVISORS, err);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t cause;
    bool good;

    if (supervisors == NULL)
        return false;
    BCON_APPEND(&opts, "sort", "{", "alive_until", BCON_INT32(-1), "}", "limit",
                BCON_INT64(SUPERVISORS_MAX));
    cursor = mongoc_collection_find_with_opts(supervisors, &query, &opts, NULL);
    while (mongoc_cursor_next(cursor, &doc))
        gather_place(gathering, doc);
    good = !mongoc_cursor_error(cursor, &cause) ||
           store_fail(store, err, "list_scenarios", &cause, NULL);
    mongoc_cursor_destroy(cursor);
    return good;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct scenario *)a)->name, ((const struct scenario *)b)->name);
}

bool
store_scenario_each(struct store *store, store_scenario_visit *visit, void *context,
                    struct api_error *err)
{
    struct gathering gathering = {.items = calloc(SCENARIOS_MAX + 1, sizeof(struct scenario))};
    bool good;

    if (gathering.items == NULL)
        return api_fail(err, API_INTERNAL, NULL);
    good = gather_all(store, &gathering, err);
    qsort(gathering.items, gathering.count, sizeof *gathering.items, by_name);
    for (size_t i = 0; good && i < gathering.count; i++)
        if (!visit(&gathering.items[i], context))
            break;
    free(gathering.items);
    return good;
}
