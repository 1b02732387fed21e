/* test_live_interest.c - which runs somebody listens to; the store is faked. */
#include "live/live_interest.h"
#include "live/live_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define OID_A "aaaaaaaaaaaaaaaaaaaaaaaa"
#define OID_B "bbbbbbbbbbbbbbbbbbbbbbbb"

/* The fake: what it answers, and how often it was asked. */
static const char *oid_found = "";
static bool store_works = true;
static int looks;

bool
store_watch_find_run(struct store *store, const char *account, const char *run_id,
                     char oid[RUN_OID_SIZE], struct api_error *err)
{
    (void)store;
    (void)account;
    (void)run_id;
    looks++;
    snprintf(oid, RUN_OID_SIZE, "%s", oid_found);
    return store_works || api_fail(err, API_STORE_UNAVAILABLE, NULL);
}

/* Not called; here so that the linker leaves the real file out. */
bool
store_watch_runs(struct store *store, const char *const *oids, size_t count,
                 store_watch_run_visit *visit, void *context, struct api_error *err)
{
    (void)store;
    (void)oids;
    (void)count;
    (void)visit;
    (void)context;
    return api_fail(err, API_INTERNAL, NULL);
}

static int
set_up(void **state)
{
    oid_found = OID_A;
    store_works = true;
    looks = 0;
    *state = live_interests_new();
    return *state == NULL;
}

static int
tear_down(void **state)
{
    live_interests_free(*state);
    return 0;
}

static bool
settle(struct live_interests *interests)
{
    struct api_error err = {.id = API_OK};

    return live_interests_settle(interests, NULL, &err);
}

static void
a_run_is_found_by_its_key_while_somebody_listens(void **state)
{
    struct live_interest *interest;

    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_null(live_interests_of(*state, OID_A)); /* not looked up yet */
    assert_true(settle(*state));
    assert_int_equal(looks, 1);
    interest = live_interests_of(*state, OID_A);
    assert_non_null(interest);
    assert_string_equal(interest->account, "acme");
    assert_null(live_interests_of(*state, OID_B));
    live_interests_remove(*state, "acme", "run-1");
    assert_non_null(live_interests_of(*state, OID_A));
    live_interests_remove(*state, "acme", "run-1");
    assert_null(live_interests_of(*state, OID_A));
    live_interests_remove(*state, "acme", "run-1"); /* once too often */
    assert_true(settle(*state));
    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_true(settle(*state));
    assert_int_equal(looks, 2); /* it had been forgotten */
}

static void
a_look_up_that_fails_is_done_again(void **state)
{
    assert_true(live_interests_add(*state, "acme", "run-1"));
    store_works = false;
    assert_false(settle(*state));
    store_works = true;
    assert_true(settle(*state));
    assert_non_null(live_interests_of(*state, OID_A));
}

static void
a_run_may_be_made_purged_and_made_again(void **state)
{
    oid_found = "";
    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_true(settle(*state));
    live_interests_born(*state, "else", "run-1", OID_B); /* another account's */
    assert_null(live_interests_of(*state, OID_B));
    live_interests_born(*state, "acme", "run-1", OID_A);
    assert_non_null(live_interests_of(*state, OID_A));
    live_interests_gone(*state, OID_A);
    assert_null(live_interests_of(*state, OID_A));
    live_interests_born(*state, "acme", "run-1", OID_B);
    assert_non_null(live_interests_of(*state, OID_B));
}

static void
what_is_still_to_be_told_is_not_forgotten(void **state)
{
    struct live_interest *interest;

    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_true(settle(*state));
    interest = live_interests_of(*state, OID_A);
    assert_non_null(interest);
    interest->active = true;
    live_interests_remove(*state, "acme", "run-1");
    assert_true(settle(*state));
    assert_string_equal(interest->run_id, "run-1"); /* not freed: ASan would tell */
    interest->active = false;
    assert_true(settle(*state));
    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_true(settle(*state));
    assert_int_equal(looks, 2);
}

static void
during_a_replay_commits_are_told_apart(void **state)
{
    struct live_interest *interest;

    assert_false(live_interests_replay(*state, "acme", "run-1")); /* nobody listens */
    assert_true(live_interests_add(*state, "acme", "run-1"));
    assert_true(settle(*state));
    interest = live_interests_of(*state, OID_A);
    assert_non_null(interest);
    interest->gather.seq = 10;
    assert_true(live_interests_together(*state, interest));
    assert_true(live_interests_replay(*state, "acme", "run-1"));
    assert_false(live_interests_together(*state, interest));
    live_interests_replayed(*state, "acme", "run-1", 12);
    assert_false(live_interests_together(*state, interest)); /* 10 was replayed, 13 was not */
    interest->gather.seq = 13;
    assert_true(live_interests_together(*state, interest));
    /* A replay keeps the run known, though nobody listens any more. */
    assert_true(live_interests_replay(*state, "acme", "run-1"));
    live_interests_remove(*state, "acme", "run-1");
    assert_true(settle(*state));
    live_interests_replayed(*state, "acme", "run-1", 14);
    assert_true(settle(*state));
}

static void
there_are_only_so_many(void **state)
{
    char run_id[16];

    for (int i = 0; i < LIVE_INTERESTS_MAX; i++) {
        snprintf(run_id, sizeof run_id, "r%d", i);
        assert_true(live_interests_add(*state, "acme", run_id));
    }
    assert_false(live_interests_add(*state, "acme", "one-more"));
    assert_true(live_interests_add(*state, "acme", "r7")); /* it is there already */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_found_by_its_key_while_somebody_listens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_look_up_that_fails_is_done_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_may_be_made_purged_and_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_still_to_be_told_is_not_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(during_a_replay_commits_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_only_so_many, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("live_interest", tests, NULL, NULL);
}
