/*
 * store_run_change.c - changes a run, and notes that it did. Called by routes/route_run.c and
 * routes/route_training_run.c. Next: store_header.c, store_transaction.c.
 */
#include "store/store_run.h"

#include "base/clock.h"
#include "base/json_text.h"
#include "store_bson.h"
#include "store_header.h"
#include "store_run_search.h"
#include "store_transaction.h"

#include <stdio.h>
#include <string.h>

#define CHANGE_TRIES 100     /* of a change that others change at the same time */
#define CHANGE_TRIES_MS 1300 /* and for how long at most */

/* The members of change over those of the run, as one object the caller owns; NULL: too large. */
static json_object *
merge_metadata(const struct run *run, json_object *change, size_t metadata_max, bool *differs,
               struct api_error *err)
{
    const char *stored = run->metadata_json == NULL ? "{}" : run->metadata_json;
    json_object *merged = NULL;

    if (!json_text_parse(stored, strlen(stored), &merged, err))
        return NULL;
    json_object_object_foreach(change, name, value)
    {
        json_object *old;

        if (!json_object_object_get_ex(merged, name, &old) || !json_text_same(old, value))
            *differs = true;
        json_object_object_add(merged, name, json_object_get(value));
    }
    if (strlen(json_text_of(merged)) <= metadata_max)
        return merged;
    json_object_put(merged);
    api_fault(err, "metadata", "becomes larger than %zu bytes of JSON", metadata_max);
    return NULL;
}

static void
append_tag_list(bson_t *set, const struct run_change *change)
{
    bson_t array;

    BSON_APPEND_ARRAY_BEGIN(set, "tags", &array);
    for (size_t i = 0; i < change->tag_count; i++) {
        char number[16];
        const char *place;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_UTF8(&array, place, change->tags[i]);
    }
    bson_append_array_end(set, &array);
}

/* A change on its way: from the run as it was read to the run as it is held afterwards. */
struct changing {
    struct store *store;
    const struct store_author *by;
    const struct run_change *change;
    size_t metadata_max;
    const struct run *run; /* as it was read */
    int64_t edits;         /* as they were then: the change asks whether they still are */
    json_object *names;    /* array: the members that become another value */
    bson_t query, update;
    struct run_held *held;
    bool done; /* false: somebody else was quicker */
};

static void
note_member(struct changing *changing, const char *name, bool differs)
{
    if (differs)
        json_object_array_add(changing->names, json_object_new_string(name));
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_tags(const struct run *run, const struct run_change *change)
{
    bool same = run->tag_count == change->tag_count;

    for (size_t i = 0; same && i < run->tag_count; i++)
        same = strcmp(run->tags[i], change->tags[i]) == 0;
    return same;
}

static void
append_status(struct changing *changing, bson_t *set)
{
    const enum run_status status = changing->change->status;
    const bool ends =
        status != RUN_STATUS_NONE && status != RUN_RUNNING && changing->run->status == RUN_RUNNING;

    note_member(changing, "status", ends);
    if (!ends)
        return;
    BSON_APPEND_UTF8(set, "status", run_status_name(status));
    BSON_APPEND_DATE_TIME(set, "completed_at", changing->by->now_ms);
}

static bool
append_metadata(struct changing *changing, bson_t *set, struct api_error *err)
{
    bool differs = false;
    AUTO_JSON *merged = merge_metadata(changing->run, changing->change->metadata,
                                       changing->metadata_max, &differs, err);

    if (merged == NULL)
        return false;
    store_append_json(set, "metadata", merged);
    BSON_APPEND_UTF8(set, "metadata_json", json_text_of(merged));
    note_member(changing, "metadata", differs);
    return true;
}

static void
append_episodes_total(struct changing *changing, bson_t *set)
{
    const int64_t total = changing->change->episodes_total;

    if (total == 0)
        BSON_APPEND_NULL(set, "episodes_total");
    else
        BSON_APPEND_INT64(set, "episodes_total", total);
    note_member(changing, "episodes_total", total != changing->run->episodes_total);
}

/* {$set: {…}} of a change to the run as it is. */
static bool
append_change(struct changing *changing, bson_t *set, struct api_error *err)
{
    const struct run_change *change = changing->change;

    BSON_APPEND_DATE_TIME(set, "last_reported_at", changing->by->now_ms);
    append_status(changing, set);
    if (change->sets_metadata && !append_metadata(changing, set, err))
        return false;
    if (change->sets_tags) {
        append_tag_list(set, change);
        run_search_append_retagged(set, changing->run, change->tags, change->tag_count);
        note_member(changing, "tags", !same_tags(changing->run, change));
    }
    if (change->sets_notes) {
        store_append_text(set, "notes", change->notes);
        note_member(changing, "notes", !same_text(changing->run->notes, change->notes));
    }
    if (change->sets_episodes_total)
        append_episodes_total(changing, set);
    return true;
}

/* {"changed": [names], "status"?: the new one}; the caller owns it. */
static json_object *
change_details(const struct changing *changing)
{
    json_object *details = json_object_new_object();

    json_object_object_add(details, "changed", json_object_get(changing->names));
    if (changing->run->status == RUN_RUNNING && changing->held->run.status != RUN_RUNNING)
        json_object_object_add(details, "status",
                               json_object_new_string(run_status_name(changing->held->run.status)));
    return details;
}

static enum step
change_inside(struct transaction *transaction, void *context, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    AUTO_JSON *details = NULL;
    struct changing *changing = context;
    struct store_audit_entry entry = {
        .by = *changing->by, .action = "run.change", .subject = changing->run->id};
    enum step step;

    store_run_release(changing->held); /* of a try before */
    store_header_append_modify(&command, &changing->query, &changing->update);
    step = transaction_run(transaction, "change_run", &command, &reply, err);
    if (step != STEP_DONE)
        return step;
    if (!store_header_hold(&reply, changing->held))
        return STEP_OTHER;
    details = change_details(changing);
    entry.details = details;
    return transaction_audit(transaction, &entry, err);
}

/* A change that changes something goes with its entry; else only the time of report is new. */
static bool
write_change(struct changing *changing, struct api_error *err)
{
    bson_oid_t oid;
    enum step step;

    if (json_object_array_length(changing->names) == 0)
        return store_header_modify(changing->store, &changing->query, &changing->update,
                                   changing->held, &changing->done, err);
    bson_oid_init_from_string(&oid, changing->run->oid);
    step = store_transact(changing->store, oid.bytes, change_inside, changing, err);
    changing->done = step == STEP_DONE;
    if (!changing->done)
        store_run_release(changing->held);
    return step != STEP_FAILED;
}

/* Change the run as it was read: only if nobody else has changed it since (`edits`). */
static bool
change_once(struct changing *changing, struct api_error *err)
{
    bson_oid_t oid;
    bson_t set;
    bool good;

    bson_init(&changing->query);
    bson_init(&changing->update);
    changing->names = json_object_new_array();
    bson_oid_init_from_string(&oid, changing->run->oid);
    BSON_APPEND_OID(&changing->query, "_id", &oid);
    BSON_APPEND_INT64(&changing->query, "edits", changing->edits);
    BSON_APPEND_NULL(&changing->query, "deleted_at");
    BSON_APPEND_DOCUMENT_BEGIN(&changing->update, "$set", &set);
    good = append_change(changing, &set, err);
    bson_append_document_end(&changing->update, &set);
    BCON_APPEND(&changing->update, "$inc", "{", "edits", BCON_INT32(1), "}");
    good = good && write_change(changing, err);
    json_object_put(changing->names);
    bson_destroy(&changing->query);
    bson_destroy(&changing->update);
    return good;
}

/* May this run be changed so? */
static bool
check_change(const struct run *run, const struct run_change *change, struct api_error *err)
{
    if (run->deleted_ms != 0)
        return api_fail(err, API_RUN_NOT_FOUND, NULL);
    if (run->status != RUN_RUNNING && change->status != RUN_STATUS_NONE &&
        change->status != run->status)
        return api_fail(err, API_RUN_ENDED, "The run has already ended: it is %s.",
                        run_status_name(run->status));
    return true;
}

bool
store_run_change(struct store *store, const struct store_author *by, const char *run_id,
                 const struct run_change *change, size_t metadata_max, struct run_held *held,
                 struct api_error *err)
{
    struct changing changing = {
        .store = store, .by = by, .change = change, .metadata_max = metadata_max, .held = held};

    const int64_t give_up_at_ms = clock_steady_ms() + CHANGE_TRIES_MS;

    for (int i = 0; i < CHANGE_TRIES && clock_steady_ms() <= give_up_at_ms; i++) {
        struct run_held old = {.holder = NULL};
        bool found, good;

        if (!store_header_find(store, by->account, run_id, &old, &changing.edits, &found, err))
            return false;
        changing.run = &old.run;
        good = found ? check_change(&old.run, change, err) : api_fail(err, API_RUN_NOT_FOUND, NULL);
        good = good && change_once(&changing, err);
        store_run_release(&old);
        if (!good || changing.done)
            return good;
        store_pause_before(i);
    }
    return api_fail(err, API_STORE_BUSY, NULL);
}
