/* child.h - a trainer as a process: launched without a shell, told to stop, heard to its end. */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include "training/job.h"

#include <stdbool.h>
#include <sys/types.h>

/* What to launch. All borrowed. */
struct child_setup {
    char *const *argv;        /* NULL at its end; argv[0] is looked up in PATH unless it has a / */
    char *const *environment; /* "NAME=value", NULL at its end */
    const char *folder;       /* where it starts */
};

struct child {
    pid_t pid;    /* the trainer's */
    pid_t keeper; /* of its parent, our child */
    int control;  /* to the keeper; -1: closed, as are all here */
    int news;     /* from the keeper; to be polled */
    int input;    /* the trainer's standard input */
    int output;   /* its standard output and error; not blocking, to be polled */
};

/*
 * Launch it: 0 once its program runs, else -errno, of exec too (-ENOENT, -EACCES, -ETIMEDOUT: the
 * program did not begin within 5 s). The caller ends it with child_clear.
 */
int child_launch(const struct child_setup *setup, struct child *child);

/* Tell it to save and end: a line "stop" on its standard input, and the end of it. */
void child_ask(struct child *child);

/* Send SIGTERM to the trainer; SIGKILL to it and all that came from it. */
void child_terminate(struct child *child);
void child_kill(struct child *child);

/*
 * Has it ended? Does not block. True: how->code or how->signal say how, both unknown when its
 * keeper was killed too; nothing of it is left running.
 */
bool child_has_ended(struct child *child, struct job_exit *how);

/* What it has printed: bytes into text, 0 when there is nothing (now, or any more). */
size_t child_read(struct child *child, char *text, size_t size);

/* Let go of it; kills it if it has not ended. */
void child_clear(struct child *child);

#endif
