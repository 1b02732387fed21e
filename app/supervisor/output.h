/* output.h - what the trainer prints: all of it in a bounded file, the last lines in memory. */
#ifndef SUPERVISOR_OUTPUT_H
#define SUPERVISOR_OUTPUT_H

#include "training/job_lines.h"

#include <stdint.h>

struct output {
    const char *path; /* of the file; PATH.1 is the one before. Borrowed */
    int64_t size_max; /* bytes */
    int64_t size;
    int fd; /* -1: it cannot be written, which was logged */
    struct job_lines lines;
    uint64_t lines_told; /* lines.count as last stored in the job */
};

/* Begin with an empty memory and go on in the file. NULL when memory ran out. */
struct output *output_new(const char *path, int64_t size_max);

/* The supervisor's own word, such as which job begins: a line of the file alone. */
void output_note(struct output *output, const char *text);

/* What the trainer printed next. */
void output_add(struct output *output, const char *bytes, size_t size);

/* NULL is fine. */
void output_free(struct output *output);

#endif
