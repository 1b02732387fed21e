/* test_meter.c - counts of many processes add up, whatever becomes of the processes. */
#include "base/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEATS 4
#define ROUNDS 20000

static struct meter_reading now; /* too large for a small stack */

static const struct meter_reading *
read_now(const struct meter *meter)
{
    meter_read(meter, &now);
    return &now;
}

static uint64_t
status_count(const struct meter *meter, size_t route, int status)
{
    read_now(meter);
    for (size_t i = 0; i < METER_STATUSES; i++)
        if (meter_statuses[i] == status)
            return now.sum.routes[route].statuses[i];
    return 0;
}

static void
nothing_is_counted_without_a_meter_or_a_seat(void **state)
{
    const struct meter_request request = {.status = 200};

    (void)state;
    meter_busy(NULL, true);
    meter_request(NULL, &request);
    meter_command(NULL, "find", 1);
    meter_fault(NULL, METER_BUSY);
    meter_reloaded(NULL, METER_RELOAD_DONE);
    meter_worker_ended(NULL, 1, 0);
    meter_seat_give(NULL, NULL, 1);
    assert_null(meter_seat_take(NULL));
    assert_int_equal(read_now(NULL)->workers, 0);
}

static void
a_request_is_counted_by_route_status_time_and_bytes(void **state)
{
    struct meter *meter = meter_new(SEATS);
    struct meter_seat *seat = meter_seat_take(meter);
    const struct meter_request request = {
        .route = 3, .status = 422, .us = 2500, .bytes_in = 10, .bytes_out = 300, .cut = true};

    (void)state;
    meter_request(seat, &request);
    meter_request(seat, &request);
    assert_int_equal(status_count(meter, 3, 422), 2);
    assert_int_equal(status_count(meter, 3, 200), 0);
    assert_int_equal(status_count(meter, 2, 422), 0);
    assert_int_equal(now.sum.routes[3].time.sum_us, 5000);
    assert_int_equal(now.sum.routes[3].bytes_in, 20);
    assert_int_equal(now.sum.routes[3].bytes_out, 600);
    assert_int_equal(now.sum.cut, 2);
}

static void
a_status_without_a_place_counts_as_other(void **state)
{
    struct meter *meter = meter_new(SEATS);
    const struct meter_request request = {.status = 418};

    (void)state;
    meter_request(meter_seat_take(meter), &request);
    assert_int_equal(meter_statuses[METER_STATUSES - 1], 0);
    assert_int_equal(status_count(meter, 0, 0), 1);
}

static void
a_time_is_in_the_first_bucket_that_reaches_it(void **state)
{
    static const struct {
        int64_t us;
        size_t bucket;
    } cases[] = {
        {-1, 0},   {0, 0},    {499, 0},       {500, 0},       {501, 1},
        {1000, 1}, {1001, 2}, {10000000, 13}, {10000001, 14}, {INT64_C(1) << 40, 14},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct meter *meter = meter_new(SEATS);

        meter_command(meter_seat_take(meter), "update", cases[i].us);
        read_now(meter);
        for (size_t place = 0; place < METER_COMMANDS; place++)
            for (size_t bucket = 0; bucket <= METER_BUCKETS; bucket++)
                assert_int_equal(now.sum.commands[place].buckets[bucket],
                                 bucket == cases[i].bucket &&
                                     strcmp(meter_commands[place], "update") == 0);
    }
}

static void
the_bounds_ascend(void **state)
{
    (void)state;
    for (size_t i = 1; i < METER_BUCKETS; i++)
        assert_true(meter_bounds_us[i - 1] < meter_bounds_us[i]);
}

static void
a_command_without_a_place_counts_as_other(void **state)
{
    struct meter *meter = meter_new(SEATS);

    (void)state;
    meter_command(meter_seat_take(meter), "mapReduce", 7);
    assert_string_equal(meter_commands[METER_COMMANDS - 1], "other");
    assert_int_equal(read_now(meter)->sum.commands[METER_COMMANDS - 1].sum_us, 7);
}

/* A worker: counts, and goes as it is told. */
static pid_t
fork_worker(struct meter *meter, int rounds, int ending)
{
    const struct meter_request request = {.route = 1, .status = 200, .us = 1, .bytes_in = 1};
    struct meter_seat *seat = meter_seat_take(meter);
    const pid_t pid = fork();

    if (pid != 0) {
        meter_seat_give(meter, seat, pid);
        return pid;
    }
    for (int i = 0; i < rounds; i++)
        meter_request(seat, &request);
    meter_busy(seat, true);
    if (ending != 0)
        raise(ending);
    _exit(0);
}

static void
bury(struct meter *meter, pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    meter_worker_ended(meter, pid, status);
}

static void
counts_of_many_processes_add_up_and_outlive_them(void **state)
{
    struct meter *meter = meter_new(SEATS);
    pid_t pids[SEATS + 2]; /* more than there are seats: the last ones share */

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < SEATS + 2; i++)
            pids[i] = fork_worker(meter, ROUNDS, i % 2 == 0 ? SIGKILL : 0);
        for (size_t i = 0; i < SEATS + 2; i++)
            bury(meter, pids[i]);
    }
    assert_int_equal(status_count(meter, 1, 200), 3 * (SEATS + 2) * ROUNDS);
    assert_int_equal(now.sum.routes[1].bytes_in, 3 * (SEATS + 2) * ROUNDS);
    assert_int_equal(now.starts, 3 * (SEATS + 2));
    assert_int_equal(now.workers, 0);
    assert_int_equal(now.busy, 0);
    assert_int_equal(now.ends[0], 9);
}

static void
a_seat_is_free_when_its_worker_has_ended(void **state)
{
    struct meter *meter = meter_new(SEATS);
    struct meter_seat *first = meter_seat_take(meter);
    struct meter_seat *second;

    (void)state;
    meter_seat_give(meter, first, 1000);
    second = meter_seat_take(meter);
    assert_ptr_not_equal(first, second);
    meter_seat_give(meter, second, 0); /* the fork failed */
    assert_ptr_equal(meter_seat_take(meter), second);
    meter_seat_give(meter, second, 1001);
    assert_int_equal(read_now(meter)->workers, 2);
    meter_busy(first, true);
    assert_int_equal(read_now(meter)->busy, 1);
    meter_worker_ended(meter, 1000, SIGSEGV);
    assert_int_equal(read_now(meter)->workers, 1);
    assert_int_equal(now.busy, 0);
    assert_int_equal(now.starts, 2);
    assert_ptr_equal(meter_seat_take(meter), first);
}

static void
an_end_has_a_name(void **state)
{
    static const struct {
        int status; /* as waitpid gives it */
        const char *name;
    } cases[] = {
        {0, "exit 0"},        {1 << 8, "exit 1"},          {2 << 8, "exit 2"},
        {6 << 8, "exit 6"},   {7 << 8, "exit other"},      {255 << 8, "exit other"},
        {SIGKILL, "SIGKILL"}, {SIGSEGV, "SIGSEGV"},        {SIGHUP, "SIGHUP"},
        {SIGABRT, "SIGABRT"}, {SIGSEGV | 0x80, "SIGSEGV"}, /* with a core */
        {40, "signal 40"},    {64, "signal 64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct meter *meter = meter_new(1);
        size_t found = METER_ENDS;
        char name[32];

        meter_worker_ended(meter, 1, cases[i].status);
        read_now(meter);
        for (size_t end = 0; end < METER_ENDS; end++)
            if (now.ends[end] == 1)
                found = end;
        assert_true(found < METER_ENDS);
        assert_string_equal(meter_end_name(found, name), cases[i].name);
    }
}

static void
faults_and_reloads_are_counted_by_kind(void **state)
{
    struct meter *meter = meter_new(SEATS);
    struct meter_seat *seat = meter_seat_take(meter);

    (void)state;
    meter_fault(seat, METER_FULL);
    meter_fault(seat, METER_FULL);
    meter_reloaded(meter, METER_RELOAD_UNDONE);
    read_now(meter);
    for (size_t i = 0; i < METER_FAULTS; i++)
        assert_int_equal(now.sum.faults[i], i == METER_FULL ? 2 : 0);
    for (size_t i = 0; i < METER_RELOADS; i++)
        assert_int_equal(now.reloads[i], i == METER_RELOAD_UNDONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_counted_without_a_meter_or_a_seat),
        cmocka_unit_test(a_request_is_counted_by_route_status_time_and_bytes),
        cmocka_unit_test(a_status_without_a_place_counts_as_other),
        cmocka_unit_test(a_time_is_in_the_first_bucket_that_reaches_it),
        cmocka_unit_test(the_bounds_ascend),
        cmocka_unit_test(a_command_without_a_place_counts_as_other),
        cmocka_unit_test(counts_of_many_processes_add_up_and_outlive_them),
        cmocka_unit_test(a_seat_is_free_when_its_worker_has_ended),
        cmocka_unit_test(an_end_has_a_name),
        cmocka_unit_test(faults_and_reloads_are_counted_by_kind),
    };

    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
