/*
 * spool.h - text or records written now and read later: in memory while small, in an unlinked
 * temporary file beyond that, so that memory does not grow with the length of a run.
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include "base/out.h"

#include <stdint.h>

struct spool {
    struct out out; /* first: written through out_bytes and json_out */
    int fd;         /* -1 while everything fits in the buffer */
    uint64_t kept;  /* bytes in the file */
};

/* buffer_size: bytes kept in memory. Write with &spool->out until spool_copy. */
void spool_init(struct spool *spool, size_t buffer_size);

/* Has everything been kept? False when the disk is full or memory ran out. */
bool spool_good(const struct spool *spool);

/* Append all that was written to `to`. False when a part could not be read back. */
bool spool_copy(struct spool *spool, struct out *to);

/*
 * Give all that was written to each(), in pieces of whole records of record_size bytes (the
 * buffer holds whole ones). Ends early and returns false when each() does, or on a read error.
 */
bool spool_each(struct spool *spool, size_t record_size,
                bool (*each)(const void *record, void *context), void *context);

void spool_clear(struct spool *spool);

#endif
