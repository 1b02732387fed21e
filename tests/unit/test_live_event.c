/* test_live_event.c - reports become few events, and an event ends where a commit ends. */
#include "live/live_event.h"

#include "fakes/episode_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct live_gather gather;
    struct live_place place;
    char told[4096]; /* "seq:first-last(count) …" of each event */
    size_t used;
};

static int64_t
number_at(json_object *episodes, size_t i)
{
    json_object *number = NULL;

    assert_true(
        json_object_object_get_ex(json_object_array_get_idx(episodes, i), "episode", &number));
    return json_object_get_int64(number);
}

static void
sink(struct live_event *event, void *context)
{
    struct fixture *f = context;
    json_object *payload = json_tokener_parse(event->json);
    json_object *episodes, *seq, *run_id;
    size_t count;

    assert_non_null(payload);
    assert_int_equal(strlen(event->json), event->json_size);
    assert_int_equal(event->kind, LIVE_EPISODES);
    assert_string_equal(event->name, "episodes");
    assert_string_equal(event->account, "acme");
    assert_true(json_object_object_get_ex(payload, "episodes", &episodes));
    assert_true(json_object_object_get_ex(payload, "seq", &seq));
    assert_true(json_object_object_get_ex(payload, "run_id", &run_id));
    assert_int_equal(json_object_get_int64(seq), event->seq);
    assert_string_equal(json_object_get_string(run_id), "run-1");
    count = json_object_array_length(episodes);
    f->used += (size_t)snprintf(f->told + f->used, sizeof f->told - f->used, "%d:%d-%d(%zu) ",
                                (int)event->seq, (int)number_at(episodes, 0),
                                (int)number_at(episodes, count - 1), count);
    json_object_put(payload);
    live_event_free(event);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    live_gather_init(&f->gather);
    f->place =
        (struct live_place){.account = "acme", .run_id = "run-1", .sink = sink, .context = f};
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    live_gather_clear(&f->gather);
    free(f);
    return 0;
}

/* Episodes first to last, all of one commit. */
static void
commit(struct fixture *f, int64_t seq, int64_t first, int64_t last, bool together)
{
    for (int64_t n = first; n <= last; n++) {
        struct episode episode = EPISODE(n, 1000, REAL("total_reward", 1.5));

        live_gather_add(&f->gather, &episode, seq, together, &f->place);
    }
}

static void
commits_of_one_turn_share_an_event(void **state)
{
    struct fixture *f = *state;

    commit(f, 10, 1, 1, true);
    commit(f, 11, 2, 4, true);
    assert_string_equal(f->told, "");
    live_gather_flush(&f->gather, false, &f->place);
    assert_string_equal(f->told, "11:1-4(4) ");
    live_gather_flush(&f->gather, false, &f->place);
    assert_string_equal(f->told, "11:1-4(4) ");
}

static void
a_commit_that_is_not_complete_waits(void **state)
{
    struct fixture *f = *state;

    commit(f, 10, 1, 2, true);
    commit(f, 11, 3, 4, true);
    live_gather_flush(&f->gather, true, &f->place);
    assert_string_equal(f->told, "10:1-2(2) ");
    live_gather_flush(&f->gather, true, &f->place);
    commit(f, 11, 5, 6, true);
    live_gather_flush(&f->gather, false, &f->place);
    assert_string_equal(f->told, "10:1-2(2) 11:3-6(4) ");
}

static void
where_a_replay_ends_an_event_ends(void **state)
{
    struct fixture *f = *state;

    commit(f, 10, 1, 2, true);
    commit(f, 11, 3, 4, false);
    commit(f, 12, 5, 5, true);
    live_gather_flush(&f->gather, false, &f->place);
    assert_string_equal(f->told, "10:1-2(2) 12:3-5(3) ");
}

static void
an_event_is_bounded_but_no_commit_is_cut(void **state)
{
    struct fixture *f = *state;

    commit(f, 10, 1, 300, true);
    commit(f, 11, 301, 600, true);
    commit(f, 12, 1001, 2000, true); /* a batch of the largest size */
    commit(f, 13, 3001, 3001, true);
    live_gather_flush(&f->gather, false, &f->place);
    assert_string_equal(f->told, "11:1-600(600) 12:1001-2000(1000) 13:3001-3001(1) ");
}

static void
a_run_is_told_with_its_seq(void **state)
{
    struct run run = {.id = "run-1",
                      .status = RUN_RUNNING,
                      .agent_id = "a",
                      .algorithm = "PPO",
                      .started_ms = 1,
                      .summary = {.episodes = 3, .avg_roi_pct = 1.5, .avg_sharpe = 2.5}};
    struct live_event *event = live_event_run_updated("acme", &run, true, 77);

    (void)state;
    assert_non_null(event);
    assert_int_equal(event->seq, 77);
    assert_non_null(strstr(event->json, "\"avg_roi_pct\":1.5,\"avg_sharpe\":2.5"));
    assert_non_null(strstr(event->json, "\"seq\":77}"));
    assert_null(strstr(event->json, "deleted"));
    live_event_free(event);
    run.deleted_ms = 5;
    event = live_event_run_updated("acme", &run, false, 78);
    assert_non_null(event);
    assert_non_null(strstr(event->json, "\"avg_roi_pct\":null,\"avg_sharpe\":null"));
    assert_non_null(strstr(event->json, "\"deleted\":true"));
    live_event_free(event);
}

static void
a_reset_says_of_which_run_and_up_to_where(void **state)
{
    struct live_event *one = live_event_reset("acme", "run-1", 77);
    struct live_event *all = live_event_reset(NULL, NULL, 78);

    (void)state;
    assert_non_null(one);
    assert_non_null(all);
    assert_string_equal(one->json, "{\"run_id\":\"run-1\",\"seq\":77}");
    assert_string_equal(all->json, "{\"run_id\":null,\"seq\":78}");
    live_event_free(one);
    live_event_free(all);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_of_one_turn_share_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_is_not_complete_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_a_replay_ends_an_event_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_is_bounded_but_no_commit_is_cut, set_up,
                                        tear_down),
        cmocka_unit_test(a_run_is_told_with_its_seq),
        cmocka_unit_test(a_reset_says_of_which_run_and_up_to_where),
    };

    return cmocka_run_group_tests_name("live_event", tests, NULL, NULL);
}
