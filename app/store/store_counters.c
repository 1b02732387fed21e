/*
 * store_counters.c - the arithmetic between episodes and the counters of their header.
 * Called by store_episode.c, store_summary.c. Next: store_bson.c, training/statistics.c.
 */
#include "store_counters.h"

#include "store_bson.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * Taking a value out of a sum that is so much smaller has used up its digits: of a double's 53
 * bits at most 20 may go.
 */
#define DIGITS_LOST 0x1p-20

void
counters_init(struct counters *counters)
{
    counters->inserted = 0;
    counters->win_count = 0;
    counters->stale = false;
    statistics_init(&counters->added);
    statistics_init(&counters->removed);
}

void
counters_clear(struct counters *counters)
{
    statistics_clear(&counters->added);
    statistics_clear(&counters->removed);
}

bool
counters_insert(struct counters *counters, const struct episode *episode)
{
    const struct metric_value *win = episode_metric(episode, "win");

    counters->inserted++;
    if (win != NULL)
        counters->wins[counters->win_count++ % STATISTICS_WIN_WINDOW] =
            (struct win){episode->number, win->real};
    return statistics_add(&counters->added, episode);
}

/* metrics.<name>.<figure> of a header; NAN when it is not there. */
static double
header_figure(const bson_t *header, const char *name, const char *figure)
{
    char key[METRIC_NAME_MAX + 1], path[METRIC_NAME_MAX + 32];
    bson_iter_t root, at;

    store_metric_key(name, key, sizeof key);
    snprintf(path, sizeof path, "metrics.%s.%s", key, figure);
    if (!bson_iter_init(&root, header) || !bson_iter_find_descendant(&root, path, &at) ||
        !BSON_ITER_HOLDS_NUMBER(&at))
        return NAN;
    return bson_iter_as_double(&at);
}

/* Two values of a metric, either of which may be missing: are they the same? */
static bool
same_value(const struct metric_value *a, const struct metric_value *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->real == b->real || (isnan(a->real) && isnan(b->real));
}

/* Does the header's window of wins change when this episode's does? */
static bool
win_matters(const bson_t *header, int64_t number)
{
    bson_iter_t at, first;
    int count = 0;
    int64_t lowest = 0;

    if (!store_read_inside(header, "wins", &at))
        return true;
    while (bson_iter_next(&at)) {
        if (count++ == 0 && BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &first) &&
            bson_iter_find(&first, "n"))
            lowest = bson_iter_as_int64(&first);
    }
    return count < STATISTICS_WIN_WINDOW || number >= lowest;
}

static bool
is_extreme(const bson_t *header, const struct metric_value *value)
{
    const double min = header_figure(header, value->name, "min");
    const double max = header_figure(header, value->name, "max");

    return !(value->real > min && value->real < max); /* also when either is unknown */
}

static bool
loses_digits(const bson_t *header, const struct metric_value *old, const struct metric_value *new)
{
    const double sum = header_figure(header, old->name, "sum");
    const double after = sum - old->real + (new != NULL &&isfinite(new->real) ? new->real : 0.0);

    return !(fabs(old->real) * DIGITS_LOST <= fabs(after));
}

bool
counters_replace(struct counters *counters, const struct episode *old, const struct episode *new,
                 const bson_t *header)
{
    for (size_t i = 0; i < old->value_count; i++) {
        const struct metric_value *before = &old->values[i];
        const struct metric_value *after = episode_metric(new, before->name);

        if (!isfinite(before->real) || same_value(before, after))
            continue;
        if (loses_digits(header, before, after) ||
            (strcmp(before->name, METRIC_REWARD) == 0 && is_extreme(header, before)))
            counters->stale = true;
    }
    if (!same_value(episode_metric(old, "win"), episode_metric(new, "win")) &&
        win_matters(header, new->number))
        counters->stale = true;
    return statistics_add(&counters->removed, old) && statistics_add(&counters->added, new);
}

static void
path_of(const char *name, const char *figure, char *path, size_t size)
{
    char key[METRIC_NAME_MAX + 1];

    store_metric_key(name, key, sizeof key);
    snprintf(path, size, "metrics.%s.%s", key, figure);
}

static void
append_difference(bson_t *inc, const char *name, const struct metric_statistics *added,
                  const struct metric_statistics *removed)
{
    static const struct metric_statistics none;
    char path[METRIC_NAME_MAX + 32];

    if (added == NULL)
        added = &none;
    if (removed == NULL)
        removed = &none;
    path_of(name, "count", path, sizeof path);
    BSON_APPEND_INT64(inc, path, added->count - removed->count);
    path_of(name, "sum", path, sizeof path);
    BSON_APPEND_DOUBLE(inc, path, (added->sum - removed->sum) + (added->carry - removed->carry));
    if (added->nonfinite != 0 || removed->nonfinite != 0) {
        path_of(name, "nonfinite", path, sizeof path);
        BSON_APPEND_INT64(inc, path, added->nonfinite - removed->nonfinite);
    }
}

static void
append_inc(const struct counters *counters, bson_t *update)
{
    const struct statistics *added = &counters->added, *removed = &counters->removed;
    bson_t inc;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &inc);
    BSON_APPEND_INT64(&inc, "revision", 1);
    BSON_APPEND_INT64(&inc, "episodes", counters->inserted);
    for (size_t i = 0; i < added->metric_count; i++)
        append_difference(&inc, added->metrics[i].name, &added->metrics[i],
                          statistics_find(removed, added->metrics[i].name));
    for (size_t i = 0; i < removed->metric_count; i++)
        if (statistics_find(added, removed->metrics[i].name) == NULL)
            append_difference(&inc, removed->metrics[i].name, NULL, &removed->metrics[i]);
    bson_append_document_end(update, &inc);
}

/* $min, or $max with the time of the report. Only the reward's extremes are shown in lists. */
static void
append_bound(const struct metric_statistics *reward, const char *operator, const char * figure,
             double value, int64_t now_ms, bson_t *update)
{
    char path[METRIC_NAME_MAX + 32];
    bson_t bound;

    BSON_APPEND_DOCUMENT_BEGIN(update, operator, & bound);
    if (now_ms != 0)
        BSON_APPEND_DATE_TIME(&bound, "last_reported_at", now_ms);
    if (reward != NULL && reward->count > 0) {
        path_of(METRIC_REWARD, figure, path, sizeof path);
        BSON_APPEND_DOUBLE(&bound, path, value);
    }
    bson_append_document_end(update, &bound);
}

/* {n, win} of a ring, oldest first. */
static void
append_wins(bson_t *array, const struct win *wins, size_t count)
{
    const size_t kept = count < STATISTICS_WIN_WINDOW ? count : STATISTICS_WIN_WINDOW;

    for (size_t i = 0; i < kept; i++) {
        const struct win *win = &wins[(count - kept + i) % STATISTICS_WIN_WINDOW];
        char number[16];
        const char *place;
        bson_t item;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_DOCUMENT_BEGIN(array, place, &item);
        store_append_whole(&item, "n", win->number);
        BSON_APPEND_DOUBLE(&item, "win", win->value);
        bson_append_document_end(array, &item);
    }
}

/* MongoDB sorts and cuts: wins may come in any order. */
static void
append_push(const struct counters *counters, bson_t *update)
{
    bson_t push, wins, each;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$push", &push);
    BSON_APPEND_DOCUMENT_BEGIN(&push, "wins", &wins);
    BSON_APPEND_ARRAY_BEGIN(&wins, "$each", &each);
    append_wins(&each, counters->wins, counters->win_count);
    bson_append_array_end(&wins, &each);
    BCON_APPEND(&wins, "$sort", "{", "n", BCON_INT32(1), "}", "$slice",
                BCON_INT32(-STATISTICS_WIN_WINDOW));
    bson_append_document_end(&push, &wins);
    bson_append_document_end(update, &push);
}

void
counters_append_update(struct counters *counters, int64_t now_ms, bson_t *update)
{
    const struct metric_statistics *reward = statistics_find(&counters->added, METRIC_REWARD);

    append_inc(counters, update);
    append_bound(reward, "$max", "max", reward == NULL ? 0.0 : reward->max, now_ms, update);
    if (reward != NULL && reward->count > 0)
        append_bound(reward, "$min", "min", reward->min, 0, update);
    if (counters->win_count > 0)
        append_push(counters, update);
    if (counters->stale)
        BCON_APPEND(update, "$set", "{", "summary_stale", BCON_BOOL(true), "}");
}

static void
append_metric(bson_t *metrics, const struct metric_statistics *metric)
{
    char key[METRIC_NAME_MAX + 1];
    bson_t figures;

    store_metric_key(metric->name, key, sizeof key);
    BSON_APPEND_DOCUMENT_BEGIN(metrics, key, &figures);
    BSON_APPEND_INT64(&figures, "count", metric->count);
    BSON_APPEND_DOUBLE(&figures, "sum", metric->sum + metric->carry);
    if (metric->nonfinite > 0)
        BSON_APPEND_INT64(&figures, "nonfinite", metric->nonfinite);
    if (strcmp(metric->name, METRIC_REWARD) == 0 && metric->count > 0) {
        BSON_APPEND_DOUBLE(&figures, "min", metric->min);
        BSON_APPEND_DOUBLE(&figures, "max", metric->max);
    }
    bson_append_document_end(metrics, &figures);
}

void
counters_append_mended(const struct statistics *statistics, bson_t *update)
{
    bson_t set, metrics, wins;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_INT64(&set, "episodes", statistics->episodes);
    BSON_APPEND_BOOL(&set, "summary_stale", false);
    BSON_APPEND_DOCUMENT_BEGIN(&set, "metrics", &metrics);
    for (size_t i = 0; i < statistics->metric_count; i++)
        append_metric(&metrics, &statistics->metrics[i]);
    bson_append_document_end(&set, &metrics);
    BSON_APPEND_ARRAY_BEGIN(&set, "wins", &wins);
    append_wins(&wins, statistics->wins, statistics->win_count);
    bson_append_array_end(&set, &wins);
    bson_append_document_end(update, &set);
}
