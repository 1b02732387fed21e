/* fuzz_job_lines.c - what a trainer prints becomes text that a document can hold, in any pieces. */
#include "fuzz.h"

#include "training/job_lines.h"

#include <bson/bson.h>

/* The same bytes in pieces of this size. */
static struct job_lines *
lines_of(const uint8_t *data, size_t size, size_t piece)
{
    struct job_lines *lines = calloc(1, sizeof *lines);

    if (lines == NULL)
        abort();
    for (size_t at = 0; at < size; at += piece)
        job_lines_add(lines, (const char *)data + at, size - at < piece ? size - at : piece);
    job_lines_finish(lines);
    return lines;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job_lines *whole = lines_of(data, size, size + 1);
    struct job_lines *pieces = lines_of(data, size, 1 + size % 7);

    CLAIM(whole->count == pieces->count);
    for (size_t i = 0; i < job_lines_kept(whole); i++) {
        const char *line = job_lines_line(whole, i);

        CLAIM(strcmp(line, job_lines_line(pieces, i)) == 0);
        CLAIM(strlen(line) <= JOB_LINE_MAX);
        CLAIM(bson_utf8_validate(line, strlen(line), false));
        for (const char *c = line; *c != '\0'; c++)
            CLAIM((unsigned char)*c >= ' ' && *c != 0x7f);
    }
    free(whole);
    free(pieces);
    return 0;
}
