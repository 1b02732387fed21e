/* test_number.c - numbers read back as the same numbers. */
#include "base/number.h"

#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits, then a fraction or an exponent or both: RFC 8259's number that is not an integer. */
static bool
is_json_real(const char *text)
{
    size_t digits, fraction = 0;

    text += *text == '-';
    digits = strspn(text, "0123456789");
    if (digits == 0 || (digits > 1 && text[0] == '0'))
        return false;
    text += digits;
    if (*text == '.') {
        fraction = strspn(text + 1, "0123456789");
        if (fraction == 0)
            return false;
        text += fraction + 1;
    }
    if (*text == 'e') {
        text += 1 + (text[1] == '-' || text[1] == '+');
        digits = strspn(text, "0123456789");
        return digits > 0 && text[digits] == '\0';
    }
    return fraction > 0 && *text == '\0';
}

static void
assert_reads_back(double value)
{
    char text[NUMBER_TEXT_SIZE];
    const size_t length = number_format_real(value, text);
    const double back = strtod(text, NULL);

    if (length != strlen(text) || length >= sizeof text || !is_json_real(text) ||
        memcmp(&back, &value, sizeof value) != 0)
        fail_msg("%a is written %s (%zu bytes)", value, text, length);
}

static void
any_double_reads_back_exactly(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const uint64_t bits = random_next(&seed);
        double value;

        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_reads_back(value);
    }
}

static void
doubles_of_ordinary_size_read_back_exactly(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        assert_reads_back(random_real(&seed, 1.0));
        assert_reads_back(random_real(&seed, 2e9));
        assert_reads_back((double)random_below(&seed, 2000000000) / 1000.0);
        assert_reads_back(-(double)random_below(&seed, UINT64_C(2000000000000000)) / 1e6);
        assert_reads_back((double)random_below(&seed, UINT64_C(9000000000000000)) / 1e7);
    }
}

static void
doubles_at_the_edges_read_back_exactly(void **state)
{
    static const double values[] = {
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        2.5e-323,
        DBL_MIN,
        DBL_MAX,
        -DBL_MAX,
        DBL_EPSILON,
        1e300,
        1e22,
        1e23,
        1e9,
        -1e9,
        999999999.999999,
        999999999.9999999,
        1000000000.000001,
        1e15,
        1e16,
        1e17,
        9007199254740991.0,
        9007199254740994.0,
        1.0 / 3.0,
        0.1,
        0.3,
        1e-6,
        1e-7,
        5e-7,
        0.0000005,
        0.000001,
        4e-7,
        1e-300,
        0x1p-1022,
        0x1.fffffffffffffp+1023,
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_reads_back(values[i]);
        assert_reads_back(nextafter(values[i], 0.0));
        if (fabs(values[i]) < DBL_MAX)
            assert_reads_back(nextafter(values[i], INFINITY));
    }
}

static void
short_decimals_are_written_short(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-1.0, "-1.0"},
        {0.5, "0.5"},
        {0.1, "0.1"},
        {12.5, "12.5"},
        {-245.3, "-245.3"},
        {3.14159, "3.14159"},
        {0.000001, "0.000001"},
        {-0.000001, "-0.000001"},
        {100000.0, "100000.0"},
        {999999999.999999, "999999999.999999"},
        {1000000000.0, "1000000000.0"},
        {1e15, "1000000000000000.0"},
        {1e300, "1.0000000000000001e+300"},
        {1.0 / 3.0, "0.33333333333333331"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[NUMBER_TEXT_SIZE];

        number_format_real(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
integers_are_written_as_the_c_library_does(void **state)
{
    static const int64_t edges[] = {
        0, 1, -1, 9, 10, -10, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MIN + 1, INT64_MAX};
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        const int64_t value = i < sizeof edges / sizeof edges[0]
                                  ? edges[i]
                                  : (int64_t)(random_next(&seed) >> random_below(&seed, 64));
        char text[NUMBER_TEXT_SIZE], expected[NUMBER_TEXT_SIZE];

        snprintf(expected, sizeof expected, "%" PRId64, value);
        assert_int_equal(number_format_whole(value, text), strlen(expected));
        assert_string_equal(text, expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_double_reads_back_exactly),
        cmocka_unit_test(doubles_of_ordinary_size_read_back_exactly),
        cmocka_unit_test(doubles_at_the_edges_read_back_exactly),
        cmocka_unit_test(short_decimals_are_written_short),
        cmocka_unit_test(integers_are_written_as_the_c_library_does),
    };

    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
