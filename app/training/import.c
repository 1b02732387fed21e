/*
 * import.c - shapes a foreign episode so that episode.c takes it, member by member.
 * Called by store/store_import_run.c. Next: episode.c.
 */
#include "training/import.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/json_text.h"

#include <string.h>

#define PASSES_MAX 3 /* each takes out up to API_FAULTS_MAX unfit members; there are at most 75 */

struct shaping {
    json_object *foreign;
    json_object *custom; /* borrowed from foreign: its `metrics` */
    size_t custom_count;
    int64_t created_ms;
    import_tell *tell;
    void *context;
};

static void
leave_out(const struct shaping *shaping, const char *member, const char *why)
{
    shaping->tell(member, why, shaping->context);
}

bool
import_time(json_object *value, int64_t *ms)
{
    json_object *date = NULL;
    const char *text;

    if (json_object_is_type(value, json_type_object) &&
        json_object_object_get_ex(value, "$date", &date))
        value = date;
    text = json_text_string(value);
    return text != NULL && clock_parse(text, ms);
}

static bool
is_time_member(const char *name)
{
    return strcmp(name, "created_at") == 0 || strcmp(name, "timestamp") == 0;
}

/* Why a value cannot be a custom metric of this name; NULL: it can. */
static const char *
unfit(const struct shaping *shaping, const char *name, json_object *value)
{
    if (!metric_name_is_valid(name))
        return "is no name of a metric: use 1 to 64 of A-Z a-z 0-9 . _ - /";
    if (metric_name_is_reserved(name))
        return "has a meaning of its own and is no custom metric";
    if (json_object_is_type(value, json_type_int) &&
        (int64_t)json_object_get_double(value) != json_object_get_int64(value))
        return "is a whole number that a double cannot hold";
    if (shaping->custom_count == METRIC_CUSTOM_MAX)
        return "is beyond the 64 custom metrics of an episode";
    return NULL;
}

/* A custom metric into *to, unless it is unfit. */
static void
take_custom(struct shaping *shaping, json_object *to, const char *name, json_object *value)
{
    const char *why = unfit(shaping, name, value);
    const bool is_bool = json_object_is_type(value, json_type_boolean);

    if (why != NULL) {
        leave_out(shaping, name, why);
        return;
    }
    shaping->custom_count++;
    json_object_object_add(to, name,
                           is_bool ? json_object_new_int(json_object_get_boolean(value))
                                   : json_object_get(value));
}

/* A double that is not finite, as Extended JSON has it, is its word in our reports. */
static json_object *
plain(json_object *value)
{
    json_object *word = NULL;

    if (json_object_is_type(value, json_type_object) &&
        json_object_object_get_ex(value, "$numberDouble", &word))
        return word;
    return value;
}

static void
take_inner(struct shaping *shaping, json_object *metrics)
{
    if (!json_object_is_type(metrics, json_type_object)) {
        leave_out(shaping, "metrics", "must be an object of numbers");
        return;
    }
    json_object_object_foreach(metrics, name, value)
    {
        if (value != NULL)
            take_custom(shaping, shaping->custom, name, plain(value));
    }
}

/* Members that a report may have beside its custom metrics. */
static bool
is_of_report(const char *name)
{
    return metric_find(name) != NULL || strcmp(name, "episode") == 0 ||
           strcmp(name, "episode_number") == 0 || strcmp(name, "session_id") == 0;
}

/* A member of the foreign object goes into the report or among its custom metrics. */
static void
take_member(struct shaping *shaping, json_object *body, const char *name, json_object *value)
{
    value = plain(value);
    if (value == NULL)
        return; /* null means "not given" */
    if (is_time_member(name) && import_time(value, &shaping->created_ms))
        return;
    if (strcmp(name, "metrics") == 0)
        take_inner(shaping, value);
    else if (is_of_report(name))
        json_object_object_add(body, name, json_object_get(value));
    else
        take_custom(shaping, shaping->custom, name, value);
}

/* foreign, in place, becomes the body of a report. */
static void
shape(struct shaping *shaping)
{
    AUTO_JSON *body = json_object_new_object();
    AUTO_JSON *old = json_object_new_object();

    shaping->custom = json_object_new_object();
    json_object_object_foreach(shaping->foreign, name, value)
    {
        json_object_object_add(old, name, json_object_get(value));
    }
    json_object_object_foreach(old, given, member)
    {
        take_member(shaping, body, given, member);
        json_object_object_del(shaping->foreign, given);
    }
    json_object_object_foreach(body, kept, report)
    {
        json_object_object_add(shaping->foreign, kept, json_object_get(report));
    }
    json_object_object_add(shaping->foreign, "metrics", shaping->custom);
}

static bool
is_number_member(const char *name)
{
    return strcmp(name, "episode") == 0 || strcmp(name, "episode_number") == 0;
}

/* Tell the faults and take their members out. False when the number is among them. */
static bool
drop_faults(const struct shaping *shaping, const struct api_error *err)
{
    static const char inside[] = "metrics.";
    bool good = true;

    for (size_t i = 0; i < err->fault_count && i < API_FAULTS_MAX; i++) {
        const char *field = err->faults[i].field;

        leave_out(shaping, field, err->faults[i].message);
        if (is_number_member(field))
            good = false;
        else if (strncmp(field, inside, sizeof inside - 1) == 0)
            json_object_object_del(shaping->custom, field + sizeof inside - 1);
        else
            json_object_object_del(shaping->foreign, field);
    }
    return good;
}

bool
import_episode(json_object *foreign, int64_t fallback_ms, struct episode_list *list,
               import_tell *tell, void *context)
{
    struct shaping shaping = {
        .foreign = foreign, .created_ms = fallback_ms, .tell = tell, .context = context};

    if (!json_object_is_type(foreign, json_type_object)) {
        tell("", "is no object", context);
        return false;
    }
    shape(&shaping);
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        struct api_error err = {.id = API_OK};

        if (episode_list_from_json(foreign, EPISODE_ONE, 1, shaping.created_ms, list, &err))
            return true;
        episode_list_clear(list);
        if (err.id != API_FIELD_INVALID || !drop_faults(&shaping, &err))
            return false;
    }
    return false;
}
