/* test_spool.c - in memory while small, in a file beyond, and all of it back. */
#include "base/spool.h"

#include "fakes/memory_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

struct record {
    uint64_t index;
    uint64_t square;
    uint32_t pad[2];
};

static void
write_records(struct spool *spool, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct record record = {i, i * i, {7, 8}};

        out_bytes(&spool->out, (const char *)&record, sizeof record);
    }
}

struct reading {
    uint64_t seen;
    uint64_t stop_after;
};

static bool
check_record(const void *bytes, void *context)
{
    struct reading *reading = context;
    struct record record;

    memcpy(&record, bytes, sizeof record);
    assert_int_equal(record.index, reading->seen);
    assert_int_equal(record.square, record.index * record.index);
    assert_int_equal(record.pad[1], 8);
    reading->seen++;
    return reading->seen != reading->stop_after;
}

static void
what_fits_stays_in_memory(void **state)
{
    struct spool spool;
    struct memory_out memory;

    (void)state;
    spool_init(&spool, 64);
    memory_out_init(&memory, 5);
    out_bytes(&spool.out, "hello, ", 7);
    out_bytes(&spool.out, "world", 5);
    assert_int_equal(spool.fd, -1);
    assert_int_equal(spool.kept, 0);
    assert_true(spool_copy(&spool, &memory.out));
    assert_string_equal(memory_out_text(&memory), "hello, world");
    spool_clear(&spool);
    memory_out_clear(&memory);
}

static void
an_empty_spool_gives_nothing(void **state)
{
    struct reading reading = {.seen = 0};
    struct memory_out memory;
    struct spool spool;

    (void)state;
    spool_init(&spool, 64);
    memory_out_init(&memory, 5);
    assert_true(spool_good(&spool));
    assert_true(spool_copy(&spool, &memory.out));
    assert_string_equal(memory_out_text(&memory), "");
    assert_true(spool_each(&spool, sizeof(struct record), check_record, &reading));
    assert_int_equal(reading.seen, 0);
    spool_clear(&spool);
    spool_clear(&spool); /* twice does no harm */
    memory_out_clear(&memory);
}

static void
what_is_beyond_goes_to_a_file_and_comes_back_twice(void **state)
{
    static char text[100000];
    struct spool spool;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (i * i) % 23);
    spool_init(&spool, 1000);
    for (size_t at = 0, piece = 1; at < sizeof text; at += piece, piece = piece * 3 % 1777) {
        if (piece > sizeof text - at)
            piece = sizeof text - at;
        out_bytes(&spool.out, text + at, piece);
    }
    assert_int_not_equal(spool.fd, -1);
    assert_true(spool.kept > 0);
    for (int time = 0; time < 2; time++) {
        struct memory_out memory;

        memory_out_init(&memory, 4096);
        assert_true(spool_copy(&spool, &memory.out));
        memory_out_text(&memory);
        assert_int_equal(memory.size, sizeof text);
        assert_memory_equal(memory.text, text, sizeof text);
        memory_out_clear(&memory);
    }
    spool_clear(&spool);
}

static void
records_come_back_whole_and_in_order(void **state)
{
    static const struct {
        uint64_t in_memory, written;
    } cases[] = {
        {10, 0},  {10, 1},  {10, 9},  {10, 10},    {10, 11},  {10, 20},   {10, 21},   {1, 5},
        {7, 255}, {7, 256}, {7, 257}, {300, 1000}, {10, 513}, {256, 512}, {256, 513}, {100, 5000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spool spool;

        spool_init(&spool, cases[i].in_memory * sizeof(struct record));
        write_records(&spool, cases[i].written);
        assert_int_equal(spool.fd == -1, cases[i].written <= cases[i].in_memory);
        for (int time = 0; time < 2; time++) {
            struct reading reading = {.seen = 0};

            assert_true(spool_each(&spool, sizeof(struct record), check_record, &reading));
            assert_int_equal(reading.seen, cases[i].written);
        }
        spool_clear(&spool);
    }
}

static void
reading_ends_when_it_is_told_to(void **state)
{
    static const uint64_t stops[] = {1, 10, 255, 256, 300, 995, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        struct reading reading = {.stop_after = stops[i]};
        struct spool spool;

        spool_init(&spool, 10 * sizeof(struct record));
        write_records(&spool, 1000);
        assert_false(spool_each(&spool, sizeof(struct record), check_record, &reading));
        assert_int_equal(reading.seen, stops[i]);
        spool_clear(&spool);
    }
}

static void
a_full_disk_is_noticed(void **state)
{
    struct reading reading = {.seen = 0};
    struct rlimit before, small;
    struct memory_out memory;
    struct spool spool;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){.rlim_cur = 8192, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    spool_init(&spool, 10 * sizeof(struct record));
    write_records(&spool, 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    memory_out_init(&memory, 100);
    assert_false(spool_good(&spool));
    assert_false(spool_copy(&spool, &memory.out));
    assert_false(spool_each(&spool, sizeof(struct record), check_record, &reading));
    assert_int_equal(reading.seen, 0);
    spool_clear(&spool);
    memory_out_clear(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays_in_memory),
        cmocka_unit_test(an_empty_spool_gives_nothing),
        cmocka_unit_test(what_is_beyond_goes_to_a_file_and_comes_back_twice),
        cmocka_unit_test(records_come_back_whole_and_in_order),
        cmocka_unit_test(reading_ends_when_it_is_told_to),
        cmocka_unit_test(a_full_disk_is_noticed),
    };

    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
