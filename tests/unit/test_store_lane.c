/* test_store_lane.c - one writer at a time per run, whatever becomes of the other process. */
#include "store/store_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 20000

static const unsigned char RUN_A[STORE_LANE_KEY_SIZE] = "run-a-run-a";
static const unsigned char RUN_B[STORE_LANE_KEY_SIZE] = "run-b-run-b";

struct fixture {
    struct store store;
    int ready[2];           /* the child writes a byte when it holds the lane */
    int go_on[2];           /* the child leaves it when this is closed or written */
    volatile long *counter; /* shared, and not atomic: only the lane protects it */
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->store.lanes = store_lanes_new();
    assert_non_null(f->store.lanes);
    assert_int_equal(pipe(f->ready), 0);
    assert_int_equal(pipe(f->go_on), 0);
    f->counter =
        mmap(NULL, sizeof *f->counter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f->counter, MAP_FAILED);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    const int fds[] = {f->ready[0], f->ready[1], f->go_on[0], f->go_on[1]};

    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close(fds[i]);
    munmap((void *)(uintptr_t)f->counter, sizeof *f->counter);
    free(f); /* the lanes stay mapped, as they do in a master */
    return 0;
}

/* A child that holds RUN_A's lane when this returns, and leaves it or dies when it is told to. */
static pid_t
start_holder(struct fixture *f, bool leaves)
{
    pid_t child = fork();
    char byte = 0;

    assert_int_not_equal(child, -1);
    if (child == 0) {
        struct store_lane *lane = store_lane_enter(&f->store, RUN_A);

        if (lane == NULL || write(f->ready[1], "r", 1) != 1 || read(f->go_on[0], &byte, 1) != 1)
            _exit(1);
        if (leaves)
            store_lane_leave(lane);
        _exit(0);
    }
    assert_int_equal(read(f->ready[0], &byte, 1), 1);
    return child;
}

static void
tell_and_reap(struct fixture *f, pid_t child)
{
    int how;

    assert_int_equal(write(f->go_on[1], "g", 1), 1);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void
assert_free(struct fixture *f, const void *key)
{
    struct store_lane *lane = store_lane_enter(&f->store, key);

    assert_non_null(lane);
    store_lane_leave(lane);
}

static void
a_lane_that_is_held_too_long_is_gone_without(void **state)
{
    struct fixture *f = *state;
    pid_t child = start_holder(f, true);

    assert_null(store_lane_enter(&f->store, RUN_A));
    tell_and_reap(f, child);
    assert_free(f, RUN_A);
}

static void
another_run_does_not_wait(void **state)
{
    struct fixture *f = *state;
    pid_t child = start_holder(f, true);

    assert_free(f, RUN_B);
    tell_and_reap(f, child);
}

static void
a_lane_whose_holder_died_is_free_again(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        tell_and_reap(f, start_holder(f, false));
        assert_free(f, RUN_A);
        assert_free(f, RUN_A); /* and stays usable */
    }
}

static void
count_up(struct fixture *f)
{
    for (long i = 0; i < ROUNDS; i++) {
        struct store_lane *lane;

        do /* the other one may not get to run for longer than a lane is waited for */
            lane = store_lane_enter(&f->store, RUN_A);
        while (lane == NULL);
        *f->counter = *f->counter + 1;
        store_lane_leave(lane);
    }
}

static void
two_processes_never_hold_a_lane_at_once(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    int how;

    assert_int_not_equal(child, -1);
    count_up(f);
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_int_equal(*f->counter, 2 * ROUNDS);
}

static void
without_lanes_nobody_waits(void **state)
{
    struct store store = {.lanes = NULL};

    (void)state;
    assert_null(store_lane_enter(&store, RUN_A));
    store_lane_leave(NULL);
}

static void
a_turn_is_taken_by_one_until_it_is_over(void **state)
{
    struct fixture *f = *state;

    assert_true(store_lanes_turn(f->store.lanes, STORE_TURN_SWEEP, 60000, false));
    assert_false(store_lanes_turn(f->store.lanes, STORE_TURN_SWEEP, 60000, false));
    assert_true(
        store_lanes_turn(f->store.lanes, STORE_TURN_SWEEP, 60000, true)); /* goes on with its own */
    assert_false(store_lanes_turn(f->store.lanes, STORE_TURN_SWEEP, 60000, false));
    assert_true(store_lanes_turn(f->store.lanes, STORE_TURN_SWEEP, 0, true));
    assert_true(store_lanes_turn(f->store.lanes, STORE_TURN_SWEEP, 60000,
                                 false)); /* the last one is over */
    assert_true(store_lanes_turn(f->store.lanes, STORE_TURN_PACK, 60000, false)); /* another's */
    assert_true(store_lanes_turn(NULL, STORE_TURN_SWEEP, 60000, false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lane_that_is_held_too_long_is_gone_without, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_run_does_not_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lane_whose_holder_died_is_free_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_processes_never_hold_a_lane_at_once, set_up, tear_down),
        cmocka_unit_test(without_lanes_nobody_waits),
        cmocka_unit_test_setup_teardown(a_turn_is_taken_by_one_until_it_is_over, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("store_lane", tests, NULL, NULL);
}
