/*
 * serve.h - the life of a request as api/worker.c lives it, without its socket: parameters and body
 * in, the text that nginx would get out. Included once, after cmocka.h.
 */
#ifndef FAKES_SERVE_H
#define FAKES_SERVE_H

#include "fakes/fake_fcgi.h"
#include "fakes/fake_store.h"
#include "fakes/json_check.h"
#include "fakes/memory_wire.h"
#include "http/http_cors.h"
#include "http/http_etag.h"
#include "routes/routes.h"

#define SERVE_NOW_MS INT64_C(1700000600000) /* 2023-11-14T22:23:20Z */

struct served {
    struct store store;
    struct route_limits limits;
    struct rates *rates;   /* borrowed */
    const char *params[8]; /* further ones, "NAME=value" */
    /* The answer; good until the next request. */
    struct memory_wire wire;
    struct api_error err;
    int status;
    bool whole;
};

static inline int
serve_set_up(void **state)
{
    static struct served served;

    served = (struct served){.limits = {.body_max = 10000,
                                        .batch_body_max = 20000,
                                        .config_max = 200,
                                        .batch_episodes_max = 5,
                                        .stale_after_ms = 300000,
                                        .session_ms = 3600000,
                                        .anonymous = "local",
                                        .origins = ""}};
    served.store.account = "local";
    memory_wire_init(&served.wire);
    *state = &served;
    return 0;
}

static inline int
serve_tear_down(void **state)
{
    struct served *served = *state;

    memory_wire_clear(&served->wire);
    fake_store_clear(&served->store);
    return 0;
}

static inline void
serve_params(const struct served *served, struct fake_fcgi *fake, const char *const *texts)
{
    for (size_t i = 0; texts[i] != NULL; i++)
        fake_fcgi_param(fake, texts[i]);
    for (size_t i = 0; i < COUNT_OF(served->params) && served->params[i] != NULL; i++)
        fake_fcgi_param(fake, served->params[i]);
}

/* target: path and query ("/a?b=c"); body NULL: none. Returns the status. */
static inline int
serve(struct served *served, const char *method, const char *target, const char *body)
{
    const size_t body_size = body == NULL ? 0 : strlen(body);
    const char *question = strchr(target, '?');
    char method_param[64], path[1100], query[9000], length[48], allow[64];
    struct http_request req = {.query = ""};
    struct http_reply reply;
    struct call call = {.req = &req,
                        .reply = &reply,
                        .store = &served->store,
                        .limits = &served->limits,
                        .rates = served->rates,
                        .now_ms = SERVE_NOW_MS};
    struct api_error *err = &served->err;
    const struct route *route;
    struct fake_fcgi fake;
    bool good;

    memory_wire_clear(&served->wire);
    memory_wire_init(&served->wire);
    *err = (struct api_error){.id = API_OK};
    snprintf(method_param, sizeof method_param, "REQUEST_METHOD=%s", method);
    snprintf(path, sizeof path, "DOCUMENT_URI=%.*s", (int)strcspn(target, "?"), target);
    snprintf(query, sizeof query, "QUERY_STRING=%s", question == NULL ? "" : question + 1);
    snprintf(length, sizeof length, "CONTENT_LENGTH=%zu", body_size);
    fake_fcgi_init(&fake, body == NULL ? "" : body, body_size);
    serve_params(served, &fake,
                 (const char *const[]){method_param, path, query, length, "REMOTE_ADDR=127.0.0.1",
                                       "HTTP_HOST=h:8000", "REQUEST_ID=req-1",
                                       "REQUEST_MSEC=1700000599.000", NULL});
    http_reply_init(&reply, &served->wire.wire);
    good = http_request_read_head(&fake.request, SERVE_NOW_MS, &req, err);
    memcpy(reply.request_id, req.id, sizeof req.id);
    reply.head_only = req.head;
    http_cors_announce(&call);
    if (!good ||
        (route = http_route_find(routes, routes_count, &req, allow, sizeof allow, err)) == NULL ||
        !route_authenticate(&call, route, err) ||
        !http_request_read_body(&fake.request, route->body,
                                route->size == ROUTE_BATCH ? served->limits.batch_body_max
                                                           : served->limits.body_max,
                                &req, err) ||
        !route_authorise(&call, route, err) || !route->handler(&call, err))
        http_route_refuse(&call, allow, err);
    http_etag_settle(&call);
    served->whole = http_reply_finish(&reply);
    served->status = reply.status;
    http_reply_clear(&reply);
    http_request_clear(&req);
    return served->status;
}

/* The answer's body is this JSON. */
static inline void
assert_served(const struct served *served, int status, const char *expected)
{
    if (served->status != status)
        fail_msg("%d, expected %d: %s", served->status, status, memory_wire_body(&served->wire));
    assert_true(served->whole);
    assert_json_equal(memory_wire_body(&served->wire), expected);
}

/* The answer is this problem; field NULL: whichever. */
static inline void
assert_refused(const struct served *served, int status, const char *code, const char *field)
{
    if (served->status != status || strcmp(served->err.code, code) != 0)
        fail_msg("%d %s, expected %d %s", served->status, memory_wire_body(&served->wire), status,
                 code);
    assert_non_null(strstr(served->wire.text, "Content-Type: application/problem+json\r\n"));
    if (field != NULL)
        assert_string_equal(served->err.faults[0].field, field);
}

/* A member of the answer, as JSON text; good until the next call. */
static inline const char *
served_member(const struct served *served, const char *name)
{
    static char text[4096];
    json_object *body = json_of(memory_wire_body(&served->wire));
    json_object *member = NULL;

    if (!json_object_object_get_ex(body, name, &member))
        fail_msg("no %s in %s", name, memory_wire_body(&served->wire));
    snprintf(text, sizeof text, "%s", json_text_of(member));
    json_object_put(body);
    return text;
}

#define SERVE_TEST(name) cmocka_unit_test_setup_teardown(name, serve_set_up, serve_tear_down)

#endif
