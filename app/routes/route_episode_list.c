/*
 * route_episode_list.c - GET /api/training-runs/{run_id}/episodes, page by page: after limit
 * metrics sort where. Called through routes.c. Next: training/episode_query.c,
 * training/episode_rank.c, store/store_episode_read.c, store/store_episode_pick.c.
 */
#include "route_private.h"

#include "store/store_episode.h"
#include "training/episode_query.h"
#include "training/episode_rank.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 10000
#define LINK_MAX 4096 /* bytes of the Link header; a longer one is left out */
#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)

/* A page being answered. Its text waits in a spool, because Link, which tells how it ends, is sent
 * before it. */
struct page {
    struct call *call;
    const struct run_held *held;
    struct http_query parsed;
    struct episode_query query;
    int64_t after; /* the last episode of the page before; 0: this is the first page */
    int64_t limit;
    /* The metrics that `where` and `sort` look at, by their stored names. */
    const char *looked_at[EPISODE_CONDITIONS_MAX + 1];
    size_t looked_at_count;
    struct spool text;
    struct json_out json; /* into text */
    int64_t written, last;
    bool more; /* there are further episodes behind the last */
};

static void
check_known(const struct page *page, const char *parameter, const char *name, struct api_error *err)
{
    if (metric_find(name) == NULL && !store_run_has_metric(page->held, metric_stored_name(name)))
        api_fault(err, parameter, "the run has no metric %s", name);
}

/* Note that a metric is looked at, which must be one that the run has. */
static void
look_at(struct page *page, const char *parameter, const char *name, struct api_error *err)
{
    const char *stored = metric_stored_name(name);

    check_known(page, parameter, name, err);
    for (size_t i = 0; i < page->looked_at_count; i++)
        if (strcmp(page->looked_at[i], stored) == 0)
            return;
    page->looked_at[page->looked_at_count++] = stored;
}

/* Any of the named metrics, or a custom one that the run has. */
static void
check_metrics(struct page *page, struct api_error *err)
{
    const struct episode_query *query = &page->query;

    for (size_t i = 0; i < query->metric_count; i++)
        check_known(page, "metrics", query->metrics[i], err);
    if (query->sort[0] != '\0')
        look_at(page, "sort", query->sort, err);
    for (size_t i = 0; i < query->condition_count; i++)
        if (strcmp(query->conditions[i].metric, EPISODE_NUMBER_METRIC) != 0)
            look_at(page, "where", query->conditions[i].metric, err);
}

static bool
read_query(struct page *page, struct api_error *err)
{
    const struct http_query *parsed = &page->parsed;
    const char *metrics, *sort, *where;
    size_t at = 0;

    if (!http_query_parse(page->call->req->query, &page->parsed, err))
        return false;
    http_query_whole(parsed, "after", 0, EPISODE_NUMBER_MAX, &page->after, err);
    http_query_whole(parsed, "limit", 1, LIMIT_MAX, &page->limit, err);
    if ((metrics = http_query_text(parsed, "metrics")) != NULL)
        episode_query_read_metrics(&page->query, metrics, err);
    if ((sort = http_query_text(parsed, "sort")) != NULL)
        episode_query_read_sort(&page->query, sort, err);
    while ((where = http_query_each(parsed, "where", &at)) != NULL)
        episode_query_read_where(&page->query, where, err);
    check_metrics(page, err);
    return err->id == API_OK;
}

static bool
write_episode(const struct episode *episode, void *context)
{
    struct page *page = context;

    page->more = page->written == page->limit;
    if (page->more)
        return false;
    episode_query_write(&page->query, episode, &page->json);
    page->written++;
    page->last = episode->number;
    return spool_good(&page->text);
}

/* What remains behind `after` of the numbers, in their order. */
static struct store_episode_range
range_behind(const struct page *page)
{
    struct store_episode_range range = {
        .from = 1, .to = EPISODE_NUMBER_MAX, .descending = page->query.descending};

    if (page->after > 0 && page->query.descending)
        range.to = page->after - 1;
    else if (page->after > 0)
        range.from = page->after + 1;
    return range;
}

/* Neither `where` nor a metric to sort by: one range of the index, no longer than the page. */
static bool
write_range(struct page *page, struct api_error *err)
{
    struct store_episode_range range = range_behind(page);

    range.count = page->limit + 1; /* one more tells whether there is a next page */
    return store_episode_read(page->call->store, &page->held->run, &range, write_episode, page,
                              err);
}

/* A pass over the episodes for those that belong on the page, and one behind it. */
struct selection {
    const struct page *page;
    struct episode_ranking ranking;
    bool found; /* by find_place */
};

static const double *
sort_value(const struct page *page, const struct episode *episode, double *number)
{
    const struct metric_value *value;

    *number = (double)episode->number;
    if (page->query.sort[0] == '\0')
        return number;
    value = episode_metric(episode, metric_stored_name(page->query.sort));
    return value == NULL ? NULL : &value->real;
}

static bool
select_episode(const struct episode *episode, void *context)
{
    struct selection *selection = context;
    struct episode_ranking *ranking = &selection->ranking;
    const struct page *page = selection->page;
    double number;

    if (episode_query_matches(&page->query, episode))
        episode_ranking_add(ranking, episode->number, sort_value(page, episode, &number));
    /* In the order of the pass itself, what comes later is further behind. */
    return page->query.sort[0] != '\0' || ranking->count < ranking->room;
}

static bool
begin_behind(const struct episode *episode, void *context)
{
    struct selection *selection = context;
    double number;

    selection->found = true;
    episode_ranking_begin_behind(&selection->ranking, episode->number,
                                 sort_value(selection->page, episode, &number));
    return false;
}

/*
 * Among values, `after` stands for the place that its episode has by now; whether it still meets
 * `where` does not matter.
 */
static bool
find_place(struct page *page, struct selection *selection, struct api_error *err)
{
    const struct store_episode_range range = {.from = page->after,
                                              .to = page->after,
                                              .metrics = page->looked_at,
                                              .metric_count = page->looked_at_count};

    return store_episode_read(page->call->store, &page->held->run, &range, begin_behind, selection,
                              err) &&
           (selection->found || api_fault(err, "after", "the run has no such episode"));
}

static bool
select_episodes(struct page *page, struct selection *selection, struct api_error *err)
{
    const bool by_value = page->query.sort[0] != '\0';
    struct store_episode_range range = range_behind(page);

    if (by_value && page->after > 0 && !find_place(page, selection, err))
        return false;
    if (by_value)
        range = (struct store_episode_range){.from = 1, .to = EPISODE_NUMBER_MAX};
    episode_query_narrow(&page->query, &range.from, &range.to);
    range.metrics = page->looked_at;
    range.metric_count = page->looked_at_count;
    range.numbers_only = page->looked_at_count == 0;
    return range.from > range.to || store_episode_read(page->call->store, &page->held->run, &range,
                                                       select_episode, selection, err);
}

/* The selected episodes, whole, in their order. */
static bool
write_selected(struct page *page, struct episode_ranking *ranking, struct api_error *err)
{
    const size_t limit = (size_t)page->limit;
    const size_t count = ranking->count < limit ? ranking->count : limit;
    int64_t *numbers;
    bool good;

    if (count == 0)
        return true;
    episode_ranking_sort(ranking);
    numbers = calloc(count, sizeof *numbers);
    if (numbers == NULL)
        return api_fail(err, API_INTERNAL, NULL);
    for (size_t i = 0; i < count; i++)
        numbers[i] = ranking->items[i].number;
    good = store_episode_pick(page->call->store, &page->held->run, numbers, count, write_episode,
                              page, err);
    page->more = ranking->count > limit;
    page->last = numbers[count - 1];
    free(numbers);
    return good;
}

static bool
write_selection(struct page *page, struct api_error *err)
{
    struct selection selection = {.page = page};
    bool good;

    episode_ranking_init(&selection.ranking, (size_t)page->limit + 1, page->query.descending);
    good = select_episodes(page, &selection, err) && write_selected(page, &selection.ranking, err);
    episode_ranking_clear(&selection.ranking);
    return good;
}

static bool
send_page(struct page *page, struct api_error *err)
{
    struct json_out json = http_reply_json(page->call->reply, 200);
    char link[LINK_MAX] = "", place[32];

    snprintf(place, sizeof place, "after=%" PRId64, page->last);
    if (page->more &&
        route_link_append(page->call, &page->parsed, "next", place, link, sizeof link))
        http_reply_header(page->call->reply, "Link", link);
    json_out_object(&json, NULL);
    json_out_array(&json, "episodes");
    if (!spool_copy(&page->text, json.out))
        return api_fail(err, API_INTERNAL, NULL);
    json_out_array_end(&json);
    if (page->more)
        json_out_whole(&json, "next_after", page->last);
    else
        json_out_null(&json, "next_after");
    json_out_object_end(&json);
    return true;
}

static bool
reply_page(struct page *page, struct api_error *err)
{
    const bool whole_range = page->query.sort[0] == '\0' && page->query.condition_count == 0;
    bool good;

    spool_init(&page->text, TEXT_BUFFER_SIZE);
    page->json = (struct json_out){.out = &page->text.out};
    good = whole_range ? write_range(page, err) : write_selection(page, err);
    if (good && !spool_good(&page->text))
        good = api_fail(err, API_INTERNAL, NULL);
    good = good && send_page(page, err);
    spool_clear(&page->text);
    return good;
}

bool
route_episode_list(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct page page = {.call = call, .held = &held, .limit = LIMIT_DEFAULT};
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    good = read_query(&page, err) && (route_unchanged(call, &held.run) || reply_page(&page, err));
    store_run_release(&held);
    return good;
}
