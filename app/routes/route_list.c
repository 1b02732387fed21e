/*
 * route_list.c - what the lists of both families share: parameters, place, headers.
 * Called by route_run_list.c, route_training_run_list.c. Next: http/http_query.c.
 */
#include "route_private.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OFFSET_MAX 1000000000
#define LIMIT_DEFAULT 50
#define LINKS_MAX 4096 /* bytes of the Link header; longer ones are left out */
#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)

static void
read_time(const struct http_query *parsed, const char *name, int64_t *ms, struct api_error *err)
{
    const char *text = http_query_text(parsed, name);

    if (text == NULL)
        return;
    if (!clock_parse(text, ms))
        api_fault(err, name, "must be an ISO-8601 date or time, such as 2026-03-19T10:00:00Z");
    else if (*ms == 0)
        *ms = -1; /* 0 would not restrict; no run began in 1970's first millisecond */
}

static void
read_names(struct route_listing *listing, struct api_error *err)
{
    const struct http_query *parsed = &listing->parsed;
    struct run_query *query = &listing->query;
    const char *status = http_query_text(parsed, "status");
    const char *sort = http_query_text(parsed, "sort");

    if (status != NULL && (query->status = run_status_find(status)) == RUN_STATUS_NONE)
        api_fault(err, "status", "must be running, completed, stopped or failed");
    if (sort != NULL && !run_order_find(sort, &query->order))
        api_fault(err, "sort", "must be one of " RUN_ORDER_CHOICES);
    query->strategy_label = http_query_text(parsed, "strategy_label");
    query->agent_id = http_query_text(parsed, "agent_id");
    query->tag = http_query_text(parsed, "tag");
    if (query->tag != NULL && strlen(query->tag) > RUN_TAG_MAX)
        api_fault(err, "tag", "must be at most %d bytes long", RUN_TAG_MAX);
    query->text = http_query_text(parsed, "q");
    if (query->text != NULL && strlen(query->text) > RUN_NAME_MAX)
        api_fault(err, "q", "must be at most %d bytes long", RUN_NAME_MAX);
}

static void
read_cursor(struct route_listing *listing, struct api_error *err)
{
    struct run_query *query = &listing->query;
    const char *cursor = http_query_text(&listing->parsed, "cursor");

    if (cursor != NULL && !run_cursor_read(cursor, query->order, &query->cursor))
        api_fault(err, "cursor", "is none that a Link header of a list in this order gave");
}

bool
route_listing_start(struct route_listing *listing, struct call *call, int64_t limit_max,
                    struct api_error *err)
{
    listing->call = call;
    listing->query = (struct run_query){.limit = LIMIT_DEFAULT};
    listing->count = 0;
    if (!http_query_parse(call->req->query, &listing->parsed, err))
        return false;
    read_names(listing, err);
    http_query_whole(&listing->parsed, "limit", 1, limit_max, &listing->query.limit, err);
    http_query_whole(&listing->parsed, "offset", 0, OFFSET_MAX, &listing->query.offset, err);
    read_time(&listing->parsed, "since", &listing->query.since_ms, err);
    read_time(&listing->parsed, "until", &listing->query.until_ms, err);
    read_cursor(listing, err);
    if (err->id != API_OK)
        return false;
    spool_init(&listing->text, TEXT_BUFFER_SIZE);
    listing->json = (struct json_out){.out = &listing->text.out};
    return true;
}

/* Where the run stands in a list of this order: by what it was sorted by. */
static struct run_place
place_of(const struct run *run, struct run_order order)
{
    struct run_place place = {.whole = 0};

    snprintf(place.id, sizeof place.id, "%s", run->id);
    switch (order.sort) {
    case RUN_SORT_EPISODES:
        place.whole = run->rank.episodes;
        break;
    case RUN_SORT_AVG_REWARD:
        place.figure = run->rank.avg_reward;
        break;
    case RUN_SORT_WIN_RATE:
        place.figure = run->rank.win_rate;
        break;
    default:
        place.whole = run->started_ms;
    }
    return place;
}

bool
route_listing_add(struct route_listing *listing, const struct run *run)
{
    listing->last = place_of(run, listing->query.order);
    if (listing->count++ == 0)
        listing->first = listing->last;
    return spool_good(&listing->text);
}

static void
append_link(const struct route_listing *listing, const char *rel, bool backwards, char *links,
            size_t size)
{
    const struct run_cursor cursor = {.place = backwards ? listing->first : listing->last,
                                      .backwards = backwards};
    char text[RUN_CURSOR_SIZE], place[sizeof "cursor=" + RUN_CURSOR_SIZE];

    run_cursor_write(&cursor, listing->query.order, text);
    snprintf(place, sizeof place, "cursor=%s", text);
    (void)route_link_append(listing->call, &listing->parsed, rel, place, links, size);
}

/* RFC 8288. more: there are runs beyond the page, in the direction it was read. */
static void
write_headers(struct route_listing *listing, bool more, int64_t total)
{
    const struct run_query *query = &listing->query;
    const bool placed = query->cursor.place.id[0] != '\0';
    const bool backwards = query->cursor.backwards;
    const bool has_next = backwards ? placed : more;
    const bool has_prev = backwards ? more : placed || query->offset > 0;
    char links[LINKS_MAX] = "";
    char count[24];

    snprintf(count, sizeof count, "%" PRId64, total);
    http_reply_header(listing->call->reply, "X-Total-Count", count);
    if (has_next && listing->count > 0)
        append_link(listing, "next", false, links, sizeof links);
    if (has_prev && listing->count > 0)
        append_link(listing, "prev", true, links, sizeof links);
    if (links[0] != '\0')
        http_reply_header(listing->call->reply, "Link", links);
}

bool
route_listing_send(struct route_listing *listing, store_run_visit *visit, struct api_error *err)
{
    struct call *call = listing->call;
    int64_t total;
    bool more;
    bool good =
        store_run_count(call->store, call->account, &listing->query, &total, err) &&
        store_run_list(call->store, call->account, &listing->query, visit, listing, &more, err);

    good = good && err->id == API_OK; /* a visitor that failed has said so */
    if (good) {
        struct json_out json = http_reply_json(call->reply, 200);

        write_headers(listing, more, total);
        json_out_array(&json, NULL);
        if (route_unchanged_text(call, &listing->text)) {
            spool_clear(&listing->text);
            return true;
        }
        if (!spool_copy(&listing->text, json.out))
            good = api_fail(err, API_INTERNAL, NULL);
        json_out_array_end(&json);
    }
    spool_clear(&listing->text);
    return good;
}
