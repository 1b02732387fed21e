/* test_route_audit.c - the audit's list: its parameters, entries and link, against a fake store. */
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define AUDIT "/api/audit"
#define KEY "ak_0123456789012345678901234567890123456789012"
#define ID "0123456789abcdef01234567"

static const struct store_audit_entry some[] = {
    {.by = {.account = "acme", .actor = "key-1", .request_id = "req-9", .now_ms = 2000},
     .action = "run.delete",
     .subject = "r \"1\"",
     .id = "ffffffffffffffffffffffff"},
    {.by = {.account = "acme", .actor = "training-admin", .now_ms = 1000},
     .action = "key.create",
     .subject = "k1",
     .id = ID},
};

static int
set_up(void **state)
{
    struct served *f;

    serve_set_up(state);
    f = *state;
    f->store.keys[0] =
        (struct store_key){.id = "key-1", .account = "acme", .scopes = STORE_SCOPE_ADMIN};
    f->store.key_texts[0] = KEY;
    f->params[0] = "HTTP_X_API_KEY=" KEY;
    f->store.audit.entries = some;
    f->store.audit.entry_count = COUNT_OF(some);
    return 0;
}

static void
entries_are_told_with_the_details_they_have(void **state)
{
    AUTO_JSON *details = json_of("{\"changed\":[\"notes\"]}");
    const struct store_audit_entry entries[] = {
        {.by = some[0].by, .action = "run.change", .subject = "r1", .details = details, .id = ID},
        some[1],
    };
    struct served *f = *state;

    f->store.audit.entries = entries;
    serve(f, "GET", AUDIT, NULL);
    assert_served(f, 200,
                  "{\"entries\":["
                  "{\"at\":\"1970-01-01T00:00:02.000Z\",\"actor\":\"key-1\","
                  "\"action\":\"run.change\",\"subject\":\"r1\",\"request_id\":\"req-9\","
                  "\"details\":{\"changed\":[\"notes\"]}},"
                  "{\"at\":\"1970-01-01T00:00:01.000Z\",\"actor\":\"training-admin\","
                  "\"action\":\"key.create\",\"subject\":\"k1\",\"request_id\":null}]}");
    assert_null(strstr(f->wire.text, "\r\nLink:"));
    assert_string_equal(f->store.audit.query.account, "acme");
    assert_int_equal(f->store.audit.query.limit, 100);
    assert_null(f->store.audit.query.from_id);
}

static void
parameters_reach_the_store(void **state)
{
    struct served *f = *state;
    const struct store_audit_query *query = &f->store.audit.query;

    assert_int_equal(serve(f, "GET",
                           AUDIT "?since=1970-01-01T00:00:01Z&until=1970-01-01T00:00:03Z"
                                 "&limit=1000&cursor=2500_" ID "&action=&actor=&subject=",
                           NULL),
                     200);
    assert_int_equal(query->since_ms, 1000);
    assert_int_equal(query->until_ms, 3000);
    assert_int_equal(query->limit, 1000);
    assert_int_equal(query->from_ms, 2500);
    assert_non_null(query->from_id);
    assert_null(query->action);
    assert_null(query->actor);
    assert_null(query->subject);
}

static void
a_page_that_is_not_the_last_links_to_the_next(void **state)
{
    struct served *f = *state;

    f->store.audit.more = true;
    assert_int_equal(serve(f, "GET", AUDIT "?limit=2&action=a%20b&cursor=9_" ID "&actor=", NULL),
                     200);
    assert_non_null(strstr(f->wire.text,
                           "\r\nLink: <http://h:8000" AUDIT "?limit=2&action=a%20b&cursor=1000_" ID
                           ">; rel=\"next\"\r\n"));
}

static void
what_is_no_parameter_is_named(void **state)
{
    static const struct {
        const char *query, *field;
    } cases[] = {
        {"limit=0", "limit"},
        {"limit=1001", "limit"},
        {"since=x", "since"},
        {"until=2026-02-30", "until"},
        {"cursor=x", "cursor"},
        {"cursor=_" ID, "cursor"},
        {"cursor=1" ID, "cursor"},
        {"cursor=1_" ID "0", "cursor"},
        {"cursor=1_0123456789ABCDEF01234567", "cursor"},
        {"cursor=1_", "cursor"},
        {"cursor=99999999999999999999_" ID, "cursor"},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char target[256];

        snprintf(target, sizeof target, AUDIT "?%s", cases[i].query);
        serve(f, "GET", target, NULL);
        assert_refused(f, 422, "validation_failed", cases[i].field);
    }
    serve(f, "GET", AUDIT "?limit=0&since=x&until=y&cursor=z", NULL);
    assert_int_equal(f->err.fault_count, 4);
}

static void
a_link_that_would_be_too_long_is_left_out(void **state)
{
    struct served *f = *state;
    char target[4000] = AUDIT "?actor=";

    f->store.audit.more = true;
    memset(target + strlen(target), 'a', 2100);
    assert_int_equal(serve(f, "GET", target, NULL), 200);
    assert_null(strstr(f->wire.text, "\r\nLink:"));
}

static void
only_the_admin_scope_reads_it(void **state)
{
    struct served *f = *state;

    f->store.keys[0].scopes = STORE_SCOPE_READ | STORE_SCOPE_WRITE;
    serve(f, "GET", AUDIT, NULL);
    assert_refused(f, 403, "scope_missing", NULL);
    f->store.keys[0].scopes = STORE_SCOPE_ADMIN;
    f->params[0] = NULL;
    serve(f, "GET", AUDIT, NULL);
    assert_refused(f, 403, "scope_missing", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, serve_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_told_with_the_details_they_have),   TEST(parameters_reach_the_store),
        TEST(a_page_that_is_not_the_last_links_to_the_next), TEST(what_is_no_parameter_is_named),
        TEST(a_link_that_would_be_too_long_is_left_out),     TEST(only_the_admin_scope_reads_it),
    };

    return cmocka_run_group_tests_name("route_audit", tests, NULL, NULL);
}
