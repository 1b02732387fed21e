/*
 * route_list.c - what the lists of both families share: parameters, place, headers.
 * Called by route_run_list.c, route_training_run_list.c. Next: http/http_query.c.
 */
#include "route_private.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_MAX 1000000000
#define LIMIT_DEFAULT 50
#define LINKS_MAX 4096 /* bytes of the Link header; longer ones are left out */
#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)

/*
 * A cursor is the place between two runs: 'n' (on to older runs) or 'p' (back to newer ones), the
 * start time and run_id of the run beside it. Clients take it from Link and need not know this.
 */
static bool
read_cursor(const char *text, struct run_query *query, char cursor_id[RUN_ID_MAX + 1])
{
    char *end;

    if (text[0] != 'n' && text[0] != 'p')
        return false;
    errno = 0;
    query->from_ms = strtoll(text + 1, &end, 10);
    if (errno != 0 || end == text + 1 || *end != '_' || strlen(end + 1) > RUN_ID_MAX)
        return false;
    snprintf(cursor_id, RUN_ID_MAX + 1, "%s", end + 1);
    query->backwards = text[0] == 'p';
    query->from_id = cursor_id;
    return run_id_settle(cursor_id);
}

static void
read_time(const struct http_query *parsed, const char *name, int64_t *ms, struct api_error *err)
{
    const char *text = http_query_text(parsed, name);

    if (text != NULL && !clock_parse(text, ms))
        api_fault(err, name, "must be an ISO-8601 date or time, such as 2026-03-19T10:00:00Z");
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
    if (sort != NULL && strcmp(sort, "start_time") != 0 && strcmp(sort, "-start_time") != 0)
        api_fault(err, "sort", "must be start_time or -start_time");
    query->oldest_first = sort != NULL && sort[0] != '-';
    query->strategy_label = http_query_text(parsed, "strategy_label");
    query->agent_id = http_query_text(parsed, "agent_id");
    query->tag = http_query_text(parsed, "tag");
    query->text = http_query_text(parsed, "q");
    if (query->text != NULL && strlen(query->text) > RUN_NAME_MAX)
        api_fault(err, "q", "must be at most %d bytes long", RUN_NAME_MAX);
}

bool
route_listing_start(struct route_listing *listing, struct call *call, int64_t limit_max,
                    struct api_error *err)
{
    const char *cursor;

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
    cursor = http_query_text(&listing->parsed, "cursor");
    if (cursor != NULL && !read_cursor(cursor, &listing->query, listing->cursor_id))
        api_fault(err, "cursor", "is none that a Link header gave");
    if (err->id != API_OK)
        return false;
    spool_init(&listing->text, TEXT_BUFFER_SIZE);
    listing->json = (struct json_out){.out = &listing->text.out};
    return true;
}

bool
route_listing_add(struct route_listing *listing, const struct run *run)
{
    if (listing->count++ == 0) {
        listing->first_ms = run->started_ms;
        snprintf(listing->first_id, sizeof listing->first_id, "%s", run->id);
    }
    listing->last_ms = run->started_ms;
    snprintf(listing->last_id, sizeof listing->last_id, "%s", run->id);
    return spool_good(&listing->text);
}

/* This list's URL but for its place, as `<…?a=b&`; false when it is too long. */
static bool
write_url(const struct route_listing *listing, char *links, size_t size)
{
    const struct http_request *req = listing->call->req;
    const size_t used = strlen(links);

    snprintf(links + used, size - used, "%s<%s://%s%s?", used > 0 ? ", " : "", req->scheme,
             req->host == NULL ? "" : req->host, req->path);
    for (size_t i = 0; i < listing->parsed.count; i++) {
        const char *name = listing->parsed.params[i].name;
        const char *value = listing->parsed.params[i].value;

        if (strcmp(name, "cursor") == 0 || strcmp(name, "offset") == 0 || *value == '\0')
            continue;
        if (!http_query_encode(links, size - 2, name))
            return false;
        strcat(links, "=");
        if (!http_query_encode(links, size - 2, value))
            return false;
        strcat(links, "&");
    }
    return true;
}

static void
append_link(const struct route_listing *listing, const char *rel, char way, char *links,
            size_t size)
{
    const bool next = way == 'n';
    size_t used;

    if (!write_url(listing, links, size))
        return;
    used = strlen(links);
    snprintf(links + used, size - used, "cursor=%c%" PRId64 "_%s>; rel=\"%s\"", way,
             next ? listing->last_ms : listing->first_ms,
             next ? listing->last_id : listing->first_id, rel);
}

/* RFC 8288. more: there are runs beyond the page, in the direction it was read. */
static void
write_headers(struct route_listing *listing, bool more, int64_t total)
{
    const struct run_query *query = &listing->query;
    const bool placed = query->from_id != NULL;
    const bool has_next = query->backwards ? placed : more;
    const bool has_prev = query->backwards ? more : placed || query->offset > 0;
    char links[LINKS_MAX] = "";
    char count[24];

    snprintf(count, sizeof count, "%" PRId64, total);
    http_reply_header(listing->call->reply, "X-Total-Count", count);
    if (has_next && listing->count > 0)
        append_link(listing, "next", 'n', links, sizeof links);
    if (has_prev && listing->count > 0)
        append_link(listing, "prev", 'p', links, sizeof links);
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
