/*
 * keeper.c - the trainer's parent. Called by child.c in a process of its own. Next: child.c, which
 * reads the news.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_FAILED 127
#define SWEEPS_MAX 1000 /* rounds of killing what a trainer has left behind */
#define SWEEP_PAUSE_US 2000

/* ---- ending everything ---- */

/* Kill each child that this process has now (proc(5): task/TID/children). */
static void
kill_children(void)
{
    char path[64];
    FILE *list;
    int pid;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    list = fopen(path, "re");
    if (list == NULL)
        return;
    while (fscanf(list, "%d", &pid) == 1)
        kill(pid, SIGKILL);
    fclose(list);
}

void
keeper_end_children(void)
{
    for (int i = 0; i < SWEEPS_MAX; i++) {
        pid_t reaped;

        kill_children();
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0) {
        }
        if (reaped == -1 && errno == ECHILD)
            return;
        usleep(SWEEP_PAUSE_US);
    }
}

/* ---- launching ---- */

/* Nothing of the supervisor's stays open here: not its connections, not its lock. */
static void
close_all_but(const int *kept, size_t count)
{
    unsigned from = STDERR_FILENO + 1;

    for (;;) {
        unsigned next = ~0U;

        for (size_t i = 0; i < count; i++)
            if ((unsigned)kept[i] >= from && (unsigned)kept[i] < next)
                next = (unsigned)kept[i];
        if (next == ~0U) {
            close_range(from, ~0U, 0);
            return;
        }
        if (next > from)
            close_range(from, next - 1, 0);
        from = next + 1;
    }
}

/* In the trainer's process, up to its program. What fails goes through report, as errno. */
static _Noreturn void
become_trainer(const struct keeper_setup *setup, pid_t keeper, int report)
{
    sigset_t none;
    int why;

    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* whoever started the supervisor may have ignored some */
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == keeper && setpgid(0, 0) == 0 &&
        dup2(setup->input, STDIN_FILENO) != -1 && dup2(setup->output, STDOUT_FILENO) != -1 &&
        dup2(setup->output, STDERR_FILENO) != -1 && chdir(setup->folder) == 0 &&
        close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        execvpe(setup->argv[0], setup->argv, setup->environment);
    why = errno;
    while (write(report, &why, sizeof why) == -1 && errno == EINTR) {
    }
    _exit(EXEC_FAILED);
}

static void
tell(const struct keeper_setup *setup, enum keeper_word word, int value)
{
    const struct keeper_news news = {.word = (int32_t)word, .value = value};

    /* Nobody may be left to hear it: then the control pipe says so, too. */
    while (write(setup->news, &news, sizeof news) == -1 && errno == EINTR) {
    }
}

/* The trainer's pid once its program runs; -1 when it could not be launched, which is told. */
static pid_t
launch(const struct keeper_setup *setup)
{
    const pid_t keeper = getpid();
    int report[2], why = 0;
    ssize_t size = 0;
    pid_t pid = -1;

    if (pipe2(report, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid == 0)
            become_trainer(setup, keeper, report[1]);
        why = errno;
        close(report[1]);
        /* exec closes the other end: no byte means that it went well. */
        while (pid != -1 && (size = read(report[0], &why, sizeof why)) == -1 && errno == EINTR) {
        }
        close(report[0]);
    } else {
        why = errno;
    }
    if (pid != -1 && size == 0) {
        tell(setup, KEEPER_LAUNCHED, (int)pid);
        return pid;
    }
    if (pid != -1)
        waitpid(pid, NULL, 0);
    tell(setup, KEEPER_NOT_LAUNCHED, why);
    return -1;
}

/* ---- keeping ---- */

struct keeper {
    const struct keeper_setup *setup;
    pid_t trainer;
    int signal_fd;
    bool ended;
    int status;
};

static void
reap(struct keeper *keeper)
{
    struct signalfd_siginfo heard;
    int status;
    pid_t pid;

    while (read(keeper->signal_fd, &heard, sizeof heard) > 0) {
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == keeper->trainer) {
            keeper->ended = true;
            keeper->status = status;
        }
}

/* False: the supervisor is gone. */
static bool
obey(const struct keeper *keeper)
{
    char order;
    const ssize_t size = read(keeper->setup->control, &order, 1);

    if (size == 0)
        return false;
    if (size == 1 && order == KEEPER_TERM)
        kill(keeper->trainer, SIGTERM);
    if (size == 1 && order == KEEPER_KILL)
        kill(-keeper->trainer, SIGKILL);
    return true;
}

static void
keep(struct keeper *keeper)
{
    struct pollfd watched[] = {
        {.fd = keeper->setup->control, .events = POLLIN},
        {.fd = keeper->signal_fd, .events = POLLIN},
    };

    while (!keeper->ended) {
        if (poll(watched, 2, -1) == -1 && errno != EINTR)
            return;
        if (watched[1].revents != 0)
            reap(keeper);
        if (!keeper->ended && watched[0].revents != 0 && !obey(keeper))
            return;
    }
}

/* Signals to the process group or the service are the supervisor's business. */
static int
open_signals(void)
{
    sigset_t heard;

    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&heard);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_SETMASK, &heard, NULL);
    return signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
}

_Noreturn void
keeper_run(const struct keeper_setup *setup)
{
    const int kept[] = {setup->control, setup->news, setup->input, setup->output};
    struct keeper keeper = {.setup = setup};

    setsid();
    prctl(PR_SET_NAME, "training-keeper");
    close_all_but(kept, sizeof kept / sizeof kept[0]);
    keeper.signal_fd = open_signals();
    if (keeper.signal_fd == -1 || prctl(PR_SET_CHILD_SUBREAPER, 1) == -1) {
        tell(setup, KEEPER_NOT_LAUNCHED, errno);
        _exit(EXIT_FAILURE);
    }
    keeper.trainer = launch(setup);
    close(setup->input);
    close(setup->output);
    if (keeper.trainer != -1) {
        keep(&keeper);
        kill(-keeper.trainer, SIGKILL); /* its own group first: that is quick and complete */
        keeper_end_children();
        if (keeper.ended)
            tell(setup, KEEPER_ENDED, keeper.status);
    }
    _exit(EXIT_SUCCESS);
}
