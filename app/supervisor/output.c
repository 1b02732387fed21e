/*
 * output.c - keeps what the trainer prints. Called by training.c. Next: training/job_lines.c.
 */
#include "output.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
open_file(struct output *output)
{
    struct stat file;

    output->fd = open(output->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (output->fd == -1 || fstat(output->fd, &file) == -1)
        log_event(LOG_WARN, "trainer_log_not_written", LOG_TEXT("why", strerror(errno)));
    else
        output->size = file.st_size;
}

/* Put a file that has grown large aside, in place of the one before. */
static void
rotate(struct output *output)
{
    char aside[PATH_MAX];

    snprintf(aside, sizeof aside, "%s.1", output->path);
    if (rename(output->path, aside) == -1)
        log_event(LOG_WARN, "trainer_log_not_put_aside", LOG_TEXT("why", strerror(errno)));
    close(output->fd);
    output->size = 0;
    open_file(output);
}

static void
write_file(struct output *output, const char *bytes, size_t size)
{
    ssize_t written = 0;

    if (output->fd != -1 && output->size + (int64_t)size > output->size_max)
        rotate(output);
    for (size_t at = 0; output->fd != -1 && at < size; at += (size_t)written) {
        written = write(output->fd, bytes + at, size - at);
        if (written > 0) {
            output->size += written;
        } else if (errno != EINTR) { /* a full disk does not stop a training */
            log_event(LOG_WARN, "trainer_log_not_written", LOG_TEXT("why", strerror(errno)));
            close(output->fd);
            output->fd = -1;
        } else {
            written = 0;
        }
    }
}

struct output *
output_new(const char *path, int64_t size_max)
{
    struct output *output = calloc(1, sizeof *output);

    if (output == NULL)
        return NULL;
    output->path = path;
    output->size_max = size_max;
    open_file(output);
    return output;
}

void
output_note(struct output *output, const char *text)
{
    write_file(output, text, strlen(text));
    write_file(output, "\n", 1);
}

void
output_add(struct output *output, const char *bytes, size_t size)
{
    write_file(output, bytes, size);
    job_lines_add(&output->lines, bytes, size);
}

void
output_free(struct output *output)
{
    if (output != NULL && output->fd != -1)
        close(output->fd);
    free(output);
}
