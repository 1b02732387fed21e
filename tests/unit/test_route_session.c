/* test_route_session.c - keys and sessions over HTTP, and writes that are counted. */
#include "routes/routes.h"

#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define RUNS "/api/v1/training/runs"

/* The key "ak_boss" of the account acme, which may do everything. */
static void
be_boss(struct served *f)
{
    f->store.account = "acme";
    f->store.key_texts[0] = "ak_boss";
    f->store.keys[0] = (struct store_key){.id = "00000000000000bb",
                                          .account = "acme",
                                          .scopes = STORE_SCOPE_READ | STORE_SCOPE_ADMIN,
                                          .created_ms = 1};
    f->params[0] = "HTTP_X_API_KEY=ak_boss";
}

static void
a_key_is_made_and_told_of(void **state)
{
    struct served *f = *state;

    be_boss(f);
    serve(f, "POST", "/api/keys", "{\"name\":\"t\",\"scopes\":[\"write\"]}");
    assert_served(f, 201,
                  "{\"id\":\"00000000000000aa\",\"name\":\"t\",\"scopes\":[\"write\"],"
                  "\"created_at\":\"1970-01-01T00:00:00.001Z\",\"revoked_at\":null,"
                  "\"api_key\":\"ak_new\"}");
    assert_non_null(strstr(f->wire.text, "\r\nCache-Control: no-store\r\n"));
    assert_string_equal(f->store.keys[FAKE_KEYS_MAX - 1].account, "acme");
    assert_string_equal(f->store.audit.noted[0], "key.create 00000000000000aa");
    serve(f, "GET", "/api/keys", NULL);
    assert_null(strstr(f->wire.text, "ak_"));
    assert_non_null(strstr(served_member(f, "keys"), "\"00000000000000bb\""));
    assert_non_null(strstr(served_member(f, "keys"), "\"00000000000000aa\""));
}

static void
what_is_wrong_with_a_key_is_told(void **state)
{
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"{\"name\":5}", "name"},
        {"{\"name\":\"\\n\"}", "name"},
        {"{\"scopes\":[]}", "scopes"},
        {"{\"scopes\":[\"read\",\"all\"]}", "scopes"},
        {"{\"scopes\":\"read\"}", "scopes"},
        {"[]", ""},
    };
    struct served *f = *state;

    be_boss(f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "POST", "/api/keys", cases[i].body);
        assert_refused(f, 422, "validation_failed", cases[i].field);
    }
    assert_int_equal(f->store.sessions.made, 0);
}

static void
only_the_accounts_own_key_is_revoked_and_noted_once(void **state)
{
    struct served *f = *state;

    be_boss(f);
    f->store.keys[1] = (struct store_key){.id = "00000000000000cc", .account = "other"};
    serve(f, "DELETE", "/api/keys/00000000000000cc", NULL);
    assert_refused(f, 404, "key_not_found", NULL);
    serve(f, "DELETE", "/api/keys/00000000000000bbb", NULL);
    assert_refused(f, 404, "key_not_found", NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(serve(f, "DELETE", "/api/keys/00000000000000bb", NULL), 204);
    assert_int_equal(f->store.sessions.revoked, 1);
    assert_int_equal(f->store.audit.notes, 1);
}

static void
a_session_opens_stands_for_its_key_and_ends(void **state)
{
    struct served *f = *state;

    be_boss(f);
    f->params[0] = NULL;
    serve(f, "POST", "/api/session", "{\"api_key\":\"ak_boss\"}");
    assert_served(f, 200,
                  "{\"account\":\"acme\",\"scopes\":[\"read\",\"admin\"],\"anonymous\":false}");
    assert_non_null(strstr(f->wire.text, "\r\nSet-Cookie: training_session=" FAKE_TOKEN
                                         "; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict\r\n"));
    assert_int_equal(f->store.sessions.life_ms, 3600000);
    f->params[0] = "HTTP_COOKIE=training_session=" FAKE_TOKEN;
    f->params[1] = "REMOTE_ADDR=10.0.0.1";
    assert_int_equal(serve(f, "GET", "/api/keys", NULL), 200);
    assert_int_equal(serve(f, "DELETE", "/api/session", NULL), 204);
    assert_non_null(strstr(f->wire.text, "Set-Cookie: training_session=; Path=/; Max-Age=0;"));
    serve(f, "GET", "/api/keys", NULL);
    assert_refused(f, 401, "session_over", NULL);
    assert_non_null(strstr(f->wire.text, "Set-Cookie: training_session=; Path=/; Max-Age=0;"));
    assert_string_equal(f->store.audit.noted[0], "session.create 00000000000000bb");
    assert_string_equal(f->store.audit.noted[1], "session.delete 00000000000000bb");
}

static void
the_cookie_is_for_https_alone_where_the_page_came_by_it(void **state)
{
    struct served *f = *state;

    be_boss(f);
    f->params[0] = "REQUEST_SCHEME=https";
    serve(f, "POST", "/api/session", "{\"api_key\":\"ak_boss\"}");
    assert_non_null(strstr(f->wire.text, "; SameSite=Strict; Secure\r\n"));
}

static void
a_key_wins_over_a_cookie(void **state)
{
    struct served *f = *state;

    be_boss(f);
    f->params[1] = "HTTP_COOKIE=training_session=" FAKE_TOKEN;
    assert_int_equal(serve(f, "GET", "/api/keys", NULL), 200);
    f->params[0] = "HTTP_X_API_KEY=ak_bad";
    serve(f, "GET", "/api/keys", NULL);
    assert_refused(f, 401, "key_wrong", NULL);
}

static void
writes_are_counted_and_reads_are_not(void **state)
{
    struct served *f = *state;
    int refused = 0;

    f->rates = rates_new();
    f->limits.write_rate = 3;
    for (int i = 0; i < 5; i++) {
        const int status = serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}");

        assert_non_null(strstr(f->wire.text, "\r\nRateLimit-Limit: 3\r\n"));
        refused += status == 429;
    }
    assert_true(refused >= 1);
    serve(f, "POST", RUNS, "{");
    if (f->status == 429)
        assert_non_null(strstr(f->wire.text, "\r\nRetry-After: 1\r\n"));
    for (int i = 0; i < 10; i++)
        assert_int_equal(serve(f, "GET", RUNS, NULL), 200);
    f->limits.write_rate = 0;
    for (int i = 0; i < 10; i++)
        assert_int_equal(serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}"), 201);
    rates_free(f->rates);
}

static void
a_run_is_tagged_before_its_episodes_are_read(void **state)
{
    struct served *f = *state;

    f->store.runs[0] = (struct run){.oid = "0123456789abcdef01234567", .id = "r1", .revision = 7};
    f->store.run_count = 1;
    f->params[0] = "HTTP_IF_NONE_MATCH=*";
    assert_int_equal(serve(f, "GET", RUNS "/r1", NULL), 304);
    assert_int_equal(f->store.calls, 1);
    assert_non_null(strstr(f->wire.text, "ETag: W/\"0123456789abcdef01234567-7-0-f-"));
    f->store.fail_with = API_STORE_UNAVAILABLE;
    assert_int_equal(serve(f, "GET", RUNS "/r1", NULL), 503);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(a_key_is_made_and_told_of),
        SERVE_TEST(what_is_wrong_with_a_key_is_told),
        SERVE_TEST(only_the_accounts_own_key_is_revoked_and_noted_once),
        SERVE_TEST(a_session_opens_stands_for_its_key_and_ends),
        SERVE_TEST(the_cookie_is_for_https_alone_where_the_page_came_by_it),
        SERVE_TEST(a_key_wins_over_a_cookie),
        SERVE_TEST(writes_are_counted_and_reads_are_not),
        SERVE_TEST(a_run_is_tagged_before_its_episodes_are_read),
    };

    return cmocka_run_group_tests_name("route_session", tests, NULL, NULL);
}
