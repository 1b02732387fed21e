/* learning_curves.c - all learning curves in one pass. Called by routes/route_run.c. Next:
 * rolling.c. */
#include "training/learning_curves.h"

#include "base/spool.h"
#include "training/rolling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BUFFER_SIZE ((size_t)8 * 1024) /* a metric; what is beyond goes to a file */

struct learning_curve {
    char name[METRIC_NAME_MAX + 1];
    struct rolling mean;
    struct spool text; /* the array's elements */
    bool comma;
};

static struct learning_curve *
append(struct learning_curves *curves, const char *name)
{
    struct learning_curve *grown =
        realloc(curves->curves, (curves->count + 1) * sizeof *curves->curves);
    struct learning_curve *curve;

    if (grown == NULL)
        return NULL;
    curves->curves = grown;
    curve = &grown[curves->count++];
    *curve = (struct learning_curve){.comma = false};
    snprintf(curve->name, sizeof curve->name, "%s", name);
    rolling_init(&curve->mean, LEARNING_CURVES_WINDOW);
    spool_init(&curve->text, TEXT_BUFFER_SIZE);
    return curve;
}

/* Episodes name their metrics in the same order as a rule: look at that place first. */
static struct learning_curve *
find_or_append(struct learning_curves *curves, const char *name, size_t place)
{
    if (place < curves->count && strcmp(curves->curves[place].name, name) == 0)
        return &curves->curves[place];
    for (size_t i = 0; i < curves->count; i++)
        if (strcmp(curves->curves[i].name, name) == 0)
            return &curves->curves[i];
    return append(curves, name);
}

bool
learning_curves_add(struct learning_curves *curves, const struct episode *episode)
{
    for (size_t i = 0; i < episode->value_count; i++) {
        const struct metric_value *value = &episode->values[i];
        struct learning_curve *curve = find_or_append(curves, value->name, i);
        struct json_out json;

        if (curve == NULL)
            return false;
        json = (struct json_out){.out = &curve->text.out, .comma = curve->comma};
        json_out_real(&json, NULL, rolling_add(&curve->mean, value->real));
        curve->comma = true;
        if (!spool_good(&curve->text))
            return false;
    }
    return true;
}

static bool
write_curve(struct learning_curve *curve, struct json_out *json, const char *name)
{
    bool whole;

    json_out_array(json, name);
    whole = spool_copy(&curve->text, json->out);
    json_out_array_end(json);
    return whole;
}

bool
learning_curves_write(struct learning_curves *curves, struct json_out *json, const char *key)
{
    bool whole = true;

    json_out_object(json, key);
    for (size_t i = 0; i < curves->count; i++) {
        struct learning_curve *curve = &curves->curves[i];
        const char *other = metric_other_name(curve->name);

        whole = write_curve(curve, json, curve->name) && whole;
        if (other != NULL)
            whole = write_curve(curve, json, other) && whole;
    }
    json_out_object_end(json);
    return whole;
}

void
learning_curves_clear(struct learning_curves *curves)
{
    for (size_t i = 0; i < curves->count; i++)
        spool_clear(&curves->curves[i].text);
    free(curves->curves);
    *curves = (struct learning_curves){0};
}
