/* progress.c - means over the last ten episodes. Called by routes/route_control.c. */
#include "training/progress.h"

#include "base/auto.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;   /* as clients see it */
    const char *metric; /* as episodes have it */
} rows[PROGRESS_METRICS] = {
    {"avg_reward", METRIC_REWARD}, {"avg_duration", "steps"},  {"avg_cash", "cash"},
    {"avg_invested", "invested"},  {"stability", "stability"}, {"goal_adherence", "goal_adherence"},
};

/* Where an episode of this number belongs; false when it is there already, or too old. */
static bool
find_place(const struct progress *progress, int64_t number, size_t *place)
{
    size_t at = progress->count;

    while (at > 0 && progress->points[at - 1].number > number)
        at--;
    *place = at;
    if (at > 0 && progress->points[at - 1].number == number)
        return false;
    return at > 0 || progress->count < PROGRESS_WINDOW;
}

/* Make room at *place, the oldest leaving when all places are taken. */
static struct progress_point *
open_place(struct progress *progress, size_t place)
{
    struct progress_point *points = progress->points;

    if (progress->count == PROGRESS_WINDOW) {
        place--;
        memmove(points, points + 1, place * sizeof *points);
        return &points[place];
    }
    memmove(points + place + 1, points + place, (progress->count - place) * sizeof *points);
    progress->count++;
    return &points[place];
}

void
progress_add(struct progress *progress, const struct episode *episode)
{
    struct progress_point *point;
    size_t place;

    if (!find_place(progress, episode->number, &place))
        return;
    point = open_place(progress, place);
    point->number = episode->number;
    point->created_ms = episode->created_ms;
    for (size_t i = 0; i < PROGRESS_METRICS; i++) {
        const struct metric_value *value = episode_metric(episode, rows[i].metric);

        point->values[i] = value != NULL && isfinite(value->real) ? value->real : NAN;
    }
}

int64_t
progress_episode(const struct progress *progress)
{
    return progress->count == 0 ? 0 : progress->points[progress->count - 1].number;
}

/* NAN when none of them has a value. */
static double
mean(const struct progress *progress, size_t row)
{
    long double sum = 0;
    size_t count = 0;

    for (size_t i = 0; i < progress->count; i++) {
        if (isnan(progress->points[i].values[row]))
            continue;
        sum += progress->points[i].values[row];
        count++;
    }
    return count == 0 ? NAN : (double)(sum / count);
}

void
progress_write(const struct progress *progress, int64_t total_episodes, int64_t started_ms,
               struct json_out *json, const char *key)
{
    int64_t elapsed_ms;

    if (progress->count == 0) {
        json_out_null(json, key);
        return;
    }
    elapsed_ms = progress->points[progress->count - 1].created_ms - started_ms;
    json_out_object(json, key);
    json_out_whole(json, "episode", progress_episode(progress));
    json_out_whole(json, "total_episodes", total_episodes);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        json_out_real(json, rows[i].name, mean(progress, i));
    json_out_real(json, "elapsed_time", elapsed_ms < 0 ? 0.0 : (double)elapsed_ms / 1000.0);
    json_out_object_end(json);
}

void
progress_write_final(const struct progress *progress, struct json_out *json, const char *key)
{
    static const char *const names[] = {"avg_reward", "avg_duration", "stability"};

    json_out_object(json, key);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t k = 0; k < COUNT_OF(names); k++)
            if (strcmp(rows[i].name, names[k]) == 0)
                json_out_real(json, rows[i].name, mean(progress, i));
    json_out_object_end(json);
}
