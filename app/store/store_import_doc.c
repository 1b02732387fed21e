/*
 * store_import_doc.c - takes a document of seed 004's logger apart: what is a run's, what an
 * episode's, and what has no place of its own, which goes to metadata.imported.
 * Called by store_import_run.c. Next: store_import_episodes.c, store_json.c, training/run.c.
 */
#include "store_import_doc.h"

#include "base/clock.h"
#include "base/json_text.h"
#include "store_bson.h"
#include "store_import_episodes.h"
#include "store_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORTED "imported" /* the member of metadata for what has no place of its own */

struct reading {
    const bson_t *doc;
    struct import_doc *made;
    import_doc_tell *tell;
    void *context;
    json_object *metadata;  /* owned */
    json_object *left_json; /* owned: what has no place of its own, as JSON… */
    bson_t left;            /* …and as it stands */
    bool good;              /* the run can be taken */
};

static void
tell(const struct reading *reading, const char *member, const char *why)
{
    reading->tell(member, why, reading->context);
}

/* The run cannot be taken, and why. */
static void
refuse(struct reading *reading, const char *member, const char *why)
{
    tell(reading, member, why);
    reading->good = false;
}

/* As JSON into an object; what has no JSON form is told, and false. */
static bool
add_json(const struct reading *reading, json_object *to, const bson_iter_t *at)
{
    json_object *value = NULL;
    const char *why = "";

    if (!store_json_read(at, &value, &why)) {
        tell(reading, bson_iter_key(at), why);
        return false;
    }
    json_object_object_add(to, bson_iter_key(at), value);
    return true;
}

/* What has no place of its own. */
static void
leave(struct reading *reading, const bson_iter_t *at)
{
    if (add_json(reading, reading->left_json, at))
        bson_append_iter(&reading->left, bson_iter_key(at), -1, at);
}

/* ---- one function a member ---- */

static void
read_id(struct reading *reading, const bson_iter_t *at)
{
    reading->made->has_oid = BSON_ITER_HOLDS_OID(at);
    if (reading->made->has_oid)
        bson_oid_copy(bson_iter_oid(at), &reading->made->oid);
    else
        leave(reading, at);
}

/* What a client may say when it opens a run: judged by its rules, later. */
static void
read_of_request(struct reading *reading, const bson_iter_t *at)
{
    reading->good = add_json(reading, reading->made->body, at) && reading->good;
}

static void
read_config(struct reading *reading, const bson_iter_t *at)
{
    const uint8_t *bytes;
    uint32_t size;

    read_of_request(reading, at);
    if (!BSON_ITER_HOLDS_DOCUMENT(at))
        return;
    bson_iter_document(at, &size, &bytes);
    reading->made->has_config = bson_init_static(&reading->made->config, bytes, size);
}

static void
read_status(struct reading *reading, const bson_iter_t *at)
{
    if (BSON_ITER_HOLDS_UTF8(at))
        reading->made->status = run_status_find(bson_iter_utf8(at, NULL));
}

/* A date, or ISO-8601 text as Python's isoformat() writes it. */
static bool
read_time(const bson_iter_t *at, int64_t *ms)
{
    if (BSON_ITER_HOLDS_DATE_TIME(at))
        *ms = bson_iter_date_time(at);
    else if (!BSON_ITER_HOLDS_UTF8(at) || !clock_parse(bson_iter_utf8(at, NULL), ms))
        return false;
    return true;
}

static void
read_start(struct reading *reading, const bson_iter_t *at)
{
    read_time(at, &reading->made->started_ms);
}

static void
read_end(struct reading *reading, const bson_iter_t *at)
{
    if (!BSON_ITER_HOLDS_NULL(at) && !read_time(at, &reading->made->ended_ms))
        refuse(reading, "end_time", "must be a date or null");
}

static void
read_metadata(struct reading *reading, const bson_iter_t *at)
{
    const uint8_t *bytes;
    const char *why = "";
    uint32_t size;
    bson_t inside;

    if (BSON_ITER_HOLDS_NULL(at))
        return;
    if (!BSON_ITER_HOLDS_DOCUMENT(at)) {
        leave(reading, at);
        return;
    }
    json_object_put(reading->metadata);
    reading->metadata = NULL;
    bson_iter_document(at, &size, &bytes);
    if (!store_json_read(at, &reading->metadata, &why))
        refuse(reading, "metadata", why);
    else if (bson_init_static(&inside, bytes, size))
        bson_concat(&reading->made->metadata, &inside);
}

/* Episodes; the win rate is not taken, as it follows from them; anything else is left. */
static void
read_metrics(struct reading *reading, const bson_iter_t *at)
{
    AUTO_BSON others = BSON_INITIALIZER;
    json_object *others_json;
    bson_iter_t inside;

    if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &inside)) {
        if (!BSON_ITER_HOLDS_NULL(at))
            leave(reading, at);
        return;
    }
    others_json = json_object_new_object();
    while (bson_iter_next(&inside)) {
        if (strcmp(bson_iter_key(&inside), "episodes") == 0)
            import_episodes_index(&inside, reading->made, reading->tell, reading->context);
        else if (strcmp(bson_iter_key(&inside), "rolling_win_rate") != 0 &&
                 add_json(reading, others_json, &inside))
            bson_append_iter(&others, NULL, -1, &inside);
    }
    if (json_object_object_length(others_json) > 0) {
        BSON_APPEND_DOCUMENT(&reading->left, "metrics", &others);
        json_object_object_add(reading->left_json, "metrics", json_object_get(others_json));
    }
    json_object_put(others_json);
}

static bool
is_known(const struct import_doc *made, const struct run_checkpoint *checkpoint)
{
    for (size_t i = 0; i < made->checkpoint_count; i++)
        if (made->checkpoints[i].episode == checkpoint->episode &&
            strcmp(made->checkpoints[i].path, checkpoint->path) == 0)
            return true;
    return false;
}

static void
tell_checkpoint(const struct reading *reading, size_t position, const char *why)
{
    char member[48];

    snprintf(member, sizeof member, "checkpoint_paths[%zu]", position);
    tell(reading, member, why);
}

static void
take_checkpoint(const struct reading *reading, size_t position, json_object *item)
{
    struct import_doc *made = reading->made;
    struct run_checkpoint checkpoint;
    struct api_error err = {.id = API_OK};

    if (!run_checkpoint_from_json(item, &checkpoint, &err))
        tell_checkpoint(reading, position, err.message);
    else if (json_object_object_length(item) > 2)
        tell_checkpoint(reading, position, "only its episode and its path are taken");
    if (err.id != API_OK || is_known(made, &checkpoint))
        return;
    if (made->checkpoint_count == RUN_CHECKPOINTS_MAX)
        tell_checkpoint(reading, position, "is beyond the 10000 checkpoints of a run");
    else
        made->checkpoints[made->checkpoint_count++] = checkpoint;
}

static void
read_checkpoints(struct reading *reading, const bson_iter_t *at)
{
    struct import_doc *made = reading->made;
    const char *why = "must be an array";
    size_t count;

    if (BSON_ITER_HOLDS_NULL(at) || made->paths != NULL)
        return;
    if (!BSON_ITER_HOLDS_ARRAY(at) || !store_json_read(at, &made->paths, &why)) {
        tell(reading, "checkpoint_paths", why);
        return;
    }
    count = json_object_array_length(made->paths);
    made->checkpoints = calloc(count + 1, sizeof *made->checkpoints);
    if (made->checkpoints == NULL)
        abort(); /* out of memory ends the program; importing again goes on */
    for (size_t i = 0; i < count; i++)
        take_checkpoint(reading, i, json_object_array_get_idx(made->paths, i));
}

static void
read_truncated(struct reading *reading, const bson_iter_t *at)
{
    (void)at;
    refuse(reading, "metrics_truncated", "says that this document was cut: it is of our own view");
}

/* clang-format off */
static const struct {
    const char *name;
    void (*read)(struct reading *reading, const bson_iter_t *at);
    bool may_be_left; /* when unfit, it goes to metadata.imported and the run is taken all the same */
} members[] = {
    {"_id",               read_id,          false},
    {"run_id",            read_of_request,  false},
    {"agent_id",          read_of_request,  false},
    {"algorithm",         read_of_request,  false},
    {"config",            read_config,      false},
    {"status",            read_status,      false},
    {"start_time",        read_start,       false},
    {"end_time",          read_end,         false},
    {"metrics",           read_metrics,     false},
    {"checkpoint_paths",  read_checkpoints, false},
    {"metadata",          read_metadata,    false},
    {"metrics_truncated", read_truncated,   false},
    {"strategy_id",       read_of_request,  true},
    {"strategy_label",    read_of_request,  true},
    {"episodes_total",    read_of_request,  true},
    {"tags",              read_of_request,  true},
    {"notes",             read_of_request,  true},
};
/* clang-format on */

static void
read_member(struct reading *reading, const bson_iter_t *at)
{
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (strcmp(members[i].name, bson_iter_key(at)) == 0) {
            members[i].read(reading, at);
            return;
        }
    leave(reading, at);
}

/* ---- the run's own rules ---- */

/* The member that a fault speaks of ("tags[3]" is of tags), where it may be left; NULL: may not. */
static const char *
left_member(const char *field)
{
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (members[i].may_be_left && strncmp(field, members[i].name, strlen(members[i].name)) == 0)
            return members[i].name;
    return NULL;
}

static void
settle_fault(struct reading *reading, const struct api_fault *fault)
{
    const char *name = left_member(fault->field);
    bson_iter_t at;

    if (name == NULL) {
        refuse(reading, fault->field, fault->message);
    } else if (bson_iter_init_find(&at, reading->doc, name)) {
        leave(reading, &at);
        json_object_object_del(reading->made->body, name);
    }
}

/* Judged as a request that opens a run; again without what may be left. */
static void
judge(struct reading *reading)
{
    struct import_doc *made = reading->made;

    for (size_t pass = 0; reading->good && pass < 2; pass++) {
        struct api_error err = {.id = API_OK};

        if (run_request_from_json(made->body, IMPORT_OBJECT_MAX, &made->request, &err))
            return;
        for (size_t i = 0; i < err.fault_count && i < API_FAULTS_MAX; i++)
            settle_fault(reading, &err.faults[i]);
        if (err.fault_count == 0)
            refuse(reading, "", err.message);
    }
}

/* What was left becomes a member of metadata, which becomes a part of the request. */
static void
add_metadata(struct reading *reading)
{
    struct import_doc *made = reading->made;

    if (json_object_object_length(reading->left_json) > 0) {
        if (json_object_object_get_ex(reading->metadata, IMPORTED, NULL)) {
            refuse(reading, "metadata.imported", "is needed for members that have no other place");
            return;
        }
        BSON_APPEND_DOCUMENT(&made->metadata, IMPORTED, &reading->left);
        json_object_object_add(reading->metadata, IMPORTED, json_object_get(reading->left_json));
    }
    json_object_object_add(made->body, "metadata", json_object_get(reading->metadata));
    judge(reading);
}

/* The text that we store must be one that we read back. */
static void
check_text(struct reading *reading, const char *member, json_object *object)
{
    struct api_error err = {.id = API_OK};
    json_object *back = NULL;
    const char *text = json_text_of(object);

    if (object != NULL && !json_text_parse(text, strlen(text), &back, &err))
        refuse(reading, member, err.message);
    json_object_put(back);
}

static void
check_run(struct reading *reading)
{
    struct import_doc *made = reading->made;

    if (made->status == RUN_STATUS_NONE)
        refuse(reading, "status", "must be running, completed, stopped or failed");
    if (made->started_ms == INT64_MIN)
        refuse(reading, "start_time", "is required: a date");
    judge(reading);
    if (reading->good)
        add_metadata(reading);
    if (!reading->good)
        return;
    if (made->request.id[0] == '\0')
        refuse(reading, "run_id", "is required");
    check_text(reading, "config", made->request.config);
    check_text(reading, "metadata", made->request.metadata);
}

/* ---- the whole ---- */

/* "run_id (_id)", with nothing in it that could move a terminal's cursor. */
static void
name_document(const bson_t *doc, char name[IMPORT_NAME_SIZE])
{
    const char *run_id = store_read_text(doc, "run_id");
    char oid[25] = "no ObjectId";
    bson_iter_t at;

    if (bson_iter_init_find(&at, doc, "_id") && BSON_ITER_HOLDS_OID(&at))
        bson_oid_to_string(bson_iter_oid(&at), oid);
    snprintf(name, IMPORT_NAME_SIZE, "%.80s (_id %s)", run_id == NULL ? "no run_id" : run_id, oid);
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < ' ' || (unsigned char)*name >= 0x7f)
            *name = '?';
}

bool
import_doc_read(const bson_t *doc, struct import_doc *made, import_doc_tell *tell_one,
                void *context)
{
    struct reading reading = {.doc = doc,
                              .made = made,
                              .tell = tell_one,
                              .context = context,
                              .metadata = json_object_new_object(),
                              .left_json = json_object_new_object(),
                              .left = BSON_INITIALIZER,
                              .good = true};
    bson_iter_t at;

    *made = (struct import_doc){.body = json_object_new_object(), .started_ms = INT64_MIN};
    bson_init(&made->metadata);
    name_document(doc, made->name);
    if (!bson_iter_init(&at, doc))
        refuse(&reading, "", "is damaged BSON");
    while (reading.good && bson_iter_next(&at))
        read_member(&reading, &at);
    if (reading.good && at.err_off != 0)
        refuse(&reading, "", "is damaged BSON");
    if (reading.good)
        check_run(&reading);
    json_object_put(reading.metadata);
    json_object_put(reading.left_json);
    bson_destroy(&reading.left);
    return reading.good;
}

void
import_doc_clear(struct import_doc *made)
{
    json_object_put(made->body);
    json_object_put(made->paths);
    bson_destroy(&made->metadata);
    free(made->checkpoints);
    free(made->episodes);
}
