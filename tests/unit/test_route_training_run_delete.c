/* test_route_training_run_delete.c - deletion and its undoing, against a fake store. */
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define RUNS "/api/training-runs"

static void
create(struct served *f)
{
    f->limits.retention_ms = 1234;
    assert_int_equal(serve(f, "POST", RUNS, "{\"run_id\":\"r1\"}"), 201);
    f->store.runs[0].summary = (struct run_summary){.episodes = 7};
}

static void
delete_answers_204_without_a_body_or_its_type(void **state)
{
    struct served *f = *state;

    create(f);
    assert_int_equal(serve(f, "DELETE", RUNS "/R1/", NULL), 404); /* only UUIDs mind no case */
    assert_int_equal(serve(f, "DELETE", RUNS "/r1/", NULL), 204);
    assert_true(f->whole);
    assert_string_equal(memory_wire_body(&f->wire), "");
    assert_non_null(strstr(f->wire.text, "Status: 204 No Content\r\n"));
    assert_null(strstr(f->wire.text, "Content-Type"));
    assert_int_equal(f->store.runs[0].deleted_ms, SERVE_NOW_MS);
    assert_int_equal(f->store.audit.retention_ms, 1234);
    assert_string_equal(f->store.audit.actor, "anonymous");
}

static void
delete_refuses_what_is_not_there(void **state)
{
    struct served *f = *state;

    create(f);
    serve(f, "DELETE", RUNS "/r2", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    serve(f, "DELETE", RUNS "/a%20b", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    serve(f, "DELETE", RUNS "/r1", NULL);
    serve(f, "DELETE", RUNS "/r1", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    f->store.fail_with = API_STORE_UNAVAILABLE;
    serve(f, "DELETE", RUNS "/r1", NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
}

static void
restore_answers_as_a_write_does(void **state)
{
    struct served *f = *state;

    create(f);
    serve(f, "DELETE", RUNS "/r1", NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(serve(f, "POST", RUNS "/r1/restore", i == 0 ? NULL : "no json"), 200);
        assert_string_equal(served_member(f, "run_id"), "\"r1\"");
        assert_string_equal(served_member(f, "metrics_truncated"), "true");
        assert_json_equal(served_member(f, "metrics"), "{\"episodes\":[],\"rolling_win_rate\":[]}");
        assert_int_equal(f->store.runs[0].deleted_ms, 0);
    }
    serve(f, "POST", RUNS "/r2/restore", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(delete_answers_204_without_a_body_or_its_type),
        SERVE_TEST(delete_refuses_what_is_not_there),
        SERVE_TEST(restore_answers_as_a_write_does),
    };

    return cmocka_run_group_tests_name("route_training_run_delete", tests, NULL, NULL);
}
