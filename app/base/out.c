/* out.c - the slow way of writing to a place: through its overflow, piece by piece. */
#include "base/out.h"

void
out_bytes_slow(struct out *out, const char *bytes, size_t size)
{
    while (size > 0 && !out->failed) {
        size_t room = out->size - out->used;
        size_t piece = size < room ? size : room;

        if (piece > 0) /* a place may have no buffer before its first overflow */
            memcpy(out->buffer + out->used, bytes, piece);
        out->used += piece;
        bytes += piece;
        size -= piece;
        if (size > 0 && !out->overflow(out))
            out->failed = true;
    }
}
