/*
 * route_etag.c - has the client this answer already? Called by the handlers that read.
 * Next: http/http_etag.c.
 *
 * Whatever changes a run's header or episodes adds to its revision (reports) or its edits (all the
 * rest), in the same commit. So a tag made from the header alone, which is read first, is never
 * newer than the answer; and who has the tagged answer costs no read of episodes.
 */
#include "route_private.h"

#include "base/hash.h"
#include "http/http_etag.h"

#include <inttypes.h>
#include <stdio.h>

#define FORM "1" /* counts up when the same data are answered in another form */

/* What the answer is made from besides the runs: program, path and query. */
static uint64_t
hash_question(const struct call *call)
{
    uint64_t hash = hash_text(HASH_START, TRAINING_VERSION "/" FORM);

    return hash_text(hash_text(hash, call->req->path), call->req->query);
}

bool
route_unchanged(struct call *call, const struct run *run)
{
    char tag[HTTP_ETAG_SIZE];

    snprintf(tag, sizeof tag, "%s-%" PRId64 "-%" PRId64 "-%c-%016" PRIx64, run->oid, run->revision,
             run->edits, route_run_stale(call, run) ? 's' : 'f', hash_question(call));
    return http_etag_offer(call, tag);
}

void
route_mark_run(struct route_mark *mark, const struct call *call, const struct run *run)
{
    const int64_t parts[] = {run->revision, run->edits, route_run_stale(call, run)};

    mark->hash = hash_text(mark->hash, run->oid);
    mark->hash = hash_bytes(mark->hash, parts, sizeof parts);
}

bool
route_unchanged_since(struct call *call, const struct route_mark *mark)
{
    char tag[HTTP_ETAG_SIZE];

    snprintf(tag, sizeof tag, "%016" PRIx64 "-%016" PRIx64, mark->hash, hash_question(call));
    return http_etag_offer(call, tag);
}

/* A place that text is written to only to be hashed. */
struct hashing {
    struct out out;
    uint64_t hash;
    char buffer[4096];
};

static bool
hash_buffer(struct out *out)
{
    struct hashing *hashing = (struct hashing *)out;

    hashing->hash = hash_bytes(hashing->hash, out->buffer, out->used);
    out->used = 0;
    return true;
}

bool
route_unchanged_text(struct call *call, struct spool *text)
{
    const struct http_reply *reply = call->reply;
    struct hashing hashing = {.hash = hash_question(call)};
    struct route_mark mark;

    hashing.out = (struct out){
        .buffer = hashing.buffer, .size = sizeof hashing.buffer, .overflow = hash_buffer};
    if (!spool_copy(text, &hashing.out))
        return false; /* the copy that is sent will tell of it */
    (void)hash_buffer(&hashing.out);
    mark.hash = hash_bytes(hashing.hash, reply->headers + reply->headers_kept,
                           reply->headers_size - reply->headers_kept);
    return route_unchanged_since(call, &mark);
}
