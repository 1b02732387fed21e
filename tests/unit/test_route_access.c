/* test_route_access.c - who gets in, and who may write. */
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define RUNS "/api/v1/training/runs"

static void
give_key(struct served *f, size_t place, const char *text, const char *account, unsigned scopes)
{
    f->store.key_texts[place] = text;
    f->store.keys[place].scopes = scopes;
    snprintf(f->store.keys[place].account, sizeof f->store.keys[place].account, "%s", account);
}

static void
without_a_key_only_this_machine_gets_in(void **state)
{
    static const struct {
        const char *remote, *anonymous;
        int status;
    } cases[] = {
        {"REMOTE_ADDR=127.0.0.1", "local", 200},
        {"REMOTE_ADDR=127.9.9.9", "local", 200},
        {"REMOTE_ADDR=::1", "local", 200},
        {"REMOTE_ADDR=10.0.0.1", "local", 401},
        {"REMOTE_ADDR=128.0.0.1", "local", 401},
        {"REMOTE_ADDR=1270.0.0.1", "local", 401},
        {"REMOTE_ADDR=::11", "local", 401},
        {"REMOTE_ADDR=2001:db8::1", "local", 401},
        {"REMOTE_ADDR=unix:", "local", 401},
        {"REMOTE_ADDR=127.0.0.1", "", 401},
        {"REMOTE_ADDR=::1", "", 401},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f->limits.anonymous = cases[i].anonymous;
        f->params[0] = cases[i].remote; /* the last one counts */
        serve(f, "GET", RUNS, NULL);
        if (f->status != cases[i].status)
            fail_msg("%s: %d", cases[i].remote, f->status);
        if (f->status == 401)
            assert_refused(f, 401, "key_missing", NULL);
    }
}

static void
a_key_names_the_account(void **state)
{
    struct served *f = *state;

    give_key(f, 0, "ak_good", "acme", STORE_SCOPE_READ | STORE_SCOPE_WRITE);
    f->store.runs[0] = (struct run){.id = "r1", .agent_id = "a"};
    f->store.run_count = 1;
    f->params[0] = "HTTP_X_API_KEY=ak_good";
    f->params[1] = "REMOTE_ADDR=10.0.0.1";
    f->store.account = "acme";
    assert_int_equal(serve(f, "GET", "/api/training-runs/agents/list", NULL), 200);
    assert_served(f, 200, "{\"agent_ids\":[\"a\"]}");
    f->store.account = "other"; /* another account's run */
    assert_int_equal(serve(f, "GET", RUNS "/r1", NULL), 404);
    serve(f, "GET", "/api/training-runs/agents/list", NULL);
    assert_served(f, 200, "{\"agent_ids\":[]}");
}

static void
a_wrong_key_is_never_anonymous(void **state)
{
    struct served *f = *state;

    f->params[0] = "HTTP_X_API_KEY=ak_bad";
    serve(f, "GET", RUNS, NULL);
    assert_refused(f, 401, "key_wrong", NULL);
}

static void
two_keys_are_one_too_many(void **state)
{
    struct served *f = *state;

    give_key(f, 0, "ak_good", "acme", STORE_SCOPE_READ);
    f->params[0] = "HTTP_X_API_KEY=ak_good";
    f->params[1] = "HTTP_X_API_KEY=ak_good";
    serve(f, "GET", RUNS, NULL);
    assert_refused(f, 401, "key_wrong", NULL);
    assert_int_equal(f->store.calls, 0);
}

static void
a_scope_allows_what_it_names(void **state)
{
    static const struct {
        unsigned scopes;
        const char *method, *path;
        int status;
    } cases[] = {
        {STORE_SCOPE_READ, "GET", RUNS, 200},
        {STORE_SCOPE_READ, "HEAD", RUNS, 200},
        {STORE_SCOPE_READ, "POST", RUNS, 403},
        {STORE_SCOPE_READ, "POST", RUNS "/r1/complete", 403},
        {STORE_SCOPE_WRITE, "GET", RUNS, 403},
        {STORE_SCOPE_WRITE, "POST", RUNS, 201},
        {STORE_SCOPE_READ | STORE_SCOPE_WRITE, "GET", RUNS, 200},
        {STORE_SCOPE_ADMIN, "GET", RUNS, 403},
        {STORE_SCOPE_ADMIN, "POST", RUNS, 403},
        {0, "GET", RUNS, 403},
    };
    struct served *f = *state;

    f->params[0] = "HTTP_X_API_KEY=ak";
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        give_key(f, 0, "ak", "local", cases[i].scopes);
        serve(f, cases[i].method, cases[i].path,
              cases[i].method[0] == 'P' ? "{\"run_id\":\"r1\"}" : NULL);
        if (f->status != cases[i].status)
            fail_msg("case %zu: %d", i, f->status);
        if (f->status == 403)
            assert_string_equal(f->err.code, "scope_missing");
    }
}

static void
no_key_is_needed_to_ask_for_health(void **state)
{
    struct served *f = *state;

    f->limits.anonymous = "";
    f->params[0] = "HTTP_X_API_KEY=ak_bad";
    f->params[1] = "HTTP_ORIGIN=http://evil";
    assert_int_equal(serve(f, "GET", "/healthz", NULL), 200);
    assert_string_equal(served_member(f, "status"), "\"ok\"");
    assert_int_equal(serve(f, "GET", "/readyz", NULL), 200);
    f->store.fail_with = API_STORE_UNAVAILABLE;
    assert_int_equal(serve(f, "GET", "/healthz", NULL), 200);
    serve(f, "GET", "/readyz", NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
}

static void
no_foreign_page_writes(void **state)
{
    static const struct {
        const char *origins, *origin, *fetch_site;
        int status; /* of a write */
    } cases[] = {
        {"", "NO=1", "NO=1", 201}, /* not a browser */
        {"", "HTTP_ORIGIN=http://h:8000", "NO=1", 201},
        {"", "HTTP_ORIGIN=http://h:8000", "HTTP_SEC_FETCH_SITE=same-origin", 201},
        {"", "NO=1", "HTTP_SEC_FETCH_SITE=same-origin", 201},
        {"", "NO=1", "HTTP_SEC_FETCH_SITE=none", 201},
        {"", "NO=1", "HTTP_SEC_FETCH_SITE=cross-site", 403},
        {"", "HTTP_ORIGIN=null", "NO=1", 403},
        {"", "HTTP_ORIGIN=http://evil", "NO=1", 403},
        {"", "HTTP_ORIGIN=http://evil", "HTTP_SEC_FETCH_SITE=same-origin", 403},
        {"", "HTTP_ORIGIN=https://h:8000", "NO=1", 403}, /* another scheme, another port */
        {"", "HTTP_ORIGIN=http://h", "NO=1", 403},
        {"", "HTTP_ORIGIN=http://h:80001", "NO=1", 403},
        {"", "HTTP_ORIGIN=http://h:8000.evil", "NO=1", 403},
        {"", "HTTP_ORIGIN=http://h:8000/", "NO=1", 403},
        {"", "HTTP_ORIGIN=http://evil/http://h:8000", "NO=1", 403},
        {"https://app.example", "HTTP_ORIGIN=https://app.example", "NO=1", 201},
        {"https://app.example", "HTTP_ORIGIN=https://app.example", "HTTP_SEC_FETCH_SITE=cross-site",
         201},
        {"https://a,https://b , https://c", "HTTP_ORIGIN=https://b", "NO=1", 201},
        {"https://a,https://b , https://c", "HTTP_ORIGIN=https://c", "NO=1", 201},
        {"https://app.example", "HTTP_ORIGIN=https://app.example.evil", "NO=1", 403},
        {"https://app.example", "HTTP_ORIGIN=https://app.exampl", "NO=1", 403},
        {"https://app.example", "HTTP_ORIGIN=null", "NO=1", 403},
        {"https://app.example", "NO=1", "HTTP_SEC_FETCH_SITE=cross-site", 403},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int keyed = 0; keyed < 2; keyed++) { /* whatever the credentials */
            f->limits.origins = cases[i].origins;
            f->params[0] = cases[i].origin;
            f->params[1] = cases[i].fetch_site;
            give_key(f, 0, "ak", "local", STORE_SCOPE_READ | STORE_SCOPE_WRITE);
            f->params[2] = keyed ? "HTTP_X_API_KEY=ak" : NULL;
            serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}");
            if (f->status != cases[i].status)
                fail_msg("case %zu: %d", i, f->status);
            if (f->status == 403)
                assert_string_equal(f->err.code, "cross_site");
            assert_int_equal(serve(f, "GET", RUNS, NULL), 200); /* reading is no matter */
        }
}

static void
refusals_come_in_the_contracts_order(void **state)
{
    static char large[10100];
    struct served *f = *state;

    memset(large, ' ', sizeof large - 1);
    f->limits.anonymous = "";
    f->params[0] = "CONTENT_TYPE=text/plain";
    f->params[1] = "HTTP_ORIGIN=http://evil";
    assert_int_equal(serve(f, "PUT", "/nowhere", large), 404);
    assert_int_equal(serve(f, "PUT", RUNS, large), 405);
    assert_int_equal(serve(f, "POST", RUNS, large), 401);
    f->limits.anonymous = "local";
    assert_int_equal(serve(f, "POST", RUNS, large), 413);
    assert_int_equal(serve(f, "POST", RUNS, "{"), 415);
    f->params[0] = "CONTENT_TYPE=application/json";
    assert_int_equal(serve(f, "POST", RUNS, "{"), 400);
    assert_int_equal(serve(f, "POST", RUNS "/r1/episodes", "{}"), 403);
    f->params[1] = NULL;
    assert_int_equal(serve(f, "POST", RUNS "/r1/episodes", "{}"), 404);
    serve(f, "POST", RUNS, "{\"run_id\":\"r1\",\"config\":{\"a\":1}}");
    assert_int_equal(serve(f, "POST", RUNS "/r1/episodes", "{}"), 422);
    assert_int_equal(serve(f, "POST", RUNS, "{\"run_id\":\"r1\",\"config\":{}}"), 409);
}

static void
a_store_that_is_down_cannot_tell_keys(void **state)
{
    struct served *f = *state;

    f->store.fail_with = API_STORE_UNAVAILABLE;
    f->params[0] = "HTTP_X_API_KEY=ak";
    serve(f, "GET", RUNS, NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
    assert_non_null(strstr(f->wire.text, "Retry-After: 1\r\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(without_a_key_only_this_machine_gets_in),
        SERVE_TEST(a_key_names_the_account),
        SERVE_TEST(a_wrong_key_is_never_anonymous),
        SERVE_TEST(two_keys_are_one_too_many),
        SERVE_TEST(a_scope_allows_what_it_names),
        SERVE_TEST(no_key_is_needed_to_ask_for_health),
        SERVE_TEST(no_foreign_page_writes),
        SERVE_TEST(refusals_come_in_the_contracts_order),
        SERVE_TEST(a_store_that_is_down_cannot_tell_keys),
    };

    return cmocka_run_group_tests_name("route_access", tests, NULL, NULL);
}
