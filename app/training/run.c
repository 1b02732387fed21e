/* run.c - rules of a run: what a client may say. Called by routes/route_run.c. Next: run_json.c. */
#include "training/run.h"

#include "base/auto.h"
#include "base/json_text.h"
#include "training/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
    [RUN_RUNNING] = "running",
    [RUN_COMPLETED] = "completed",
    [RUN_STOPPED] = "stopped",
    [RUN_FAILED] = "failed",
};

const char *
run_status_name(enum run_status status)
{
    return status_names[status];
}

enum run_status
run_status_find(const char *text)
{
    for (size_t i = RUN_RUNNING; i < COUNT_OF(status_names); i++)
        if (strcmp(status_names[i], text) == 0)
            return (enum run_status)i;
    return RUN_STATUS_NONE;
}

bool
run_id_settle(char *id)
{
    if (ident_is_uuid(id)) {
        ident_lower(id);
        return true;
    }
    return ident_is_word(id, RUN_ID_MAX, "._-") && strchr("._-", id[0]) == NULL;
}

static json_object *
member(json_object *body, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(body, name, &value);
    return value;
}

/* A text without NUL, at most max bytes; NULL when absent, null or empty. */
static const char *
read_text(json_object *body, const char *name, size_t max, struct api_error *err)
{
    json_object *value = member(body, name);
    const char *text;

    if (value == NULL)
        return NULL;
    text = json_object_get_string(value);
    if (!json_object_is_type(value, json_type_string))
        api_fault(err, name, "must be a string or null");
    else if (strlen(text) != (size_t)json_object_get_string_len(value))
        api_fault(err, name, "must not hold a NUL character");
    else if (strlen(text) > max)
        api_fault(err, name, "must be at most %zu bytes long", max);
    else if (text[0] != '\0')
        return text;
    return NULL;
}

/* A text of config that stands in for one not given; anything unfit is as good as absent. */
static const char *
config_text(json_object *config, const char *name)
{
    const char *text = config == NULL ? NULL : json_text_string(member(config, name));

    return text != NULL && text[0] != '\0' && strlen(text) <= RUN_NAME_MAX ? text : NULL;
}

/* A positive integer (42.0 passes); 0 when it is none. */
static int64_t
positive_whole(json_object *value)
{
    double real;

    if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
        return 0;
    real = json_object_get_double(value);
    if (!(real >= 1.0 && real <= (double)RUN_EPISODES_MAX) || real != nearbyint(real))
        return 0;
    return (int64_t)real;
}

static int64_t
read_episodes_total(json_object *body, const char *name, struct api_error *err)
{
    json_object *value = member(body, name);
    int64_t total;

    if (value == NULL)
        return 0;
    total = positive_whole(value);
    if (total == 0)
        api_fault(err, name, "must be a positive integer or null");
    return total;
}

/* "given, else the first positive integer of config.episodes_total, .total_episodes, …" */
static int64_t
planned_episodes(json_object *body, json_object *config, struct api_error *err)
{
    static const char *const names[] = {"episodes_total", "total_episodes", "num_episodes"};
    int64_t total = read_episodes_total(body, "episodes_total", err);

    if (total == 0)
        total = read_episodes_total(body, "total_episodes", err);
    for (size_t i = 0; config != NULL && total == 0 && i < COUNT_OF(names); i++)
        total = positive_whole(member(config, names[i]));
    return total;
}

/* An object whose text is at most max bytes; NULL when absent or null. */
static json_object *
read_object(json_object *body, const char *name, size_t max, struct api_error *err)
{
    json_object *value = member(body, name);

    if (value == NULL)
        return NULL;
    if (!json_object_is_type(value, json_type_object))
        api_fault(err, name, "must be an object or null");
    else if (strlen(json_text_of(value)) > max)
        api_fault(err, name, "must be at most %zu bytes of JSON", max);
    else
        return value;
    return NULL;
}

static size_t
read_tags(json_object *body, const char *tags[RUN_TAGS_MAX], struct api_error *err)
{
    json_object *value = member(body, "tags");
    size_t count;

    if (value == NULL)
        return 0;
    count = json_object_is_type(value, json_type_array) ? json_object_array_length(value)
                                                        : RUN_TAGS_MAX + 1;
    if (count > RUN_TAGS_MAX) {
        api_fault(err, "tags", "must be an array of at most %d strings", RUN_TAGS_MAX);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        json_object *tag = json_object_array_get_idx(value, i);
        const char *text = json_text_string(tag);

        if (text == NULL || text[0] == '\0' || strlen(text) > RUN_TAG_MAX) {
            char field[32];

            snprintf(field, sizeof field, "tags[%zu]", i);
            api_fault(err, field, "must be a string of 1 to %d bytes", RUN_TAG_MAX);
            return 0;
        }
        tags[i] = text;
    }
    return count;
}

static void
read_run_id(json_object *body, char id[RUN_ID_MAX + 1], struct api_error *err)
{
    json_object *value = member(body, "run_id");
    const char *text;

    if (value == NULL)
        return;
    text = json_text_string(value);
    if (text != NULL && strlen(text) <= RUN_ID_MAX) {
        snprintf(id, RUN_ID_MAX + 1, "%s", text);
        if (run_id_settle(id))
            return;
    }
    api_fault(err, "run_id",
              "must be a UUID or 1 to 64 of A-Z a-z 0-9 . _ - that begin with a letter or digit");
}

static void
read_strategy_id(json_object *body, char strategy_id[IDENT_UUID_SIZE], struct api_error *err)
{
    json_object *value = member(body, "strategy_id");
    const char *text = json_text_string(value);

    if (value == NULL)
        return;
    if (text == NULL || !ident_is_uuid(text)) {
        api_fault(err, "strategy_id", "must be a UUID or null");
        return;
    }
    snprintf(strategy_id, IDENT_UUID_SIZE, "%s", text);
    ident_lower(strategy_id);
}

static const char *
first_of(const char *a, const char *b, const char *c, const char *d)
{
    return a != NULL ? a : b != NULL ? b : c != NULL ? c : d;
}

bool
run_request_from_json(json_object *body, size_t config_max, struct run_request *request,
                      struct api_error *err)
{
    json_object *config;
    const char *label, *agent, *algorithm;

    *request = (struct run_request){.config = NULL};
    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "the body must be an object");
    read_run_id(body, request->id, err);
    config = request->config = read_object(body, "config", config_max, err);
    read_strategy_id(body, request->strategy_id, err);
    label = read_text(body, "strategy_label", RUN_NAME_MAX, err);
    agent = read_text(body, "agent_id", RUN_NAME_MAX, err);
    algorithm = read_text(body, "algorithm", RUN_NAME_MAX, err);
    request->strategy_label = first_of(label, config_text(config, "strategy_label"), NULL, NULL);
    request->agent_id =
        first_of(agent, config_text(config, "agent_id"), request->strategy_label, "unassigned");
    request->algorithm = first_of(algorithm, config_text(config, "algorithm"), "unknown", NULL);
    request->episodes_total = planned_episodes(body, config, err);
    request->metadata = read_object(body, "metadata", config_max, err);
    request->tag_count = read_tags(body, request->tags, err);
    request->notes = read_text(body, "notes", RUN_NOTES_MAX, err);
    return err->id == API_OK;
}

/* metadata's members, then error_message as one of them. */
static void
read_metadata_change(json_object *body, size_t config_max, struct run_change *change,
                     struct api_error *err)
{
    json_object *given = read_object(body, "metadata", config_max, err);
    json_object *message = member(body, "error_message");
    const char *text = read_text(body, "error_message", config_max, err);

    if (given == NULL && (message == NULL || text == NULL))
        return;
    change->sets_metadata = true;
    change->metadata = json_object_new_object();
    if (given != NULL) {
        json_object_object_foreach(given, name, value)
        {
            json_object_object_add(change->metadata, name, json_object_get(value));
        }
    }
    if (text != NULL)
        json_object_object_add(change->metadata, "error_message", json_object_get(message));
}

static void
read_status_change(json_object *body, struct run_change *change, struct api_error *err)
{
    json_object *value = member(body, "status");

    if (value == NULL)
        return;
    if (json_text_string(value) != NULL)
        change->status = run_status_find(json_text_string(value));
    if (change->status == RUN_STATUS_NONE)
        api_fault(err, "status", "must be running, completed, stopped or failed");
}

bool
run_change_from_json(json_object *body, size_t config_max, struct run_change *change,
                     struct api_error *err)
{
    *change = (struct run_change){.status = RUN_STATUS_NONE};
    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "the body must be an object");
    read_status_change(body, change, err);
    read_metadata_change(body, config_max, change, err);
    /* Here null has a meaning: it clears. */
    change->sets_tags = json_object_object_get_ex(body, "tags", NULL);
    change->tag_count = read_tags(body, change->tags, err);
    change->sets_notes = json_object_object_get_ex(body, "notes", NULL);
    change->notes = read_text(body, "notes", RUN_NOTES_MAX, err);
    change->sets_episodes_total = json_object_object_get_ex(body, "episodes_total", NULL);
    change->episodes_total = read_episodes_total(body, "episodes_total", err);
    return err->id == API_OK;
}

void
run_change_clear(struct run_change *change)
{
    json_object_put(change->metadata);
    *change = (struct run_change){.status = RUN_STATUS_NONE};
}

bool
run_checkpoint_from_json(json_object *body, struct run_checkpoint *checkpoint,
                         struct api_error *err)
{
    json_object *episode;
    double number;
    size_t faults;

    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "the body must be an object");
    episode = member(body, "episode");
    number = json_object_is_type(episode, json_type_int) ||
                     json_object_is_type(episode, json_type_double)
                 ? json_object_get_double(episode)
                 : -1.0;
    if (!(number >= 0.0 && number <= (double)RUN_EPISODES_MAX) || number != nearbyint(number))
        api_fault(err, "episode", "must be an integer of at least 0");
    else
        checkpoint->episode = (int64_t)number;
    faults = err->fault_count;
    checkpoint->path = read_text(body, "path", RUN_PATH_MAX, err);
    if (checkpoint->path == NULL && err->fault_count == faults)
        api_fault(err, "path", "is required: a string of 1 to %d bytes", RUN_PATH_MAX);
    return err->id == API_OK;
}

static bool
same_config(const char *stored, json_object *given)
{
    struct api_error ignored = {0};
    json_object *config = NULL;
    bool same;

    if (stored == NULL || !json_text_parse(stored, strlen(stored), &config, &ignored))
        return false;
    same = json_text_same(config, given);
    json_object_put(config);
    return same;
}

bool
run_matches(const struct run *run, const struct run_request *request, struct api_error *err)
{
    if (run->deleted_ms != 0)
        return api_fail(err, API_RUN_DELETED, NULL);
    if (request->config != NULL && !same_config(run->config_json, request->config))
        return api_fail(err, API_RUN_DIFFERS,
                        "A run with this run_id exists and its config is another one.");
    if (request->strategy_id[0] != '\0' &&
        (run->strategy_id == NULL || strcmp(run->strategy_id, request->strategy_id) != 0))
        return api_fail(err, API_RUN_DIFFERS,
                        "A run with this run_id exists and its strategy_id is another one.");
    return true;
}

bool
run_has_checkpoint(const struct run *run, const struct run_checkpoint *checkpoint)
{
    for (size_t i = 0; i < run->checkpoint_count; i++)
        if (run->checkpoints[i].episode == checkpoint->episode &&
            strcmp(run->checkpoints[i].path, checkpoint->path) == 0)
            return true;
    return false;
}

bool
run_is_stale(const struct run *run, int64_t now_ms, int64_t stale_after_ms)
{
    return run->status == RUN_RUNNING && now_ms - run->reported_ms > stale_after_ms;
}
