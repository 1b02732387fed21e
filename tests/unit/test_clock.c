/* test_clock.c - times as clients write and read them. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define UNTOUCHED INT64_C(-7)
#define END_MS INT64_C(253402300800000) /* 10000-01-01 */

/* What the C library makes of the same moment. */
static const char *
format_by_libc(int64_t ms, char text[64])
{
    const time_t seconds = (time_t)(ms / 1000);
    char date[48];
    struct tm tm;

    assert_non_null(gmtime_r(&seconds, &tm));
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, 64, "%s.%03dZ", date, (int)(ms % 1000));
    return text;
}

static void
every_day_up_to_9999_is_written_as_the_c_library_does_and_read_back(void **state)
{
    char text[CLOCK_TEXT_SIZE], expected[64];

    (void)state;
    /* A step that is no divisor of a day, so that all hours, minutes and fractions come up. */
    for (int64_t ms = 0; ms < END_MS; ms += INT64_C(86399863)) {
        int64_t back = UNTOUCHED;

        assert_string_equal(clock_format(ms, text), format_by_libc(ms, expected));
        assert_true(clock_parse(text, &back));
        assert_int_equal(back, ms);
    }
}

static void
format_keeps_its_size_at_the_ends_of_time(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {END_MS - 1, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-03-01T00:00:00.000Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLOCK_TEXT_SIZE];

        assert_string_equal(clock_format(cases[i].ms, text), cases[i].text);
    }
}

static void
parse_reads_what_iso_8601_allows(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01", 0},
        {"2026-03-19", 1773878400000},
        {"2026-03-19T10:00:00Z", 1773914400000},
        {"2026-03-19 10:00:00", 1773914400000},
        {"2026-03-19T10:00", 1773914400000},
        {"2026-03-19T10:00Z", 1773914400000},
        {"2026-03-19T10:00:00.5", 1773914400500},
        {"2026-03-19T10:00:00.123456789Z", 1773914400123},
        {"2026-03-19T12:30:00+02:30", 1773914400000},
        {"2026-03-19T05:00:00-05:00", 1773914400000},
        {"2024-02-29T23:59:59.999Z", 1709251199999},
        {"2000-02-29", 951782400000},
        {"1969-12-31", UNTOUCHED}, /* before the years that are read */
        {"9999-12-31T23:59:59.999Z", END_MS - 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = UNTOUCHED;

        assert_int_equal(clock_parse(cases[i].text, &ms), cases[i].ms != UNTOUCHED);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void
parse_refuses_everything_else_and_leaves_the_result_alone(void **state)
{
    static const char *const cases[] = {
        "",
        "now",
        "2026",
        "2026-03",
        "2026-3-19",
        "26-03-19",
        "2026/03/19",
        "20260319",
        "2026-00-10",
        "2026-13-10",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026-02-29",
        "2100-02-29",
        "10000-01-01",
        "0000-01-01",
        "-026-01-01",
        "2026-03-19T",
        "2026-03-19X10:00:00",
        "2026-03-19T10",
        "2026-03-19T10:",
        "2026-03-19T24:00:00",
        "2026-03-19T10:60:00",
        "2026-03-19T10:00:60",
        "2026-03-19T10:00:00.",
        "2026-03-19T10:00:00,5",
        "2026-03-19T10:00:00.Z",
        "2026-03-19T1:00:00",
        "2026-03-19T10:00:00ZZ",
        "2026-03-19T10:00:00+02",
        "2026-03-19T10:00:00+0200",
        "2026-03-19T10:00:00+24:00",
        "2026-03-19T10:00:00+02:60",
        "2026-03-19Z",
        "2026-03-19+01:00",
        " 2026-03-19",
        "2026-03-19 ",
        "2026-03-19T10:00:00 Z",
        "1970-01-01T00:30:00+01:00",              /* in UTC it is still 1969 */
        "9999-12-31T23:30:00-01:00",              /* in UTC it is 10000 already */
        "\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-03-19", /* digits, but not ASCII ones */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = UNTOUCHED;

        if (clock_parse(cases[i], &ms))
            fail_msg("\"%s\" was read as %lld", cases[i], (long long)ms);
        assert_int_equal(ms, UNTOUCHED);
    }
}

static void
the_steady_clocks_agree_and_do_not_go_back(void **state)
{
    const int64_t us = clock_steady_us(), ms = clock_steady_ms(), later_us = clock_steady_us();

    (void)state;
    assert_true(us / 1000 <= ms && ms <= later_us / 1000);
}

static void
now_is_the_systems_time(void **state)
{
    const int64_t before_s = (int64_t)time(NULL), ms = clock_now_ms();

    (void)state;
    /* time(2) reads a coarser clock, which may lag by a tick. */
    assert_true(ms >= before_s * 1000 && ms <= ((int64_t)time(NULL) + 2) * 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_up_to_9999_is_written_as_the_c_library_does_and_read_back),
        cmocka_unit_test(format_keeps_its_size_at_the_ends_of_time),
        cmocka_unit_test(parse_reads_what_iso_8601_allows),
        cmocka_unit_test(parse_refuses_everything_else_and_leaves_the_result_alone),
        cmocka_unit_test(the_steady_clocks_agree_and_do_not_go_back),
        cmocka_unit_test(now_is_the_systems_time),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
