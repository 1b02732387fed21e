/* number.h - doubles and integers as JSON text that reads back as the same number, quickly. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT_SIZE 40 /* bytes; enough for any double or 64-bit integer with its NUL */

/*
 * Write a finite value into text and return its length without the NUL. Values with up to six
 * decimals (most rewards) are written short and fast, all others with 17 digits.
 */
size_t number_format_real(double value, char text[NUMBER_TEXT_SIZE]);

/* The same for an integer. */
size_t number_format_whole(int64_t value, char text[NUMBER_TEXT_SIZE]);

#endif
