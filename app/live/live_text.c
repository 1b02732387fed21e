/* live_text.c - a place for out.h that grows. Called by live_event.c, live_training.c. */
#include "live_text.h"

#include <stdlib.h>

#define SIZE_AT_FIRST 512

/* Out of memory ends the gateway: its clients come back to the next one and miss nothing. */
static bool
grow(struct out *out)
{
    size_t size = out->size == 0 ? SIZE_AT_FIRST : out->size * 2;
    char *buffer = realloc(out->buffer, size);

    if (buffer == NULL)
        abort();
    out->buffer = buffer;
    out->size = size;
    return true;
}

void
live_text_init(struct live_text *text)
{
    *text = (struct live_text){.out = {.overflow = grow}};
}

char *
live_text_take(struct live_text *text, size_t *size)
{
    char *taken;

    out_char(&text->out, '\0');
    taken = text->out.buffer;
    *size = text->out.used - 1;
    live_text_init(text);
    return taken;
}

void
live_text_drop(struct live_text *text, size_t bytes)
{
    text->out.used -= bytes;
    memmove(text->out.buffer, text->out.buffer + bytes, text->out.used);
}

void
live_text_clear(struct live_text *text)
{
    free(text->out.buffer);
    live_text_init(text);
}
