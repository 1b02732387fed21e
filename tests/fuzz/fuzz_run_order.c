/* fuzz_run_order.c - "order cursor": a cursor that is read is written as one that reads the same.
 */
#include "fuzz.h"

#include "training/run_order.h"

static void
check_cursor(const char *text, struct run_order order)
{
    struct run_cursor cursor, again;
    char written[RUN_CURSOR_SIZE];

    if (!run_cursor_read(text, order, &cursor))
        return;
    CLAIM(cursor.place.id[0] != '\0');
    run_cursor_write(&cursor, order, written);
    CLAIM(run_cursor_read(written, order, &again));
    CLAIM(memcmp(&again.place.figure, &cursor.place.figure, sizeof again.place.figure) == 0);
    CLAIM(again.place.whole == cursor.place.whole && again.backwards == cursor.backwards);
    CLAIM(strcmp(again.place.id, cursor.place.id) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char *cursor = strchr(text, ' ');
    struct run_order order;

    if (cursor != NULL)
        *cursor++ = '\0';
    if (run_order_find(text, &order) && cursor != NULL)
        check_cursor(cursor, order);
    free(text);
    return 0;
}
