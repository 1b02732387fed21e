/*
 * test_tensorboard.c - records of an event file, to the byte. That TensorBoard reads them is seen
 * in tests/e2e/test_export.py.
 */
#include "training/tensorboard.h"

#include "base/crc32c.h"
#include "fakes/memory_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "fakes/episode_of.h"

#define NAME_64 "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789ABCD./"

static uint64_t
little_endian(const uint8_t *at, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static uint32_t
masked(const uint8_t *bytes, size_t size)
{
    const uint32_t crc = crc32c(0, bytes, size);

    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

/* One record and no more, with this content. */
static void
assert_record(struct memory_out *memory, const uint8_t *content, size_t size)
{
    const uint8_t *record;

    memory_out_text(memory);
    record = (const uint8_t *)memory->text;
    assert_int_equal(memory->size, 12 + size + 4);
    assert_int_equal(little_endian(record, 8), size);
    assert_int_equal(little_endian(record + 8, 4), masked(record, 8));
    assert_memory_equal(record + 12, content, size);
    assert_int_equal(little_endian(record + 12 + size, 4), masked(record + 12, size));
}

static void
a_file_begins_with_its_version(void **state)
{
    static const uint8_t content[] = "\x09\0\0\0\0\0\0\xF8\x3F" /* wall_time 1.5 */
                                     "\x1A\x0D"
                                     "brain.Event:2";
    struct memory_out memory;

    (void)state;
    memory_out_init(&memory, 16);
    tensorboard_write_start(1500, &memory.out);
    assert_record(&memory, content, sizeof content - 1);
    memory_out_clear(&memory);
}

static void
an_episode_is_one_event_with_all_its_values(void **state)
{
    static const uint8_t content[] = "\x09\0\0\0\0\0\0\xF8\x3F" /* wall_time 1.5 */
                                     "\x10\xAC\x02"             /* step 300 */
                                     "\x2A\x3F"                 /* summary, 63 bytes */
                                     "\x0A\x13\x0A\x0Ctotal_reward\x15\0\0\0\xC0"
                                     "\x0A\x11\x0A\x0Areward_sum\x15\0\0\0\xC0"
                                     "\x0A\x0A\x0A\x03"
                                     "win\x15\0\0\x80\x3F"
                                     "\x0A\x09\x0A\x02"
                                     "a/\x15\0\0\0\x3F";
    const struct episode episode =
        EPISODE(300, 1500, REAL("total_reward", -2.0), BOOL("win", true), REAL("a/", 0.5));
    struct memory_out memory;

    (void)state;
    memory_out_init(&memory, 7);
    tensorboard_write(&episode, &memory.out);
    assert_record(&memory, content, sizeof content - 1);
    memory_out_clear(&memory);
}

static void
a_number_and_a_summary_of_any_size_fit(void **state)
{
    struct metric_value values[METRIC_CUSTOM_MAX];
    const struct episode episode = {.number = EPISODE_NUMBER_MAX,
                                    .created_ms = 1500,
                                    .values = values,
                                    .value_count = METRIC_CUSTOM_MAX};
    static const uint8_t step[] = {0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
    struct memory_out memory;
    const uint8_t *record;

    (void)state;
    for (size_t i = 0; i < METRIC_CUSTOM_MAX; i++)
        values[i] = WHOLE(NAME_64, 1);
    memory_out_init(&memory, 4096);
    tensorboard_write(&episode, &memory.out);
    memory_out_text(&memory);
    record = (const uint8_t *)memory.text;
    assert_int_equal(memory.size, 12 + 9 + 9 + 3 + 64 * (2 + 2 + 64 + 5) + 4);
    assert_int_equal(little_endian(record, 8), memory.size - 16);
    assert_memory_equal(record + 12 + 9, step, sizeof step);
    assert_int_equal(record[12 + 9 + 9], 0x2A); /* 4672 = 0x40 + 36 * 128 */
    assert_int_equal(record[12 + 9 + 9 + 1], 0xC0);
    assert_int_equal(record[12 + 9 + 9 + 2], 36);
    memory_out_clear(&memory);
}

/* The bits of the only value that is written for it. */
static uint32_t
single_of(double value)
{
    const struct episode episode = EPISODE(1, 0, REAL("x", value));
    struct memory_out memory;
    uint32_t bits;

    memory_out_init(&memory, 4096);
    tensorboard_write(&episode, &memory.out);
    memory_out_text(&memory);
    bits = (uint32_t)little_endian((const uint8_t *)memory.text + memory.size - 8, 4);
    memory_out_clear(&memory);
    return bits;
}

static void
a_value_is_rounded_to_single_precision(void **state)
{
    (void)state;
    assert_int_equal(single_of(0.1), 0x3DCCCCCD);
    assert_int_equal(single_of(-0.0), 0x80000000);
    assert_int_equal(single_of(1e300), 0x7F800000);
    assert_int_equal(single_of(-1e300), 0xFF800000);
    assert_int_equal(single_of(INFINITY), 0x7F800000);
    assert_int_equal(single_of(1e-45), 0x00000001);
    assert_int_equal(single_of(NAN) & 0x7FC00000, 0x7FC00000);
}

static void
an_episode_without_values_is_no_event(void **state)
{
    struct memory_out memory;

    (void)state;
    memory_out_init(&memory, 16);
    tensorboard_write(&(struct episode){.number = 1}, &memory.out);
    assert_string_equal(memory_out_text(&memory), "");
    memory_out_clear(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_begins_with_its_version),
        cmocka_unit_test(an_episode_is_one_event_with_all_its_values),
        cmocka_unit_test(a_number_and_a_summary_of_any_size_fit),
        cmocka_unit_test(a_value_is_rounded_to_single_precision),
        cmocka_unit_test(an_episode_without_values_is_no_event),
    };

    return cmocka_run_group_tests_name("tensorboard", tests, NULL, NULL);
}
