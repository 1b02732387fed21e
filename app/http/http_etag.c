/* http_etag.c - tags and 304. Called by the routes, api/worker.c. Next: http_reply.c. */
#include "http/http_etag.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The tag at *list, which moves on behind it. NULL when none is there: the list is malformed. */
static const char *
next_tag(const char **list, size_t *size)
{
    const char *tag, *end;

    *list += strspn(*list, " \t,");
    if (strncmp(*list, "W/", 2) == 0)
        *list += 2;
    if (**list != '"')
        return NULL;
    tag = *list + 1;
    end = strchr(tag, '"');
    if (end == NULL)
        return NULL;
    *size = (size_t)(end - tag);
    *list = end + 1;
    return tag;
}

bool
http_etag_matches(const char *list, const char *tag)
{
    const char *named;
    size_t size;

    if (strspn(list, " \t*") == strlen(list))
        return strchr(list, '*') != NULL;
    while ((named = next_tag(&list, &size)) != NULL)
        if (size == strlen(tag) && strncmp(named, tag, size) == 0)
            return true;
    return false;
}

bool
http_etag_offer(struct call *call, const char *tag)
{
    struct http_reply *reply = call->reply;
    char quoted[HTTP_ETAG_SIZE + 4];

    snprintf(quoted, sizeof quoted, "W/\"%s\"", tag);
    http_reply_header(reply, "ETag", quoted);
    /* Whoever keeps it asks again before it is used, and shares it with nobody. */
    http_reply_header(reply, "Cache-Control", "private, no-cache");
    http_reply_header(reply, "Vary", "X-API-Key, Cookie");
    reply->tagged = true;
    if (call->req->if_none_match == NULL || !http_etag_matches(call->req->if_none_match, tag))
        return false;
    reply->out.used = 0;
    http_reply_empty(reply, 304);
    return true;
}

void
http_etag_settle(struct call *call)
{
    const struct http_reply *reply = call->reply;
    char tag[HTTP_ETAG_SIZE];
    uint64_t hash;

    if (call->req->method != HTTP_GET || reply->status != 200 || reply->tagged || reply->started ||
        reply->out.failed || reply->no_store)
        return;
    hash = hash_bytes(HASH_START, reply->headers + reply->headers_kept,
                      reply->headers_size - reply->headers_kept);
    hash = hash_bytes(hash, reply->out.buffer, reply->out.used);
    snprintf(tag, sizeof tag, "%zx-%016" PRIx64, reply->out.used, hash);
    (void)http_etag_offer(call, tag);
}
