/* http_inflate.c - gzip bodies, through zlib. Called by http_request.c. Next: zlib. */
#include "http/http_inflate.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* its input is not written to */
#include <zlib.h>

#define GZIP_ONLY (15 + 16) /* inflateInit2: the largest window, and a gzip header */
#define FIRST_SIZE ((size_t)16 * 1024)

struct http_inflate {
    z_stream stream;
    char *text; /* room bytes; the last one is never zlib's */
    size_t size, room, max;
    bool begun, whole; /* in the middle of a member; at the end of one */
};

static void *
or_end(void *memory)
{
    if (memory == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    return memory;
}

struct http_inflate *
http_inflate_new(size_t max)
{
    struct http_inflate *gzip = or_end(calloc(1, sizeof *gzip));

    gzip->max = max;
    if (inflateInit2(&gzip->stream, GZIP_ONLY) != Z_OK)
        abort();
    return gzip;
}

/* Room for at least one byte more, and in the end for one beyond max, which proves the excess. */
static void
make_room(struct http_inflate *gzip)
{
    const size_t most = gzip->max + 2;

    if (gzip->size + 1 < gzip->room)
        return;
    gzip->room = gzip->room == 0 ? FIRST_SIZE : gzip->room * 2;
    if (gzip->room > most)
        gzip->room = most;
    gzip->text = or_end(realloc(gzip->text, gzip->room));
}

/* One call of zlib. False: the bytes are none of gzip's. */
static bool
step(struct http_inflate *gzip)
{
    z_stream *stream = &gzip->stream;
    int rc;

    if (gzip->whole && inflateReset(stream) != Z_OK) /* RFC 1952, 2.2: members in a row */
        return false;
    make_room(gzip);
    stream->next_out = (unsigned char *)gzip->text + gzip->size;
    stream->avail_out = (uInt)(gzip->room - 1 - gzip->size);
    rc = inflate(stream, Z_NO_FLUSH);
    gzip->size = gzip->room - 1 - stream->avail_out;
    gzip->whole = rc == Z_STREAM_END;
    gzip->begun = rc != Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR;
}

bool
http_inflate_feed(struct http_inflate *gzip, const char *bytes, size_t size, struct api_error *err)
{
    z_stream *stream = &gzip->stream;

    if (size == 0)
        return true;
    stream->next_in = (const unsigned char *)bytes;
    stream->avail_in = (uInt)size;
    do {
        if (stream->avail_in == 0 && gzip->whole)
            break; /* else a member that is not there would begin */
        if (!step(gzip))
            return api_fail(err, API_BODY_NOT_GZIP, NULL);
        if (gzip->size > gzip->max)
            return api_fail(err, API_BODY_TOO_LARGE, "The body becomes larger than %zu bytes.",
                            gzip->max);
    } while (stream->avail_in > 0 || stream->avail_out == 0);
    return true;
}

char *
http_inflate_take(struct http_inflate *gzip, size_t *size, struct api_error *err)
{
    char *text;

    if (gzip->begun) {
        api_fail(err, API_BODY_NOT_GZIP, NULL);
        return NULL;
    }
    make_room(gzip);
    text = gzip->text;
    text[gzip->size] = '\0';
    *size = gzip->size;
    gzip->text = NULL;
    return text;
}

void
http_inflate_free(struct http_inflate *gzip)
{
    if (gzip == NULL)
        return;
    inflateEnd(&gzip->stream);
    free(gzip->text);
    free(gzip);
}
