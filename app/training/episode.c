/*
 * episode.c - rules and JSON forms of episodes. Called by routes/route_episode.c.
 * Next: store/store_episode.c.
 */
#include "training/episode.h"

#include "base/auto.h"
#include "base/json_number.h"
#include "base/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a value stands in the body, for faults: "episodes[3]." and the rest of its name. */
struct place {
    char prefix[32];
    struct api_error *err;
};

static bool
fault_at(const struct place *place, const char *group, const char *name, const char *message)
{
    char field[API_FAULT_FIELD_MAX];

    snprintf(field, sizeof field, "%s%s%s", place->prefix, group, name);
    return api_fault(place->err, field, "%s", message);
}

/* The item itself is at fault: its place without the dot that goes before a member. */
static bool
fault_of_item(const struct place *place, const char *message)
{
    char field[API_FAULT_FIELD_MAX];

    snprintf(field, sizeof field, "%.*s", (int)strcspn(place->prefix, "."), place->prefix);
    return api_fault(place->err, field, "%s", message);
}

static bool
read_metric_real(json_object *value, struct metric_value *out)
{
    out->type = METRIC_IS_REAL;
    return json_number_real(value, &out->real);
}

static bool
read_metric_whole(json_object *value, struct metric_value *out)
{
    out->type = METRIC_IS_WHOLE;
    if (!json_number_whole(value, &out->whole) || out->whole < 0)
        return false;
    out->real = (double)out->whole;
    return true;
}

static bool
read_metric_win(json_object *value, struct metric_value *out)
{
    if (json_object_is_type(value, json_type_boolean)) {
        out->type = METRIC_IS_BOOL;
        out->real = json_object_get_boolean(value) ? 1.0 : 0.0;
        return true;
    }
    if (json_object_is_type(value, json_type_string) || !read_metric_real(value, out) ||
        !(out->real >= 0.0 && out->real <= 1.0))
        return false;
    if (json_object_is_type(value, json_type_int)) {
        out->type = METRIC_IS_WHOLE;
        out->whole = (int64_t)out->real;
    }
    return true;
}

static const struct {
    bool (*read)(json_object *value, struct metric_value *out);
    const char *rule;
} kinds[] = {
    [METRIC_REAL] = {read_metric_real,
                     "must be a number, or \"NaN\", \"Infinity\" or \"-Infinity\""},
    [METRIC_WHOLE] = {read_metric_whole, "must be an integer of at least 0"},
    [METRIC_WIN] = {read_metric_win, "must be true, false or a number from 0 to 1"},
};

/* One of the named metrics. The two names of the reward are one metric: equal, or a fault. */
static void
read_named(const struct place *place, const struct metric *metric, json_object *value,
           struct metric_value *values, size_t *count)
{
    struct metric_value read = {.name = metric_stored_name(metric->name)};

    if (!kinds[metric->kind].read(value, &read)) {
        fault_at(place, "", metric->name, kinds[metric->kind].rule);
        return;
    }
    for (size_t i = 0; i < *count; i++)
        if (strcmp(values[i].name, read.name) == 0) {
            if (values[i].real != read.real && !(isnan(values[i].real) && isnan(read.real)))
                fault_at(place, "", metric->name,
                         "reward_sum and total_reward are one metric and must be equal");
            return;
        }
    values[(*count)++] = read;
}

static void
read_custom(const struct place *place, json_object *object, struct metric_value *values,
            size_t *count)
{
    size_t custom = 0;

    if (!json_object_is_type(object, json_type_object)) {
        fault_at(place, "", "metrics", "must be an object of numbers");
        return;
    }
    json_object_object_foreach(object, name, value)
    {
        struct metric_value read = {.name = name};

        if (!metric_name_is_valid(name))
            fault_at(place, "metrics.", name, "is no name: use 1 to 64 of A-Z a-z 0-9 . _ - /");
        else if (metric_name_is_reserved(name))
            fault_at(place, "metrics.", name,
                     "has a meaning of its own; name the metric otherwise");
        else if (value == NULL)
            continue;
        else if (!read_metric_real(value, &read))
            fault_at(place, "metrics.", name, kinds[METRIC_REAL].rule);
        else if (++custom <= METRIC_CUSTOM_MAX)
            values[(*count)++] = read;
    }
    if (custom > METRIC_CUSTOM_MAX)
        fault_at(place, "", "metrics", "holds more than 64 metrics");
}

/* `episode` or `episode_number`; when both are given they must agree. */
static void
read_number(const struct place *place, json_object *body, int64_t *number)
{
    static const char *const names[] = {"episode_number", "episode"};
    bool given = false;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_object *value = NULL;
        int64_t read = 0;

        json_object_object_get_ex(body, names[i], &value);
        if (value == NULL)
            continue;
        if (!json_number_whole(value, &read) || read < 1 || read > EPISODE_NUMBER_MAX)
            fault_at(place, "", names[i], "must be an integer from 1 to 9007199254740991");
        else if (given && read != *number)
            fault_at(place, "", names[i], "differs from episode_number");
        else
            *number = read;
        given = true;
    }
    if (!given)
        fault_at(place, "", "episode_number", "is required: an integer of at least 1");
}

static void
read_session(const struct place *place, json_object *value, char session_id[IDENT_UUID_SIZE])
{
    const char *text = json_text_string(value);

    if (text == NULL || !ident_is_uuid(text)) {
        fault_at(place, "", "session_id", "must be a UUID or null");
        return;
    }
    snprintf(session_id, IDENT_UUID_SIZE, "%s", text);
    ident_lower(session_id);
}

/* One report. Its values go to *values and on; there is room for all of them. */
static void
read_episode(const struct place *place, json_object *body, struct episode *episode,
             struct metric_value *values)
{
    if (!json_object_is_type(body, json_type_object)) {
        fault_of_item(place, "must be an object");
        return;
    }
    episode->values = values;
    read_number(place, body, &episode->number);
    json_object_object_foreach(body, name, value)
    {
        const struct metric *metric;

        if (value == NULL)
            continue; /* null means "not given" */
        if (strcmp(name, "session_id") == 0)
            read_session(place, value, episode->session_id);
        else if (strcmp(name, "metrics") == 0)
            read_custom(place, value, values, &episode->value_count);
        else if ((metric = metric_find(name)) != NULL)
            read_named(place, metric, value, values, &episode->value_count);
    }
}

static int
by_number(const void *a, const void *b)
{
    const struct episode *left = a, *right = b;

    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    /* Reports of one number stay in the order of the body: their values tell it. */
    return left->values < right->values ? -1 : left->values > right->values;
}

/* Number order; of two reports of one number the later one stays. */
static void
sort_and_settle(struct episode_list *list)
{
    size_t kept = 0;

    qsort(list->items, list->count, sizeof *list->items, by_number);
    for (size_t i = 0; i < list->count; i++) {
        if (i + 1 < list->count && list->items[i].number == list->items[i + 1].number)
            continue;
        list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

/* How many values an object may bring: its own members and those of its metrics. */
static size_t
values_room(json_object *body)
{
    json_object *metrics = NULL;
    size_t room = 1; /* so that every episode has an address of its own for by_number */

    if (!json_object_is_type(body, json_type_object))
        return room;
    room += (size_t)json_object_object_length(body);
    json_object_object_get_ex(body, "metrics", &metrics);
    if (json_object_is_type(metrics, json_type_object))
        room += (size_t)json_object_object_length(metrics);
    return room;
}

static bool
list_alloc(struct episode_list *list, size_t count, size_t values, struct api_error *err)
{
    *list = (struct episode_list){.items = calloc(count, sizeof *list->items),
                                  .values = calloc(values, sizeof *list->values),
                                  .count = count,
                                  .reported = count};
    if (list->items != NULL && list->values != NULL)
        return true;
    episode_list_clear(list);
    return api_fail(err, API_INTERNAL, NULL);
}

static bool
read_one(json_object *body, int64_t arrived_ms, struct episode_list *list, struct api_error *err)
{
    const struct place place = {.err = err};

    if (!list_alloc(list, 1, values_room(body), err))
        return false;
    list->items[0].created_ms = arrived_ms;
    read_episode(&place, body, &list->items[0], list->values);
    return err->id == API_OK;
}

static bool
read_batch(json_object *items, size_t batch_max, int64_t arrived_ms, struct episode_list *list,
           struct api_error *err)
{
    const size_t count =
        json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    struct place place = {.err = err};
    size_t room = 0, used = 0;

    if (count < 1 || count > batch_max)
        return api_fault(err, "episodes", "must be an array of 1 to %zu episodes", batch_max);
    for (size_t i = 0; i < count; i++)
        room += values_room(json_object_array_get_idx(items, i));
    if (!list_alloc(list, count, room, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        json_object *item = json_object_array_get_idx(items, i);

        snprintf(place.prefix, sizeof place.prefix, "episodes[%zu].", i);
        list->items[i].created_ms = arrived_ms;
        read_episode(&place, item, &list->items[i], list->values + used);
        used += values_room(item);
    }
    if (err->id != API_OK)
        return false;
    sort_and_settle(list);
    return true;
}

bool
episode_list_from_json(json_object *body, enum episode_form form, size_t batch_max,
                       int64_t arrived_ms, struct episode_list *list, struct api_error *err)
{
    json_object *items = NULL;

    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "the body must be an object");
    json_object_object_get_ex(body, "episodes", &items);
    if (form == EPISODE_BATCH || (form == EPISODE_EITHER && items != NULL))
        return read_batch(items, batch_max, arrived_ms, list, err);
    return read_one(body, arrived_ms, list, err);
}

void
episode_list_clear(struct episode_list *list)
{
    free(list->items);
    free(list->values);
    *list = (struct episode_list){0};
}

const struct metric_value *
episode_metric(const struct episode *episode, const char *name)
{
    for (size_t i = 0; i < episode->value_count; i++)
        if (strcmp(episode->values[i].name, name) == 0)
            return &episode->values[i];
    return NULL;
}

static void
write_value(struct json_out *json, const char *name, const struct metric_value *value)
{
    if (value->type == METRIC_IS_BOOL)
        json_out_bool(json, name, value->real != 0.0);
    else if (value->type == METRIC_IS_WHOLE)
        json_out_whole(json, name, value->whole);
    else
        json_out_real_exact(json, name, value->real);
}

static void
write_values(const struct episode *episode, struct json_out *json)
{
    for (size_t i = 0; i < episode->value_count; i++) {
        const struct metric_value *value = &episode->values[i];
        const char *other = metric_other_name(value->name);

        write_value(json, value->name, value);
        if (other != NULL)
            write_value(json, other, value);
    }
}

static void
write_origin(const struct episode *episode, struct json_out *json)
{
    json_out_text(json, "session_id", episode->session_id[0] == '\0' ? NULL : episode->session_id);
    json_out_time(json, "created_at", episode->created_ms);
}

void
episode_write_nested(const struct episode *episode, struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_whole(json, "episode_number", episode->number);
    json_out_object(json, "metrics");
    write_values(episode, json);
    json_out_object_end(json);
    write_origin(episode, json);
    json_out_object_end(json);
}

void
episode_write_flat(const struct episode *episode, struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_whole(json, "episode", episode->number);
    write_values(episode, json);
    write_origin(episode, json);
    json_out_object_end(json);
}

void
episode_write_chosen(const struct episode *episode, const char *const *names, size_t count,
                     struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_whole(json, "episode", episode->number);
    for (size_t i = 0; i < count; i++) {
        const struct metric_value *value = episode_metric(episode, metric_stored_name(names[i]));

        if (value != NULL)
            write_value(json, names[i], value);
    }
    write_origin(episode, json);
    json_out_object_end(json);
}
