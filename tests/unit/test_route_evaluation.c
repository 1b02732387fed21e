/* test_route_evaluation.c - evaluations of a run, against a fake store. */
#include "base/auto.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/serve.h"

#define RUN "/api/training-runs/r1"
#define PATH RUN "/evaluations"
#define BODY(reward)                                                                  \
    "{\"checkpoint_path\":\"c.pt\",\"opponent_type\":\"random\",\"games_played\":40," \
    "\"win_rate\":0.5,\"avg_reward\":" reward ",\"avg_game_length\":31.5}"
#define SHOWN(id, reward)                                                                      \
    "{\"id\":\"" id "\",\"run_id\":\"r1\",\"checkpoint_path\":\"c.pt\","                       \
    "\"opponent_type\":\"random\",\"games_played\":40,\"win_rate\":0.5,\"avg_reward\":" reward \
    ",\"avg_game_length\":31.5,\"created_at\":\"2023-11-14T22:23:19.000Z\"}"
#define ID_0 "000000000000000000000000"
#define ID_1 "000000000000000000000001"

static struct served *
with_run(void **state)
{
    struct served *f = *state;

    memset(&fake_evaluations, 0, sizeof fake_evaluations);
    serve(f, "POST", "/api/training-runs", "{\"run_id\":\"r1\"}");
    return f;
}

static void
an_evaluation_is_stored_and_shown(void **state)
{
    struct served *f = with_run(state);

    serve(f, "POST", PATH, BODY("-1.5"));
    assert_served(f, 201, SHOWN(ID_0, "-1.5"));
    assert_string_equal(fake_evaluations.account, "local");
    serve(f, "POST", PATH, BODY("\"NaN\""));
    assert_served(f, 201, SHOWN(ID_1, "\"NaN\""));
    serve(f, "GET", PATH "/", NULL);
    assert_served(f, 200, "[" SHOWN(ID_1, "\"NaN\"") "," SHOWN(ID_0, "-1.5") "]");
    assert_non_null(strstr(f->wire.text, "\r\nX-Total-Count: 2\r\n"));
    assert_null(strstr(f->wire.text, "\r\nLink:"));
    assert_int_equal(fake_evaluations.query.limit, 50);
    assert_int_equal(fake_evaluations.query.offset, 0);
    assert_null(fake_evaluations.query.from_id);
}

static void
a_repeat_with_the_same_key_is_the_same(void **state)
{
    struct served *f = with_run(state);

    f->params[0] = "HTTP_IDEMPOTENCY_KEY=k";
    for (int i = 0; i < 3; i++) {
        serve(f, "POST", PATH, BODY("2.0"));
        assert_served(f, 201, SHOWN(ID_0, "2.0"));
    }
    serve(f, "POST", PATH, BODY("3.0"));
    assert_refused(f, 422, "validation_failed", "Idempotency-Key");
    f->params[0] = "HTTP_IDEMPOTENCY_KEY=l";
    serve(f, "POST", PATH, BODY("3.0"));
    assert_served(f, 201, SHOWN(ID_1, "3.0"));
    assert_int_equal(fake_evaluations.count, 2);
}

static void
a_key_that_is_none_is_a_fault_beside_the_others(void **state)
{
    char longest[64 + STORE_IDEMPOTENCY_KEY_MAX + 1] = "HTTP_IDEMPOTENCY_KEY=";
    const size_t name = strlen(longest);
    struct served *f = with_run(state);

    memset(longest + name, 'k', STORE_IDEMPOTENCY_KEY_MAX);
    f->params[0] = longest;
    assert_int_equal(serve(f, "POST", PATH, BODY("1.0")), 201);
    longest[name + STORE_IDEMPOTENCY_KEY_MAX] = 'k';
    serve(f, "POST", PATH, "{\"games_played\":1,\"win_rate\":1,\"avg_reward\":1}");
    assert_refused(f, 422, "validation_failed", "checkpoint_path");
    assert_int_equal(f->err.fault_count, 4);
    assert_string_equal(f->err.faults[3].field, "Idempotency-Key");
    f->params[0] = "HTTP_IDEMPOTENCY_KEY=\xc3\xa9";
    serve(f, "POST", PATH, BODY("1.0"));
    assert_refused(f, 422, "validation_failed", "Idempotency-Key");
    assert_int_equal(fake_evaluations.count, 1);
}

static void
a_page_has_a_link_to_the_next(void **state)
{
    struct served *f = with_run(state);

    for (int i = 0; i < 3; i++)
        serve(f, "POST", PATH, BODY("1.0"));
    serve(f, "GET", PATH "?limit=2&offset=0", NULL);
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(f->wire.text,
                           "\r\nLink: <http://h:8000" PATH "?limit=2&cursor=1700000599000_" ID_1
                           ">; rel=\"next\"\r\n"));
    serve(f, "GET", PATH "?limit=2&cursor=1700000599000_" ID_1, NULL);
    assert_int_equal(f->status, 200);
    assert_int_equal(fake_evaluations.query.from_ms, INT64_C(1700000599000));
    assert_string_equal(fake_evaluations.from_id, ID_1);
}

static void
a_wrong_parameter_is_a_fault(void **state)
{
    static const struct {
        const char *target, *field;
    } cases[] = {
        {PATH "?limit=0", "limit"},
        {PATH "?limit=501", "limit"},
        {PATH "?offset=-1", "offset"},
        {PATH "?offset=1000000001", "offset"},
        {PATH "?cursor=x", "cursor"},
        {PATH "?cursor=1_", "cursor"},
        {PATH "?cursor=_" ID_0, "cursor"},
        {PATH "?cursor=1_" ID_0 "0", "cursor"},
        {PATH "?cursor=1_00000000000000000000000G", "cursor"},
        {PATH "?cursor=99999999999999999999_" ID_0, "cursor"},
    };
    struct served *f = with_run(state);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        serve(f, "GET", cases[i].target, NULL);
        assert_refused(f, 422, "validation_failed", cases[i].field);
    }
    serve(f, "GET", PATH "?limit=0&offset=-1&cursor=x", NULL);
    assert_int_equal(f->err.fault_count, 3);
}

static void
a_run_that_is_not_there_comes_before_all_else(void **state)
{
    struct served *f = with_run(state);

    serve(f, "GET", "/api/training-runs/r2/evaluations?limit=0", NULL);
    assert_refused(f, 404, "run_not_found", NULL);
    serve(f, "POST", "/api/training-runs/r2/evaluations", "{}");
    assert_refused(f, 404, "run_not_found", NULL);
    assert_int_equal(fake_evaluations.count, 0);
}

static void
a_store_that_fails_is_told(void **state)
{
    struct served *f = with_run(state);

    f->store.fail_with = API_STORE_UNAVAILABLE;
    serve(f, "GET", PATH, NULL);
    assert_refused(f, 503, "store_unavailable", NULL);
    serve(f, "POST", PATH, BODY("1.0"));
    assert_refused(f, 503, "store_unavailable", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(an_evaluation_is_stored_and_shown),
        SERVE_TEST(a_repeat_with_the_same_key_is_the_same),
        SERVE_TEST(a_key_that_is_none_is_a_fault_beside_the_others),
        SERVE_TEST(a_page_has_a_link_to_the_next),
        SERVE_TEST(a_wrong_parameter_is_a_fault),
        SERVE_TEST(a_run_that_is_not_there_comes_before_all_else),
        SERVE_TEST(a_store_that_fails_is_told),
    };

    return cmocka_run_group_tests_name("route_evaluation", tests, NULL, NULL);
}
