/* test_json_number.c - which JSON values are integers and numbers, at the edges of both. */
#include "base/json_number.h"

#include "base/auto.h"
#include "base/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static json_object *
parse(const char *text)
{
    struct api_error err = {.id = API_OK};
    json_object *value = NULL;

    assert_true(json_text_parse(text, strlen(text), &value, &err));
    return value;
}

static void
integers_are_those_of_64_bits_and_reals_without_a_fraction(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t whole;
    } cases[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"42.0", true, 42},
        {"4.2e1", true, 42},
        {"-0.0", true, 0},
        {"9007199254740991.0", true, JSON_NUMBER_WHOLE_MAX},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"18446744073709551615", false, 0},
        {"9007199254740992.0", false, 0},
        {"42.5", false, 0},
        {"1e300", false, 0},
        {"\"42\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"[1]", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_JSON *value = parse(cases[i].text);
        int64_t whole = 99;

        if (json_number_whole(value, &whole) != cases[i].good)
            fail_msg("%s", cases[i].text);
        assert_int_equal(whole, cases[i].good ? cases[i].whole : 99);
    }
}

static void
numbers_are_finite_and_three_texts_are_not(void **state)
{
    static const struct {
        const char *text;
        bool finite, real;
        double number;
    } cases[] = {
        {"1", true, true, 1.0},
        {"-2.5e-3", true, true, -2.5e-3},
        {"\"NaN\"", false, true, NAN},
        {"\"Infinity\"", false, true, INFINITY},
        {"\"-Infinity\"", false, true, -INFINITY},
        {"\"nan\"", false, false, 0.0},
        {"\"+Infinity\"", false, false, 0.0},
        {"\"1\"", false, false, 0.0},
        {"\"\"", false, false, 0.0},
        {"\"NaN\\u0000\"", false, false, 0.0},
        {"false", false, false, 0.0},
        {"null", false, false, 0.0},
        {"{}", false, false, 0.0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_JSON *value = parse(cases[i].text);
        double finite = 99.0, real = 99.0;

        if (json_number_finite(value, &finite) != cases[i].finite ||
            json_number_real(value, &real) != cases[i].real)
            fail_msg("%s", cases[i].text);
        assert_true(finite == (cases[i].finite ? cases[i].number : 99.0));
        if (!cases[i].real)
            assert_true(real == 99.0);
        else
            assert_true(real == cases[i].number || (isnan(real) && isnan(cases[i].number)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_64_bits_and_reals_without_a_fraction),
        cmocka_unit_test(numbers_are_finite_and_three_texts_are_not),
    };

    return cmocka_run_group_tests_name("json_number", tests, NULL, NULL);
}
