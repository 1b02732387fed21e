/* test_rate.c - writes a second, counted by several processes together. */
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static int
set_up(void **state)
{
    *state = rates_new();
    return *state == NULL;
}

static int
tear_down(void **state)
{
    rates_free(*state);
    return 0;
}

/* How many of `tries` requests at this moment may be made. */
static int
taken(struct rates *rates, uint64_t key, int64_t rate, int64_t now_ns, int tries)
{
    struct rate_verdict verdict;
    int count = 0;

    for (int i = 0; i < tries; i++)
        count += rate_take(rates, key, rate, now_ns, &verdict);
    return count;
}

static void
a_seconds_worth_at_once_and_then_as_they_come_back(void **state)
{
    static const int64_t rates_tried[] = {1, 2, 3, 7, 100, 2000, 999999, RATE_MAX};

    for (size_t i = 0; i < sizeof rates_tried / sizeof rates_tried[0]; i++) {
        const int64_t rate = rates_tried[i];
        const int64_t now = 5 * SECOND;
        const uint64_t key = 1000 * (i + 1);

        if (rate <= 2000)
            assert_int_equal(taken(*state, key, rate, now, (int)rate + 50), rate);
        else
            assert_int_equal(taken(*state, key, rate, now, 100), 100);
        if (rate > 2000)
            continue;
        assert_int_equal(taken(*state, key, rate, now + SECOND / rate, 5), 1);
        assert_int_equal(taken(*state, key, rate, now + SECOND / rate, 5), 0);
        /* a long time later it is a second's worth again, not more */
        assert_int_equal(taken(*state, key, rate, now + 100 * SECOND, (int)rate + 50), rate);
    }
}

static void
the_verdict_tells_what_is_left_and_how_long_to_wait(void **state)
{
    struct rate_verdict verdict;

    assert_true(rate_take(*state, 7, 10, SECOND, &verdict));
    assert_int_equal(verdict.left, 9);
    assert_int_equal(verdict.wait_s, 1);
    assert_int_equal(taken(*state, 7, 10, SECOND, 20), 9);
    assert_false(rate_take(*state, 7, 10, SECOND, &verdict));
    assert_int_equal(verdict.left, 0);
    assert_int_equal(verdict.wait_s, 1); /* never 0: a client that waits 0 s comes at once */
}

static void
one_key_does_not_slow_another(void **state)
{
    for (uint64_t key = 1; key <= 100; key++)
        assert_int_equal(taken(*state, key * 4096, 3, SECOND, 10), key <= 8 ? 3 : 10);
    /* eight keys share the places; who finds none is let through, and counted a second later */
    assert_int_equal(taken(*state, 50 * 4096, 3, 3 * SECOND, 10), 3);
}

static void
processes_count_together(void **state)
{
    enum { CHILDREN = 4, TRIES = 2000, RATE = 1000 };
    pid_t pids[CHILDREN];
    int pipes[2], sum = 0, part;

    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            part = taken(*state, 42, RATE, SECOND, TRIES);
            _exit(write(pipes[1], &part, sizeof part) != sizeof part);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipes[0], &part, sizeof part), sizeof part);
        sum += part;
    }
    assert_int_equal(sum, RATE);
    close(pipes[0]);
    close(pipes[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_seconds_worth_at_once_and_then_as_they_come_back),
        TEST(the_verdict_tells_what_is_left_and_how_long_to_wait),
        TEST(one_key_does_not_slow_another),
        TEST(processes_count_together),
    };

    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
