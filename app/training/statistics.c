/* statistics.c - aggregates over a run. Called by learning_curves.c, store/store_summary.c. */
#include "training/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 8 /* metrics; most runs have fewer */

/*
 * Taking a value out of a sum that is so much smaller has used up its digits: of a double's 53
 * bits at most 20 may go.
 */
#define DIGITS_LOST 0x1p-20

void
statistics_init(struct statistics *statistics)
{
    *statistics = (struct statistics){.final_win_rate = NAN};
    rolling_init(&statistics->win_rate, STATISTICS_WIN_WINDOW);
}

/* Room for one more, doubling. */
static struct metric_statistics *
append(struct statistics *statistics, const char *name)
{
    const size_t count = statistics->metric_count;
    struct metric_statistics *metrics = statistics->metrics;

    if (count == 0 || (count >= FIRST_ROOM && (count & (count - 1)) == 0)) {
        const size_t room = count == 0 ? FIRST_ROOM : count * 2;

        metrics = realloc(metrics, room * sizeof *metrics);
        if (metrics == NULL)
            return NULL;
        statistics->metrics = metrics;
    }
    metrics[count] = (struct metric_statistics){.min = NAN, .max = NAN};
    snprintf(metrics[count].name, sizeof metrics[count].name, "%s", name);
    statistics->metric_count++;
    return &metrics[count];
}

/* Episodes name their metrics in the same order as a rule: look at that place first. */
static struct metric_statistics *
find_or_append(struct statistics *statistics, const char *name, size_t place)
{
    if (place < statistics->metric_count && strcmp(statistics->metrics[place].name, name) == 0)
        return &statistics->metrics[place];
    for (size_t i = 0; i < statistics->metric_count; i++)
        if (strcmp(statistics->metrics[i].name, name) == 0)
            return &statistics->metrics[i];
    return append(statistics, name);
}

/* A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974. */
static void
add_compensated(struct metric_statistics *metric, double value)
{
    const long double sum = metric->sum + value;

    if (fabsl(metric->sum) >= fabs(value))
        metric->carry += (metric->sum - sum) + value;
    else
        metric->carry += (value - sum) + metric->sum;
    metric->sum = sum;
}

static void
add_value(struct metric_statistics *metric, double value)
{
    if (!isfinite(value)) {
        metric->nonfinite++;
        return;
    }
    metric->count++;
    add_compensated(metric, value);
    if (!(metric->min <= value)) /* also while min is NAN */
        metric->min = value;
    if (!(metric->max >= value))
        metric->max = value;
}

struct metric_statistics *
statistics_metric(struct statistics *statistics, const char *name)
{
    return find_or_append(statistics, name, 0);
}

bool
statistics_add_values(struct statistics *statistics, const struct episode *episode)
{
    statistics->episodes++;
    for (size_t i = 0; i < episode->value_count; i++) {
        const struct metric_value *value = &episode->values[i];
        struct metric_statistics *metric = find_or_append(statistics, value->name, i);

        if (metric == NULL)
            return false;
        add_value(metric, value->real);
    }
    return true;
}

bool
statistics_add(struct statistics *statistics, const struct episode *episode)
{
    const struct metric_value *win = episode_metric(episode, "win");

    if (win != NULL) {
        statistics->final_win_rate = rolling_add(&statistics->win_rate, win->real);
        statistics->wins[statistics->win_count++ % STATISTICS_WIN_WINDOW] =
            (struct win){episode->number, win->real};
    }
    return statistics_add_values(statistics, episode);
}

/* What is left without one of its values; false when the figures cannot tell. */
static bool
take_value(struct metric_statistics *metric, double value)
{
    if (!isfinite(value)) {
        metric->nonfinite--;
        return true;
    }
    metric->count--;
    add_compensated(metric, -value);
    if (metric->count == 0) {
        metric->sum = metric->carry = 0.0L;
        metric->min = metric->max = NAN;
        return true;
    }
    return value > metric->min && value < metric->max &&
           fabs(value) * DIGITS_LOST <= fabsl(metric->sum + metric->carry);
}

bool
statistics_take_out(struct statistics *statistics, const struct episode *episode)
{
    bool certain = true;

    statistics->episodes--;
    for (size_t i = 0; i < episode->value_count; i++) {
        struct metric_statistics *metric = find_or_append(statistics, episode->values[i].name, i);

        certain = metric != NULL && take_value(metric, episode->values[i].real) && certain;
    }
    return certain;
}

const struct metric_statistics *
statistics_find(const struct statistics *statistics, const char *name)
{
    for (size_t i = 0; i < statistics->metric_count; i++)
        if (strcmp(statistics->metrics[i].name, name) == 0)
            return &statistics->metrics[i];
    return NULL;
}

double
metric_mean(const struct metric_statistics *metric)
{
    if (metric == NULL || metric->count == 0)
        return NAN;
    return (double)((metric->sum + metric->carry) / (long double)metric->count);
}

static void
write_one(struct json_out *json, const char *prefix, const char *name, double value)
{
    char key[METRIC_NAME_MAX + 8];

    snprintf(key, sizeof key, "%s_%s", prefix, name);
    json_out_real(json, key, value);
}

static void
write_metric(struct json_out *json, const char *name, const struct metric_statistics *metric)
{
    write_one(json, "avg", name, metric_mean(metric));
    write_one(json, "min", name, metric->min);
    write_one(json, "max", name, metric->max);
}

/* The names by which seeds 001 and its dashboard know some of the figures. */
static void
write_other_names(const struct statistics *statistics, struct json_out *json)
{
    const struct metric_statistics *sharpe = statistics_find(statistics, "sharpe_ratio");
    const struct metric_statistics *roi = statistics_find(statistics, "roi_pct");

    /* A custom metric of the name "sharpe" has an avg_sharpe of its own. */
    if (sharpe != NULL && statistics_find(statistics, "sharpe") == NULL)
        json_out_real(json, "avg_sharpe", metric_mean(sharpe));
    if (roi != NULL) {
        json_out_real(json, "best_roi_pct", roi->max);
        json_out_real(json, "worst_roi_pct", roi->min);
    }
}

static void
write_nonfinite(const struct statistics *statistics, struct json_out *json)
{
    json_out_object(json, "nonfinite");
    for (size_t i = 0; i < statistics->metric_count; i++) {
        const struct metric_statistics *metric = &statistics->metrics[i];
        const char *other = metric_other_name(metric->name);

        if (metric->nonfinite == 0)
            continue;
        json_out_whole(json, metric->name, metric->nonfinite);
        if (other != NULL)
            json_out_whole(json, other, metric->nonfinite);
    }
    json_out_object_end(json);
}

void
statistics_write(const struct statistics *statistics, struct json_out *json, const char *key)
{
    if (statistics->episodes == 0) {
        json_out_null(json, key);
        return;
    }
    json_out_object(json, key);
    json_out_whole(json, "total_episodes", statistics->episodes);
    for (size_t i = 0; i < statistics->metric_count; i++) {
        const struct metric_statistics *metric = &statistics->metrics[i];
        const char *other = metric_other_name(metric->name);

        write_metric(json, metric->name, metric);
        if (other != NULL)
            write_metric(json, other, metric);
    }
    write_other_names(statistics, json);
    write_nonfinite(statistics, json);
    json_out_object_end(json);
}

void
statistics_clear(struct statistics *statistics)
{
    free(statistics->metrics);
    *statistics = (struct statistics){0};
}
