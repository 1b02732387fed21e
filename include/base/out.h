/*
 * out.h - a place that text is written to, through a buffer. What happens when the buffer is
 * full is up to the place: a reply sends it (http_reply.h), a spool keeps it (spool.h).
 */
#ifndef BASE_OUT_H
#define BASE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct out {
    char *buffer;
    size_t size; /* bytes the buffer holds */
    size_t used;
    bool failed;                       /* a write was lost; all later ones are dropped */
    bool (*overflow)(struct out *out); /* empties the buffer; false: nothing more can be written */
};

/* The slow way of out_bytes: through overflow, in pieces. */
void out_bytes_slow(struct out *out, const char *bytes, size_t size);

static inline void
out_bytes(struct out *out, const char *bytes, size_t size)
{
    if (out->size - out->used < size || out->failed) {
        out_bytes_slow(out, bytes, size);
        return;
    }
    memcpy(out->buffer + out->used, bytes, size);
    out->used += size;
}

static inline void
out_char(struct out *out, char c)
{
    out_bytes(out, &c, 1);
}

#endif
