/* fuzz_clock.c - a time that is read is written as one that reads as the same. */
#include "fuzz.h"

#include "base/clock.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char written[CLOCK_TEXT_SIZE];
    int64_t ms = -7, again = -7;

    if (clock_parse(text, &ms)) {
        CLAIM(strlen(clock_format(ms, written)) < sizeof written);
        if (strlen(written) == strlen("2026-03-19T10:00:00.000Z")) /* years of four digits */
            CLAIM(clock_parse(written, &again) && again == ms);
    } else {
        CLAIM(ms == -7);
    }
    free(text);
    return 0;
}
