/* spool.c - what does not fit in memory waits in a temporary file. Called by the routes. */
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_RECORDS 256 /* read back at once by spool_each */

static bool
write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/* A file that is gone as soon as it is closed, a kill -9 included. */
static int
open_nameless(void)
{
    char path[] = "/tmp/training-spool-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd != -1)
        unlink(path);
    return fd;
}

/* struct out's overflow: the buffer moves to the file, which is made at the first time. */
static bool
move_to_file(struct out *out)
{
    struct spool *spool = (struct spool *)out;

    if (spool->fd == -1)
        spool->fd = open_nameless();
    if (spool->fd == -1 || !write_all(spool->fd, out->buffer, out->used))
        return false;
    spool->kept += out->used;
    out->used = 0;
    return true;
}

void
spool_init(struct spool *spool, size_t buffer_size)
{
    char *buffer = malloc(buffer_size);

    *spool = (struct spool){.out = {.buffer = buffer,
                                    .size = buffer == NULL ? 0 : buffer_size,
                                    .failed = buffer == NULL,
                                    .overflow = move_to_file},
                            .fd = -1};
}

bool
spool_good(const struct spool *spool)
{
    return !spool->out.failed;
}

/* Up to size bytes at offset; fewer only at the end of the file, -1 on errors. */
static ssize_t
read_at(int fd, char *bytes, size_t size, uint64_t offset)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = pread(fd, bytes + got, size - got, (off_t)(offset + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

bool
spool_copy(struct spool *spool, struct out *to)
{
    char piece[16 * 1024];
    uint64_t at = 0;

    if (!spool_good(spool))
        return false;
    while (at < spool->kept) {
        ssize_t got = read_at(spool->fd, piece, sizeof piece, at);

        if (got <= 0)
            return false;
        out_bytes(to, piece, (size_t)got);
        at += (uint64_t)got;
    }
    out_bytes(to, spool->out.buffer, spool->out.used);
    return true;
}

static bool
each_of(const char *bytes, size_t size, size_t record_size,
        bool (*each)(const void *record, void *context), void *context)
{
    for (size_t at = 0; at + record_size <= size; at += record_size)
        if (!each(bytes + at, context))
            return false;
    return true;
}

bool
spool_each(struct spool *spool, size_t record_size, bool (*each)(const void *record, void *context),
           void *context)
{
    const size_t piece_size = record_size * PIECE_RECORDS;
    char *piece;
    bool good = spool_good(spool);

    if (!good || spool->kept == 0)
        return good && each_of(spool->out.buffer, spool->out.used, record_size, each, context);
    piece = malloc(piece_size);
    good = piece != NULL;
    for (uint64_t at = 0; good && at < spool->kept; at += piece_size) {
        ssize_t got = read_at(spool->fd, piece, piece_size, at);

        if (got > 0 && at + (uint64_t)got > spool->kept)
            got = (ssize_t)(spool->kept - at);
        good = got > 0 && each_of(piece, (size_t)got, record_size, each, context);
    }
    free(piece);
    return good && each_of(spool->out.buffer, spool->out.used, record_size, each, context);
}

void
spool_clear(struct spool *spool)
{
    free(spool->out.buffer);
    if (spool->fd != -1)
        close(spool->fd);
    *spool = (struct spool){.fd = -1};
}
