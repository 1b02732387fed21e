/*
 * store_counters.c - the arithmetic between episodes and the counters of their header.
 * Called by store_merge.c, store_summary.c, store_run_doc.c. Next: training/statistics.c.
 */
#include "store_counters.h"

#include "store_bson.h"
#include "store_episode_doc.h"

#include <math.h>
#include <string.h>

static void
read_figures(bson_iter_t *at, struct metric_statistics *metric)
{
    while (bson_iter_next(at)) {
        const char *key = bson_iter_key(at);

        if (strcmp(key, "count") == 0)
            metric->count = bson_iter_as_int64(at);
        else if (strcmp(key, "nonfinite") == 0)
            metric->nonfinite = bson_iter_as_int64(at);
        else if (strcmp(key, "sum") == 0)
            metric->sum = bson_iter_as_double(at);
        else if (strcmp(key, "carry") == 0)
            metric->carry = bson_iter_as_double(at);
        else if (strcmp(key, "min") == 0)
            metric->min = bson_iter_as_double(at);
        else if (strcmp(key, "max") == 0)
            metric->max = bson_iter_as_double(at);
    }
}

static bool
read_metrics(const bson_t *header, struct statistics *figures)
{
    bson_iter_t at, inside;

    if (!store_read_inside(header, "metrics", &at))
        return true;
    while (bson_iter_next(&at)) {
        char name[METRIC_NAME_MAX + 1];
        struct metric_statistics *metric;

        store_metric_name(bson_iter_key(&at), name, sizeof name);
        metric = statistics_metric(figures, name);
        if (metric == NULL)
            return false;
        if (BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &inside))
            read_figures(&inside, metric);
    }
    return true;
}

/* Keep the wins in number order, the newest of them. */
static void
add_win(struct counters *counters, struct win win)
{
    struct win *wins = counters->wins;
    size_t place = counters->win_count;

    while (place > 0 && wins[place - 1].number > win.number)
        place--;
    if (counters->win_count < STATISTICS_WIN_WINDOW) {
        memmove(&wins[place + 1], &wins[place], (counters->win_count - place) * sizeof *wins);
        wins[place] = win;
        counters->win_count++;
    } else if (place > 0) { /* the oldest makes room */
        memmove(&wins[0], &wins[1], (place - 1) * sizeof *wins);
        wins[place - 1] = win;
    }
}

static void
read_wins(const bson_t *header, struct counters *counters)
{
    bson_iter_t at, member;

    if (!store_read_inside(header, "wins", &at))
        return;
    while (bson_iter_next(&at)) {
        struct win win = {.number = 0};

        if (!BSON_ITER_HOLDS_DOCUMENT(&at) || !bson_iter_recurse(&at, &member))
            continue;
        while (bson_iter_next(&member)) {
            if (strcmp(bson_iter_key(&member), "n") == 0)
                win.number = bson_iter_as_int64(&member);
            else
                win.value = bson_iter_as_double(&member);
        }
        add_win(counters, win);
    }
}

bool
counters_read(const bson_t *header, struct counters *counters)
{
    statistics_init(&counters->figures);
    counters->win_count = 0;
    counters->stale = store_read_bool(header, "summary_stale");
    read_wins(header, counters);
    return read_metrics(header, &counters->figures);
}

void
counters_from_pass(struct statistics *statistics, struct counters *counters)
{
    const size_t count = statistics->win_count;
    const size_t kept = count < STATISTICS_WIN_WINDOW ? count : STATISTICS_WIN_WINDOW;

    counters->win_count = 0;
    counters->stale = false;
    for (size_t i = 0; i < kept; i++)
        add_win(counters, statistics->wins[(count - kept + i) % STATISTICS_WIN_WINDOW]);
    counters->figures = *statistics;
    *statistics = (struct statistics){.metrics = NULL};
}

void
counters_clear(struct counters *counters)
{
    statistics_clear(&counters->figures);
}

bool
counters_add(struct counters *counters, const struct episode *episode)
{
    const struct metric_value *win = episode_metric(episode, "win");

    if (win != NULL)
        add_win(counters, (struct win){episode->number, win->real});
    return statistics_add_values(&counters->figures, episode);
}

/* Does the window of wins change when this episode's win does? */
static bool
win_matters(const struct counters *counters, int64_t number)
{
    return counters->win_count < STATISTICS_WIN_WINDOW || number >= counters->wins[0].number;
}

/* An episode with those values alone that another one has not. */
struct changed {
    struct episode episode;
    struct metric_value values[EPISODE_VALUES_MAX];
};

/*
 * What a report has in common with the one that it replaces is left alone: a retry changes
 * nothing, and a figure that stays puts none in doubt, an extreme included.
 */
static void
drop_unchanged(const struct episode *from, const struct episode *other, struct changed *changed)
{
    size_t kept = 0;

    for (size_t i = 0; i < from->value_count && kept < EPISODE_VALUES_MAX; i++) {
        const struct metric_value *mine = &from->values[i];
        const struct metric_value *theirs = episode_metric(other, mine->name);

        if (theirs == NULL || memcmp(&mine->real, &theirs->real, sizeof mine->real) != 0)
            changed->values[kept++] = *mine;
    }
    changed->episode = *from;
    changed->episode.values = changed->values;
    changed->episode.value_count = kept;
}

/* A win that comes, goes or changes. */
static bool
changes_win(const struct changed *before, const struct changed *after)
{
    return episode_metric(&before->episode, "win") != NULL ||
           episode_metric(&after->episode, "win") != NULL;
}

bool
counters_replace(struct counters *counters, const struct episode *old, const struct episode *new)
{
    struct changed before, after;

    drop_unchanged(old, new, &before);
    drop_unchanged(new, old, &after);
    if (changes_win(&before, &after) && win_matters(counters, new->number))
        counters->stale = true;
    if (!statistics_take_out(&counters->figures, &before.episode))
        counters->stale = true;
    return statistics_add_values(&counters->figures, &after.episode);
}

static void
append_figures(bson_t *metrics, const struct metric_statistics *metric)
{
    const double sum = (double)metric->sum;
    char key[METRIC_NAME_MAX + 1];
    bson_t figures;

    store_metric_key(metric->name, key, sizeof key);
    BSON_APPEND_DOCUMENT_BEGIN(metrics, key, &figures);
    BSON_APPEND_INT64(&figures, "count", metric->count);
    if (metric->nonfinite > 0)
        BSON_APPEND_INT64(&figures, "nonfinite", metric->nonfinite);
    BSON_APPEND_DOUBLE(&figures, "sum", sum);
    BSON_APPEND_DOUBLE(&figures, "carry", (double)((metric->sum - sum) + metric->carry));
    if (metric->count > 0) {
        BSON_APPEND_DOUBLE(&figures, "min", metric->min);
        BSON_APPEND_DOUBLE(&figures, "max", metric->max);
    }
    bson_append_document_end(metrics, &figures);
}

static void
append_wins(const struct counters *counters, bson_t *set)
{
    bson_t array;

    BSON_APPEND_ARRAY_BEGIN(set, "wins", &array);
    for (size_t i = 0; i < counters->win_count; i++) {
        char number[16];
        const char *place;
        bson_t item;

        bson_uint32_to_string((uint32_t)i, &place, number, sizeof number);
        BSON_APPEND_DOCUMENT_BEGIN(&array, place, &item);
        store_append_whole(&item, "n", counters->wins[i].number);
        BSON_APPEND_DOUBLE(&item, "win", counters->wins[i].value);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(set, &array);
}

void
counters_append(const struct counters *counters, bson_t *set)
{
    const struct statistics *figures = &counters->figures;
    bool stale = counters->stale;
    int32_t count = 0;
    bson_t metrics;

    BSON_APPEND_DOCUMENT_BEGIN(set, "metrics", &metrics);
    for (size_t i = 0; i < figures->metric_count; i++) {
        const struct metric_statistics *metric = &figures->metrics[i];

        if (metric->count == 0 && metric->nonfinite == 0)
            continue; /* replaced away */
        append_figures(&metrics, metric);
        stale = stale || !isfinite((double)metric->sum); /* a double cannot hold it: read again */
        count++;
    }
    bson_append_document_end(set, &metrics);
    BSON_APPEND_INT32(set, "metric_count", count);
    append_wins(counters, set);
    BSON_APPEND_BOOL(set, "summary_stale", stale);
}

static double
win_rate(const struct counters *counters)
{
    double sum = 0.0;

    for (size_t i = 0; i < counters->win_count; i++)
        sum += counters->wins[i].value;
    return counters->win_count > 0 ? sum / (double)counters->win_count : NAN;
}

void
counters_summarise(const struct counters *counters, struct run_summary *summary)
{
    const struct statistics *figures = &counters->figures;
    const struct metric_statistics *reward = statistics_find(figures, METRIC_REWARD);

    summary->avg_roi_pct = metric_mean(statistics_find(figures, "roi_pct"));
    summary->avg_sharpe = metric_mean(statistics_find(figures, "sharpe_ratio"));
    summary->avg_reward = metric_mean(reward);
    summary->min_reward = reward == NULL ? NAN : reward->min;
    summary->max_reward = reward == NULL ? NAN : reward->max;
    summary->final_win_rate = win_rate(counters);
}
