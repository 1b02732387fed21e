/*
 * route_audit.c - GET /api/audit: who did what in the caller's account, newest first.
 * Called through routes.c. Next: store/store_audit.c.
 */
#include "route_private.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define LINK_MAX 2048 /* bytes of the Link header; a longer one is left out */
#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)

/* Its text waits in a spool, because the Link header, which tells where it ends, goes before it. */
struct audit_page {
    struct http_query parsed; /* query borrows from it */
    struct store_audit_query query;
    char cursor_id[STORE_AUDIT_ID_SIZE];
    struct spool text;
    struct json_out json; /* into text */
    int64_t last_ms;
    char last_id[STORE_AUDIT_ID_SIZE];
};

/* The time and id of the entry that a page ended with, as Link gave them: "<ms>_<id>". */
static bool
read_cursor(const char *text, struct audit_page *page)
{
    char *end;

    errno = 0;
    page->query.from_ms = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '_' ||
        strspn(end + 1, "0123456789abcdef") != STORE_AUDIT_ID_SIZE - 1 ||
        end[STORE_AUDIT_ID_SIZE] != '\0')
        return false;
    memcpy(page->cursor_id, end + 1, sizeof page->cursor_id);
    page->query.from_id = page->cursor_id;
    return true;
}

static void
read_time(const struct http_query *parsed, const char *name, int64_t *ms, struct api_error *err)
{
    const char *text = http_query_text(parsed, name);

    if (text != NULL && !clock_parse(text, ms))
        api_fault(err, name, "must be an ISO-8601 date or time, such as 2026-03-19T10:00:00Z");
}

/* action subject actor since until limit cursor. */
static bool
read_query(struct call *call, struct audit_page *page, struct api_error *err)
{
    const struct http_query *parsed = &page->parsed;
    struct store_audit_query *query = &page->query;
    const char *cursor;

    if (!http_query_parse(call->req->query, &page->parsed, err))
        return false;
    *query = (struct store_audit_query){.account = call->account,
                                        .action = http_query_text(parsed, "action"),
                                        .subject = http_query_text(parsed, "subject"),
                                        .actor = http_query_text(parsed, "actor"),
                                        .limit = LIMIT_DEFAULT};
    http_query_whole(parsed, "limit", 1, LIMIT_MAX, &query->limit, err);
    read_time(parsed, "since", &query->since_ms, err);
    read_time(parsed, "until", &query->until_ms, err);
    cursor = http_query_text(parsed, "cursor");
    if (cursor != NULL && !read_cursor(cursor, page))
        api_fault(err, "cursor", "is none that a Link header gave");
    return err->id == API_OK;
}

static bool
write_entry(const struct store_audit_entry *entry, void *context)
{
    struct audit_page *page = context;
    struct json_out *json = &page->json;

    json_out_object(json, NULL);
    json_out_time(json, "at", entry->by.now_ms);
    json_out_text(json, "actor", entry->by.actor);
    json_out_text(json, "action", entry->action);
    json_out_text(json, "subject", entry->subject);
    json_out_text(json, "request_id", entry->by.request_id);
    if (entry->details != NULL)
        json_out_raw(json, "details", json_text_of(entry->details));
    json_out_object_end(json);
    page->last_ms = entry->by.now_ms;
    memcpy(page->last_id, entry->id, sizeof page->last_id);
    return spool_good(&page->text);
}

static void
write_link(struct call *call, const struct audit_page *page)
{
    char link[LINK_MAX] = "", place[32 + STORE_AUDIT_ID_SIZE];

    snprintf(place, sizeof place, "cursor=%" PRId64 "_%s", page->last_ms, page->last_id);
    if (route_link_append(call, &page->parsed, "next", place, link, sizeof link))
        http_reply_header(call->reply, "Link", link);
}

static bool
send_page(struct call *call, struct audit_page *page, bool more, struct api_error *err)
{
    struct json_out json = http_reply_json(call->reply, 200);
    bool good;

    if (more)
        write_link(call, page);
    if (route_unchanged_text(call, &page->text))
        return true;
    json_out_object(&json, NULL);
    json_out_array(&json, "entries");
    good = spool_copy(&page->text, json.out) || api_fail(err, API_INTERNAL, NULL);
    json_out_array_end(&json);
    json_out_object_end(&json);
    return good;
}

/* {"entries": [{at, actor, action, subject, request_id, details?}]} */
bool
route_audit_list(struct call *call, struct api_error *err)
{
    struct audit_page page;
    bool more, good;

    if (!read_query(call, &page, err))
        return false;
    spool_init(&page.text, TEXT_BUFFER_SIZE);
    page.json = (struct json_out){.out = &page.text.out};
    good = store_audit_list(call->store, &page.query, write_entry, &page, &more, err) &&
           send_page(call, &page, more, err);
    spool_clear(&page.text);
    return good;
}
