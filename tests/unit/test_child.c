/* test_child.c - real programs launched, stopped, killed; and nothing of them left behind. */
#include "supervisor/child.c"
#include "supervisor/keeper.c"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#define WITHIN_MS 20000

static int
be_subreaper(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* sh -c script; 0, or -errno. */
static int
launch_script(const char *script, struct child *child)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL};
    char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};
    const struct child_setup setup = {.argv = argv, .environment = environment, .folder = "/"};
    const int rc = child_launch(&setup, child);

    free(argv[2]);
    return rc;
}

/* Everything it prints until it ends, into text; how it ended. */
static struct job_exit
wait_for_end(struct child *child, char *text, size_t size)
{
    const int64_t until_ms = clock_steady_ms() + WITHIN_MS;
    struct job_exit how = {.code = -7};
    size_t used = 0;
    bool ended;

    do {
        ended = child_has_ended(child, &how);
        used += child_read(child, text + used, size - used - 1);
        if (clock_steady_ms() > until_ms)
            fail_msg("it does not end");
        usleep(1000);
    } while (!ended);
    text[used] = '\0';
    return how;
}

/* Until it has printed a line; its text. */
static const char *
wait_for_line(struct child *child)
{
    const int64_t until_ms = clock_steady_ms() + WITHIN_MS;
    static char text[256];
    size_t used = 0;

    memset(text, 0, sizeof text);
    while (strchr(text, '\n') == NULL) {
        used += child_read(child, text + used, sizeof text - used - 1);
        if (clock_steady_ms() > until_ms)
            fail_msg("it prints nothing");
        usleep(1000);
    }
    return text;
}

static bool
is_gone(int pid)
{
    char path[64], state = 'X';
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return true;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(file);
    return state == 'Z' || state == 'X';
}

static void
wait_gone(int pid)
{
    const int64_t until_ms = clock_steady_ms() + WITHIN_MS;

    while (!is_gone(pid)) {
        if (clock_steady_ms() > until_ms)
            fail_msg("process %d is still there", pid);
        usleep(1000);
    }
}

static void
an_exit_code_and_a_signal_are_told(void **state)
{
    static const struct {
        const char *script, *text, *signal;
        int code;
    } cases[] = {
        {"exit 0", "", "", 0},
        {"echo out; echo err >&2; exit 3", "out\nerr\n", "", 3},
        {"kill -SEGV $$", "", "SIGSEGV", -1},
        {"kill -KILL $$", "", "SIGKILL", -1},
        {"exec >&- 2>&-; exit 5", "", "", 5},
        {"cat", "", "", 0}, /* ends when its input does: see below */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct child child;
        struct job_exit how;
        char text[256];

        assert_int_equal(launch_script(cases[i].script, &child), 0);
        if (strcmp(cases[i].script, "cat") == 0)
            close_open(&child.input);
        how = wait_for_end(&child, text, sizeof text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(how.code, cases[i].code);
        assert_string_equal(how.signal, cases[i].signal);
        child_clear(&child);
    }
}

static void
what_cannot_be_launched_is_told_by_errno(void **state)
{
    static const struct {
        const char *program, *folder;
        int rc;
    } cases[] = {
        {"/nowhere/trainer", "/", -ENOENT}, {"no-such-trainer", "/", -ENOENT},
        {"/etc/passwd", "/", -EACCES},      {"/", "/", -EACCES},
        {"/bin/true", "/nowhere", -ENOENT},
    };
    char *environment[] = {NULL};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *argv[] = {strdup(cases[i].program), NULL};
        const struct child_setup setup = {
            .argv = argv, .environment = environment, .folder = cases[i].folder};
        struct child child;

        assert_int_equal(child_launch(&setup, &child), cases[i].rc);
        free(argv[0]);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie either */
        assert_int_equal(errno, ECHILD);
    }
}

static void
asking_is_a_line_and_the_end_of_the_input(void **state)
{
    struct child child;
    char text[256];

    (void)state;
    assert_int_equal(launch_script("read word; echo \"<$word>\"; cat; echo end", &child), 0);
    child_ask(&child);
    child_ask(&child); /* again: nothing */
    assert_int_equal(wait_for_end(&child, text, sizeof text).code, 0);
    assert_string_equal(text, "<stop>\nend\n");
    child_clear(&child);
}

static void
who_ignores_everything_is_killed(void **state)
{
    struct child child;
    struct job_exit how;
    char text[256];

    (void)state;
    assert_int_equal(
        launch_script("trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done", &child),
        0);
    wait_for_line(&child);
    child_ask(&child);
    child_terminate(&child);
    assert_string_equal(wait_for_line(&child), "term\n");
    child_kill(&child);
    how = wait_for_end(&child, text, sizeof text);
    assert_string_equal(how.signal, "SIGKILL");
    child_clear(&child);
}

static void
what_a_trainer_leaves_behind_is_ended(void **state)
{
    struct child child;
    struct job_exit how;
    char text[256];
    int pid;

    (void)state;
    /* In a session of its own, its parent dead, deaf to signals: it still goes. */
    assert_int_equal(
        launch_script("setsid sh -c 'trap \"\" TERM HUP INT; echo $$; exec sleep 600' & "
                      "read line; exit 4",
                      &child),
        0);
    pid = atoi(wait_for_line(&child));
    assert_false(is_gone(pid));
    child_ask(&child);
    how = wait_for_end(&child, text, sizeof text);
    assert_int_equal(how.code, 4);
    assert_true(is_gone(pid));
    child_clear(&child);
}

static void
clearing_ends_what_still_runs(void **state)
{
    struct child child;
    int pid;

    (void)state;
    assert_int_equal(launch_script("echo $$; exec sleep 600", &child), 0);
    pid = atoi(wait_for_line(&child));
    assert_int_equal(pid, child.pid);
    child_clear(&child);
    assert_true(is_gone(pid));
}

static void
a_killed_keeper_takes_all_with_it(void **state)
{
    struct child child;
    struct job_exit how;
    char text[256];
    int pid;

    (void)state;
    assert_int_equal(launch_script("setsid sh -c 'echo $$; exec sleep 600' & wait", &child), 0);
    pid = atoi(wait_for_line(&child));
    kill(child.keeper, SIGKILL);
    how = wait_for_end(&child, text, sizeof text);
    assert_int_equal(how.code, -1);
    assert_string_equal(how.signal, "");
    assert_true(is_gone(pid));
    assert_true(is_gone(child.pid));
    child_clear(&child);
}

/* A supervisor in a process of its own, which is killed: tells the pids through a pipe. */
static void
a_killed_supervisor_takes_all_with_it(void **state)
{
    int pipe_fds[2], pids[3] = {0};
    pid_t supervisor;

    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    supervisor = fork();
    if (supervisor == 0) {
        struct child child;

        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (launch_script("setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 600' & wait",
                          &child) == 0) {
            pids[0] = child.keeper;
            pids[1] = child.pid;
            pids[2] = atoi(wait_for_line(&child));
        }
        if (write(pipe_fds[1], pids, sizeof pids) != (ssize_t)sizeof pids)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_fds[0], pids, sizeof pids), sizeof pids);
    for (int i = 0; i < 3; i++)
        assert_false(is_gone(pids[i]));
    kill(supervisor, SIGKILL);
    waitpid(supervisor, NULL, 0);
    for (int i = 0; i < 3; i++)
        wait_gone(pids[i]);
    keeper_end_children();
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void
the_trainer_gets_three_descriptors_and_no_blocked_signal(void **state)
{
    /* Of the ignored signals the first 28: glibc keeps two for itself, which make hands on. */
    static const char script[] = "ls /proc/self/fd; grep SigBlk /proc/self/status; "
                                 "grep SigIgn /proc/self/status | tail -c 8";
    struct child child;
    char text[4096];
    sigset_t all, before;

    (void)state;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    signal(SIGQUIT, SIG_IGN);
    assert_int_equal(launch_script(script, &child), 0);
    signal(SIGQUIT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    wait_for_end(&child, text, sizeof text);
    assert_string_equal(text, "0\n1\n2\n3\nSigBlk:\t0000000000000000\n0000000\n");
    child_clear(&child);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_code_and_a_signal_are_told),
        cmocka_unit_test(what_cannot_be_launched_is_told_by_errno),
        cmocka_unit_test(asking_is_a_line_and_the_end_of_the_input),
        cmocka_unit_test(who_ignores_everything_is_killed),
        cmocka_unit_test(what_a_trainer_leaves_behind_is_ended),
        cmocka_unit_test(clearing_ends_what_still_runs),
        cmocka_unit_test(a_killed_keeper_takes_all_with_it),
        cmocka_unit_test(a_killed_supervisor_takes_all_with_it),
        cmocka_unit_test(the_trainer_gets_three_descriptors_and_no_blocked_signal),
    };

    return cmocka_run_group_tests_name("child", tests, be_subreaper, NULL);
}
