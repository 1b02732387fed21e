/* number.c - numbers as text. Called by json_out.c. */
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DECIMALS_MAX 6
#define SCALE 1000000            /* 10^DECIMALS_MAX, exact as a double */
#define SHORT_BELOW 1000000000.0 /* value * SCALE stays below 2^53 */

/* The digits of value, without a NUL. Returns how many. */
static size_t
write_digits(uint64_t value, char *text)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++)
        text[i] = digits[count - 1 - i];
    return count;
}

size_t
number_format_whole(int64_t value, char text[NUMBER_TEXT_SIZE])
{
    size_t length = 0;
    uint64_t magnitude = (uint64_t)value;

    if (value < 0) {
        text[length++] = '-';
        magnitude = 0 - magnitude;
    }
    length += write_digits(magnitude, text + length);
    text[length] = '\0';
    return length;
}

/* "12.5" for 12500000 millionths: at least one decimal, so that a double stays a double. */
static size_t
write_millionths(uint64_t millionths, char *text)
{
    uint64_t fraction = millionths % SCALE;
    size_t length = write_digits(millionths / SCALE, text);
    int decimals = DECIMALS_MAX;

    text[length++] = '.';
    while (decimals > 1 && fraction % 10 == 0) {
        fraction /= 10;
        decimals--;
    }
    for (int i = decimals - 1; i >= 0; i--) {
        text[length + (size_t)i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return length + (size_t)decimals;
}

/* "1e+300" and "100000" are valid JSON but read back as integers in some languages. */
static size_t
keep_it_a_double(char *text, size_t length)
{
    if (strpbrk(text, ".eE") == NULL) {
        memcpy(text + length, ".0", 3);
        length += 2;
    }
    return length;
}

size_t
number_format_real(double value, char text[NUMBER_TEXT_SIZE])
{
    double magnitude = fabs(value);

    if (magnitude < SHORT_BELOW) {
        double millionths = nearbyint(magnitude * SCALE);

        /*
         * Both operands are exact, so the quotient is the double nearest to the decimal number
         * that is written: it reads back as value (IEEE 754, correctly rounded division).
         */
        if (millionths / SCALE == magnitude) {
            size_t sign = signbit(value) ? 1 : 0;
            size_t length;

            text[0] = '-';
            length = sign + write_millionths((uint64_t)millionths, text + sign);
            text[length] = '\0';
            return length;
        }
    }
    return keep_it_a_double(text, (size_t)snprintf(text, NUMBER_TEXT_SIZE, "%.17g", value));
}
