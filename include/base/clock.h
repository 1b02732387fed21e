/* clock.h - UTC as milliseconds since 1970, and as clients see it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 32 /* "2026-03-19T10:00:00.000Z" and room for far years */

/* Now, UTC, milliseconds since 1970. */
int64_t clock_now_ms(void);

/* Milliseconds of a clock that never jumps: for durations only. */
int64_t clock_steady_ms(void);

/* Microseconds of the same steady clock. */
int64_t clock_steady_us(void);

/* ISO-8601 with milliseconds and Z, into text[CLOCK_TEXT_SIZE]. Returns text. */
char *clock_format(int64_t ms, char text[CLOCK_TEXT_SIZE]);

/*
 * Read an ISO-8601 date or date-time ("2026-03-19", "…T10:00:00", fraction, Z or ±hh:mm; no zone
 * means UTC) into *ms. False, and *ms untouched, when it is none.
 */
bool clock_parse(const char *text, int64_t *ms);

#endif
