/*
 * curve.c - takes a metric's values and writes them as a curve. Called by routes/route_curve.c.
 * Next: curve_thin.c (which points stay), rolling.c.
 */
#include "training/curve.h"

#include "base/number.h"
#include "curve_thin.h"

#include <math.h>

#define POINTS_BUFFER (4096 * sizeof(struct curve_point))
#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)

void
curve_init(struct curve *curve, size_t window, int64_t from, int64_t to)
{
    *curve = (struct curve){.from = from, .to = to};
    rolling_init(&curve->mean, window);
    spool_init(&curve->points, POINTS_BUFFER);
}

bool
curve_add(struct curve *curve, int64_t number, double value)
{
    const struct curve_point point = {number, value, rolling_add(&curve->mean, value),
                                      curve->places++};

    if (number < curve->from || number > curve->to)
        return true;
    out_bytes(&curve->points.out, (const char *)&point, sizeof point);
    curve->points_total++;
    curve->nonfinite = curve->nonfinite || !isfinite(value);
    return spool_good(&curve->points);
}

/* Four texts grow at once: the first goes straight to the reply, the others wait in spools. */
struct writer {
    struct json_out numbers, raw, smoothed, pairs;
    struct spool raw_text, smoothed_text, pairs_text;
    int64_t window;
    int64_t returned;
};

/* The text of a number is made once and written twice. */
static void
write_number(struct json_out *array, struct json_out *object, const char *key, double value,
             bool in_array)
{
    char text[NUMBER_TEXT_SIZE];
    const char *shown = NULL; /* null */

    if (isfinite(value)) {
        number_format_real(value, text);
        shown = text;
    }
    json_out_raw(array, NULL, in_array ? shown : NULL);
    json_out_raw(object, key, shown);
}

static bool
write_point(const void *record, void *context)
{
    const struct curve_point *point = record;
    struct writer *writer = context;

    json_out_whole(&writer->numbers, NULL, point->number);
    json_out_object(&writer->pairs, NULL);
    json_out_whole(&writer->pairs, "episode", point->number);
    write_number(&writer->raw, &writer->pairs, "value", point->value, true);
    write_number(&writer->smoothed, &writer->pairs, "smoothed", point->smoothed,
                 point->place >= writer->window - 1);
    json_out_object_end(&writer->pairs);
    writer->returned++;
    return !writer->numbers.out->failed;
}

static bool
write_spooled(struct json_out *json, const char *key, struct spool *text)
{
    bool whole;

    json_out_array(json, key);
    whole = spool_copy(text, json->out);
    json_out_array_end(json);
    return whole;
}

bool
curve_write(struct curve *curve, int64_t max_points, struct json_out *json)
{
    struct writer writer = {.window = (int64_t)curve->mean.window};
    bool whole;

    spool_init(&writer.raw_text, TEXT_BUFFER_SIZE);
    spool_init(&writer.smoothed_text, TEXT_BUFFER_SIZE);
    spool_init(&writer.pairs_text, TEXT_BUFFER_SIZE);
    writer.raw = (struct json_out){.out = &writer.raw_text.out};
    writer.smoothed = (struct json_out){.out = &writer.smoothed_text.out};
    writer.pairs = (struct json_out){.out = &writer.pairs_text.out};
    json_out_array(json, "episode_numbers");
    writer.numbers = (struct json_out){.out = json->out};
    if (max_points == 0 || curve->points_total <= max_points)
        whole = spool_each(&curve->points, sizeof(struct curve_point), write_point, &writer);
    else
        whole = curve_thin(&curve->points, curve->points_total, max_points, curve->nonfinite,
                           write_point, &writer);
    json_out_array_end(json);
    whole = write_spooled(json, "raw_values", &writer.raw_text) && whole;
    whole = write_spooled(json, "smoothed_values", &writer.smoothed_text) && whole;
    whole = write_spooled(json, "curve", &writer.pairs_text) && whole;
    json_out_whole(json, "points_total", curve->points_total);
    json_out_whole(json, "points_returned", writer.returned);
    spool_clear(&writer.raw_text);
    spool_clear(&writer.smoothed_text);
    spool_clear(&writer.pairs_text);
    return whole;
}

void
curve_clear(struct curve *curve)
{
    spool_clear(&curve->points);
}
