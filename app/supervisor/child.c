/*
 * child.c - launches a trainer behind its keeper and talks to it. Called by training.c.
 * Next: keeper.c.
 */
#include "child.h"

#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCH_WITHIN_MS 5000

static void
close_open(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

/* The four pipes: [0] is read, [1] written. */
struct pipes {
    int control[2], news[2], input[2], output[2];
};

static void
close_pipes(struct pipes *pipes)
{
    int *const all[] = {pipes->control, pipes->news, pipes->input, pipes->output};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        close_open(&all[i][0]);
        close_open(&all[i][1]);
    }
}

static int
open_pipes(struct pipes *pipes)
{
    int *const all[] = {pipes->control, pipes->news, pipes->input, pipes->output};
    int why;

    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (pipe2(all[i], O_CLOEXEC) == -1) {
            why = errno;
            close_pipes(pipes);
            return -why;
        }
    }
    return 0;
}

/* Our ends go to *child, the keeper's are closed. */
static void
take_ends(struct pipes *pipes, struct child *child)
{
    child->control = pipes->control[1];
    child->news = pipes->news[0];
    child->input = pipes->input[1];
    child->output = pipes->output[0];
    pipes->control[1] = pipes->news[0] = pipes->input[1] = pipes->output[0] = -1;
    close_pipes(pipes);
    fcntl(child->news, F_SETFL, O_NONBLOCK);
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    fcntl(child->input, F_SETFL, O_NONBLOCK); /* a trainer that never reads does not stop us */
}

/* The keeper's first word: 0 and the pid, or -errno. */
static int
hear_launch(struct child *child)
{
    struct pollfd watched = {.fd = child->news, .events = POLLIN};
    struct keeper_news news;
    int ready;

    do
        ready = poll(&watched, 1, LAUNCH_WITHIN_MS);
    while (ready == -1 && errno == EINTR);
    if (ready == 0)
        return -ETIMEDOUT;
    if (ready == -1 || read(child->news, &news, sizeof news) != (ssize_t)sizeof news)
        return -ECHILD;
    if (news.word != KEEPER_LAUNCHED)
        return news.value == 0 ? -ECHILD : -news.value;
    child->pid = news.value;
    return 0;
}

int
child_launch(const struct child_setup *setup, struct child *child)
{
    struct pipes pipes;
    int rc = open_pipes(&pipes);

    *child = (struct child){.control = -1, .news = -1, .input = -1, .output = -1};
    if (rc != 0)
        return rc;
    child->keeper = fork();
    if (child->keeper == 0) {
        const struct keeper_setup keeper = {.argv = setup->argv,
                                            .environment = setup->environment,
                                            .folder = setup->folder,
                                            .control = pipes.control[0],
                                            .news = pipes.news[1],
                                            .input = pipes.input[0],
                                            .output = pipes.output[1]};

        keeper_run(&keeper);
    }
    if (child->keeper == -1) {
        rc = -errno;
        child->keeper = 0;
        close_pipes(&pipes);
        return rc;
    }
    take_ends(&pipes, child);
    rc = hear_launch(child);
    if (rc != 0)
        child_clear(child);
    return rc;
}

static void
order(struct child *child, enum keeper_order what)
{
    const char byte = (char)what;

    while (child->control != -1 && write(child->control, &byte, 1) == -1 && errno == EINTR) {
    }
}

void
child_ask(struct child *child)
{
    static const char stop[] = "stop\n";

    /* Where the line finds no room, the end of the input says the same. */
    while (child->input != -1 && write(child->input, stop, sizeof stop - 1) == -1 &&
           errno == EINTR) {
    }
    close_open(&child->input);
}

void
child_terminate(struct child *child)
{
    order(child, KEEPER_TERM);
}

void
child_kill(struct child *child)
{
    order(child, KEEPER_KILL);
}

static void
read_status(int status, struct job_exit *how)
{
    how->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (WIFSIGNALED(status))
        snprintf(how->signal, sizeof how->signal, "SIG%s", sigabbrev_np(WTERMSIG(status)));
}

bool
child_has_ended(struct child *child, struct job_exit *how)
{
    struct keeper_news news;
    const ssize_t size = read(child->news, &news, sizeof news);

    if (size == -1 && (errno == EAGAIN || errno == EINTR))
        return false;
    how->code = -1;
    how->signal[0] = '\0';
    if (size == (ssize_t)sizeof news && news.word == KEEPER_ENDED)
        read_status(news.value, how);
    else
        keeper_end_children(); /* the keeper was killed: what it kept has come to us */
    close_open(&child->control);
    return true;
}

size_t
child_read(struct child *child, char *text, size_t size)
{
    const ssize_t got = child->output == -1 ? 0 : read(child->output, text, size);

    if (got > 0)
        return (size_t)got;
    if (got == 0)
        close_open(&child->output);
    return 0;
}

void
child_clear(struct child *child)
{
    close_open(&child->input);
    close_open(&child->output);
    close_open(&child->control); /* the keeper takes it for our death, and ends everything */
    close_open(&child->news);
    while (child->keeper > 0 && waitpid(child->keeper, NULL, 0) == -1 && errno == EINTR) {
    }
    child->keeper = 0;
}
