/*
 * job_lines.h - the last lines that a trainer has printed, as text that a document and a terminal
 * can hold: valid UTF-8, no control characters, long lines cut. Bytes in, in pieces of any size.
 */
#ifndef TRAINING_JOB_LINES_H
#define TRAINING_JOB_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_LINES_MAX 200
#define JOB_LINE_MAX 400 /* bytes, not counting the NUL */

/* Zero it first. Some 80 KiB: not for the stack. */
struct job_lines {
    char kept[JOB_LINES_MAX][JOB_LINE_MAX + 1]; /* a ring: the i-th line is at i % JOB_LINES_MAX */
    uint64_t count;                             /* whole lines seen */
    char open[JOB_LINE_MAX + 1];                /* the line that is not finished yet */
    size_t open_size;
    bool returned; /* a carriage return came last: what follows overwrites the line */
};

/* Take what was printed next. */
void job_lines_add(struct job_lines *lines, const char *bytes, size_t size);

/* The trainer prints no more: what it left unfinished is a line. */
void job_lines_finish(struct job_lines *lines);

/* How many lines are kept, and the i-th of them, the oldest first. Good until the next call. */
size_t job_lines_kept(const struct job_lines *lines);
const char *job_lines_line(const struct job_lines *lines, size_t i);

#endif
