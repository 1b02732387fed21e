/*
 * route_evaluation.c - evaluations of a run's checkpoints: GET and POST
 * /api/training-runs/{run_id}/evaluations. Called through routes.c.
 * Next: training/evaluation.c, store/store_evaluation.c.
 */
#include "route_private.h"

#include "store/store_evaluation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500
#define OFFSET_MAX 1000000000
#define LINK_MAX 2048 /* bytes */
#define TEXT_BUFFER_SIZE ((size_t)64 * 1024)
#define KEY_FIELD "Idempotency-Key"

/* The header's value: 1 to 255 printable characters of ASCII; *key is NULL when there is none. */
static void
read_key(const struct call *call, const char **key, struct api_error *err)
{
    *key = call->req->idempotency_key;
    if (*key == NULL)
        return;
    if (strlen(*key) > STORE_IDEMPOTENCY_KEY_MAX)
        api_fault(err, KEY_FIELD, "must be at most %d characters", STORE_IDEMPOTENCY_KEY_MAX);
    for (const char *c = *key; *c != '\0'; c++)
        if (*c < ' ' || *c > '~') {
            api_fault(err, KEY_FIELD, "must be printable ASCII");
            return;
        }
}

/* Store it, or find what an earlier try with the same key stored: that must say the same. */
static bool
store_report(struct call *call, const struct run *run, const struct evaluation *evaluation,
             const char *key, struct evaluation_held *stored, struct api_error *err)
{
    bool inserted;

    if (!store_evaluation_insert(call->store, call->account, run, evaluation, key, stored,
                                 &inserted, err))
        return false;
    return inserted || evaluation_same(&stored->evaluation, evaluation) ||
           api_fault(err, KEY_FIELD, "was used for another evaluation of this run");
}

/* POST: one evaluation. 201 with it as stored; again with the same Idempotency-Key: the same. */
bool
route_evaluation_log(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct evaluation_held stored = {.holder = NULL};
    struct evaluation evaluation = {.created_ms = call->req->arrived_ms};
    const char *key;
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    evaluation_from_json(call->req->json, &evaluation, err);
    read_key(call, &key, err);
    good = err->id == API_OK && store_report(call, &held.run, &evaluation, key, &stored, err);
    if (good) {
        struct json_out json = http_reply_json(call->reply, 201);

        evaluation_write(&stored.evaluation, held.run.id, &json);
    }
    store_evaluation_release(&stored);
    store_run_release(&held);
    return good;
}

/*
 * A list being answered. Its text waits in a spool, because the Link header, which tells where
 * the page ends, is sent before it.
 */
struct listing {
    struct http_query parsed;
    struct evaluation_query query;
    char from_id[EVALUATION_ID_SIZE];
    const char *run_id; /* borrowed */
    struct spool text;
    struct json_out json; /* into text */
    int64_t last_ms;
    char last_id[EVALUATION_ID_SIZE];
};

/* A cursor is the last evaluation of a page: its time and id. Clients take it from Link. */
static bool
read_cursor(const char *text, struct listing *listing)
{
    char *end;

    errno = 0;
    listing->query.from_ms = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '_' || strlen(end + 1) != EVALUATION_ID_SIZE - 1 ||
        strspn(end + 1, "0123456789abcdef") != EVALUATION_ID_SIZE - 1)
        return false;
    memcpy(listing->from_id, end + 1, EVALUATION_ID_SIZE);
    listing->query.from_id = listing->from_id;
    return true;
}

static bool
read_query(const struct call *call, struct listing *listing, struct api_error *err)
{
    const struct http_query *parsed = &listing->parsed;
    const char *cursor;

    listing->query = (struct evaluation_query){.limit = LIMIT_DEFAULT};
    if (!http_query_parse(call->req->query, &listing->parsed, err))
        return false;
    http_query_whole(parsed, "limit", 1, LIMIT_MAX, &listing->query.limit, err);
    http_query_whole(parsed, "offset", 0, OFFSET_MAX, &listing->query.offset, err);
    cursor = http_query_text(parsed, "cursor");
    if (cursor != NULL && !read_cursor(cursor, listing))
        api_fault(err, "cursor", "is none that a Link header gave");
    return err->id == API_OK;
}

static bool
write_one(const struct evaluation *evaluation, void *context)
{
    struct listing *listing = context;

    evaluation_write(evaluation, listing->run_id, &listing->json);
    listing->last_ms = evaluation->created_ms;
    memcpy(listing->last_id, evaluation->id, sizeof listing->last_id);
    return spool_good(&listing->text);
}

static void
write_headers(const struct call *call, const struct listing *listing, bool more, int64_t total)
{
    char link[LINK_MAX] = "", place[32 + EVALUATION_ID_SIZE], count[24];

    snprintf(count, sizeof count, "%" PRId64, total);
    http_reply_header(call->reply, "X-Total-Count", count);
    snprintf(place, sizeof place, "cursor=%" PRId64 "_%s", listing->last_ms, listing->last_id);
    if (more && route_link_append(call, &listing->parsed, "next", place, link, sizeof link))
        http_reply_header(call->reply, "Link", link);
}

static bool
send_list(struct call *call, const struct run *run, struct listing *listing, struct api_error *err)
{
    struct json_out json;
    int64_t total;
    bool more;

    if (!store_evaluation_count(call->store, run, &total, err) ||
        !store_evaluation_list(call->store, run, &listing->query, write_one, listing, &more, err))
        return false;
    json = http_reply_json(call->reply, 200);
    write_headers(call, listing, more, total);
    if (route_unchanged_text(call, &listing->text))
        return true;
    json_out_array(&json, NULL);
    if (!spool_copy(&listing->text, json.out))
        return api_fail(err, API_INTERNAL, NULL);
    json_out_array_end(&json);
    return true;
}

/* GET: an array, newest first; limit offset cursor. X-Total-Count and Link: next go with it. */
bool
route_evaluation_list(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    struct listing listing;
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    good = read_query(call, &listing, err);
    if (good) {
        listing.run_id = held.run.id;
        spool_init(&listing.text, TEXT_BUFFER_SIZE);
        listing.json = (struct json_out){.out = &listing.text.out};
        good = send_list(call, &held.run, &listing, err);
        spool_clear(&listing.text);
    }
    store_run_release(&held);
    return good;
}
