/* test_route_episode.c - reports of episodes, in both families, against a fake store. */
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define V1 "/api/v1/training/runs/r1/episodes"
#define LOG "/api/training-runs/r1/episodes"
#define THREE "{\"episodes\":[{\"episode\":1},{\"episode\":2,\"roi_pct\":1},{\"episode\":3}]}"
#define SIX                                                                           \
    "{\"episodes\":[{\"episode\":1},{\"episode\":2},{\"episode\":3},{\"episode\":4}," \
    "{\"episode\":5},{\"episode\":6}]}"

static int
set_up(void **state)
{
    struct served *f;

    serve_set_up(state);
    f = *state;
    assert_int_equal(serve(f, "POST", "/api/v1/training/runs", "{\"run_id\":\"r1\"}"), 201);
    return 0;
}

static void
a_report_gives_the_run_after_it(void **state)
{
    struct served *f = *state;

    assert_int_equal(serve(f, "POST", V1, "{\"episode_number\":1,\"roi_pct\":3.7}"), 200);
    assert_string_equal(served_member(f, "run_id"), "\"r1\"");
    assert_string_equal(served_member(f, "episodes_completed"), "1");
    assert_int_equal(serve(f, "POST", V1 "/batch", THREE), 200);
    assert_string_equal(served_member(f, "total_episodes"), "4");
    assert_int_equal(f->store.puts, 2);
    assert_int_equal(f->store.put_count, 4);
}

static void
the_other_family_gets_a_receipt(void **state)
{
    struct served *f = *state;

    serve(f, "POST", LOG, "{\"episode\":1,\"total_reward\":3.7,\"steps\":3}");
    assert_served(f, 200,
                  "{\"run_id\":\"r1\",\"accepted\":1,\"inserted\":1,\"replaced\":0,"
                  "\"episodes\":1,\"status\":\"running\"}");
    serve(f, "POST", LOG, THREE);
    assert_served(f, 200,
                  "{\"run_id\":\"r1\",\"accepted\":3,\"inserted\":3,\"replaced\":0,"
                  "\"episodes\":4,\"status\":\"running\"}");
    serve(f, "POST", LOG, "{\"episodes\":[{\"episode\":9},{\"episode\":9}]}");
    assert_served(f, 200,
                  "{\"run_id\":\"r1\",\"accepted\":2,\"inserted\":1,\"replaced\":0,"
                  "\"episodes\":5,\"status\":\"running\"}");
}

static void
a_bad_report_is_refused_and_nothing_is_stored(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *field;
    } cases[] = {
        {V1, "{}", 422, "episode_number"},
        {V1, "{\"episode_number\":0}", 422, "episode_number"},
        {V1, "{\"episode_number\":1,\"roi_pct\":\"x\"}", 422, "roi_pct"},
        {V1, THREE, 422, "episode_number"},
        {V1 "/batch", "{\"episode_number\":1}", 422, "episodes"},
        {V1 "/batch", "{\"episodes\":[]}", 422, "episodes"},
        {V1 "/batch", SIX, 422, "episodes"},
        {V1 "/batch", "{\"episodes\":[{\"episode\":1},{\"episode\":2,\"win\":7}]}", 422,
         "episodes[1].win"},
        {LOG, SIX, 422, "episodes"},
        {LOG, "[]", 422, ""},
        {LOG, "{\"episode\":1,\"steps\":1e400}", 400, NULL},
        {LOG, "", 400, NULL},
    };
    struct served *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "POST", cases[i].path, cases[i].body);
        if (f->status != cases[i].status)
            fail_msg("case %zu: %d", i, f->status);
        if (cases[i].field != NULL)
            assert_refused(f, 422, "validation_failed", cases[i].field);
        assert_int_equal(f->store.puts, 0);
    }
}

static void
no_such_run_comes_before_a_wrong_report(void **state)
{
    static const char *const bodies[] = {"{}", "{\"episode_number\":1}", "{\"episodes\":7}", "[]"};
    static const char *const paths[] = {
        "/api/v1/training/runs/r2/episodes",
        "/api/v1/training/runs/r2/episodes/batch",
        "/api/training-runs/r2/episodes",
        "/api/training-runs/_not-an-id/episodes",
    };
    struct served *f = *state;

    for (size_t p = 0; p < COUNT_OF(paths); p++)
        for (size_t i = 0; i < COUNT_OF(bodies); i++) {
            if (p == 1 && i == 1)
                continue;
            serve(f, "POST", paths[p], bodies[i]);
            assert_refused(f, 404, "run_not_found", NULL);
        }
}

static void
every_batch_route_has_the_same_room(void **state)
{
    static char body[15000];
    struct served *f = *state;

    strcpy(body, THREE);
    memset(body + strlen(THREE), ' ', 14000);
    assert_int_equal(serve(f, "POST", V1 "/batch", body), 200);
    assert_int_equal(serve(f, "POST", LOG, body), 200);
}

static void
a_batch_has_more_room_than_a_report(void **state)
{
    static char body[30000];
    struct served *f = *state;

    strcpy(body, "{\"episode_number\":1");
    memset(body + strlen(body), ' ', 12000);
    strcat(body, "}");
    serve(f, "POST", V1, body);
    assert_refused(f, 413, "body_too_large", NULL);
    assert_int_equal(serve(f, "POST", LOG, body), 200);
    memset(body + strlen(body) - 1, ' ', 9000);
    strcat(body, "}");
    serve(f, "POST", LOG, body);
    assert_refused(f, 413, "body_too_large", NULL);
    serve(f, "POST", V1 "/batch", body);
    assert_refused(f, 413, "body_too_large", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, serve_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_report_gives_the_run_after_it),
        TEST(the_other_family_gets_a_receipt),
        TEST(a_bad_report_is_refused_and_nothing_is_stored),
        TEST(no_such_run_comes_before_a_wrong_report),
        TEST(every_batch_route_has_the_same_room),
        TEST(a_batch_has_more_room_than_a_report),
    };

    return cmocka_run_group_tests_name("route_episode", tests, NULL, NULL);
}
