/*
 * memory_out.h - a place for out.h that keeps what is written in memory, through a buffer as small
 * as a test likes, so that overflows happen often. Included by unit tests and fuzzers.
 */
#ifndef FAKES_MEMORY_OUT_H
#define FAKES_MEMORY_OUT_H

#include "base/out.h"

#include <stdint.h>
#include <stdlib.h>

#define MEMORY_OUT_BUFFER_MAX 4096

struct memory_out {
    struct out out; /* first: written through out_bytes and json_out */
    char buffer[MEMORY_OUT_BUFFER_MAX];
    char *text; /* owned; what overflowed */
    size_t size, room;
    size_t overflows; /* how often the buffer was emptied */
    size_t size_max;  /* no more is taken; SIZE_MAX: no limit */
};

static inline bool
memory_out_take(struct out *out)
{
    struct memory_out *memory = (struct memory_out *)out;

    memory->overflows++;
    if (memory->size_max - memory->size < out->used)
        return false;
    if (memory->size + out->used + 1 > memory->room) {
        memory->room = (memory->size + out->used + 1) * 2;
        memory->text = realloc(memory->text, memory->room);
        if (memory->text == NULL)
            abort();
    }
    memcpy(memory->text + memory->size, out->buffer, out->used);
    memory->size += out->used;
    memory->text[memory->size] = '\0';
    out->used = 0;
    return true;
}

/* buffer_size: 1 to MEMORY_OUT_BUFFER_MAX bytes. memory must not move afterwards. */
static inline void
memory_out_init(struct memory_out *memory, size_t buffer_size)
{
    *memory = (struct memory_out){.size_max = SIZE_MAX};
    memory->out =
        (struct out){.buffer = memory->buffer, .size = buffer_size, .overflow = memory_out_take};
}

/* All that was written, NUL-terminated; good until the next write. */
static inline const char *
memory_out_text(struct memory_out *memory)
{
    if (!memory->out.failed && !memory_out_take(&memory->out))
        memory->out.failed = true;
    return memory->text == NULL ? "" : memory->text;
}

static inline void
memory_out_clear(struct memory_out *memory)
{
    free(memory->text);
    *memory = (struct memory_out){.size_max = 0};
}

#endif
