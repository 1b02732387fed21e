/*
 * admin_purge.c - the command purge: a whole account, or the deleted runs whose time is over.
 * Called by main.c. Next: store/store_purge_account.c, store/store_purge.c.
 */
#include "admin.h"

#include "base/auto.h"
#include "base/clock.h"
#include "store/store_key.h"
#include "store/store_purge.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_MS 60000
#define ROWS_AT_ONCE 5000 /* some 200 ms of the database's time: nobody waits for this program */
#define RUNS_AT_ONCE 100
#define DOORS_CLOSE_MS 2500 /* a worker remembers a key for 2 s */
#define DOOR_ROUNDS 5
#define OTHERS_LEASE_MS 60000  /* longer than whoever else purges keeps a run */
#define PROGRESS_EVERY_MS 1000 /* lines on stderr */

/* A purge under way. */
struct purge {
    struct store *store;
    struct store_author by; /* account NULL: whatever is due */
    struct store_purged done;
    int64_t told_ms; /* steady clock: the last line of progress */
    struct api_error err;
};

static void
sleep_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

static void
tell_progress(struct purge *purge)
{
    const int64_t now_ms = clock_steady_ms();

    if (now_ms - purge->told_ms < PROGRESS_EVERY_MS)
        return;
    purge->told_ms = now_ms;
    fprintf(stderr, "removed so far: %lld runs, %lld episodes\n", (long long)purge->done.runs,
            (long long)purge->done.episodes);
}

/* One step of what is due now. */
static bool
step(struct purge *purge, bool *more)
{
    purge->by.now_ms = clock_now_ms();
    tell_progress(purge);
    return store_purge_step(purge->store, &purge->by, ROWS_AT_ONCE, &purge->done, more,
                            &purge->err);
}

static bool
purge_due(struct purge *purge)
{
    bool more = true;

    while (more)
        if (!step(purge, &more))
            return false;
    return true;
}

/* Until none of the account's runs is left, here or in the hands of a worker that purges too. */
static bool
purge_runs(struct purge *purge)
{
    int64_t count = 1, waiting = 1, progress_ms = clock_steady_ms();

    while (count > 0 || waiting > 0) {
        const int64_t before = purge->done.episodes + purge->done.runs;

        purge->by.now_ms = clock_now_ms();
        if (!store_purge_doom(purge->store, &purge->by, RUNS_AT_ONCE, &purge->done, &count,
                              &purge->err) ||
            !purge_due(purge) ||
            !store_purge_waiting(purge->store, purge->by.account, &waiting, &purge->err))
            return false;
        if (count > 0 || purge->done.episodes + purge->done.runs > before)
            progress_ms = clock_steady_ms();
        else if (clock_steady_ms() - progress_ms > OTHERS_LEASE_MS)
            return api_fail(&purge->err, API_STORE_BUSY,
                            "Another process purges runs of this account; try again.");
        else if (waiting > 0)
            sleep_ms(200);
    }
    return true;
}

static bool
purge_rest(struct purge *purge)
{
    bool more = true;

    while (more)
        if (!store_purge_rest(purge->store, purge->by.account, ROWS_AT_ONCE, &purge->done, &more,
                              &purge->err))
            return false;
    return true;
}

/* The one entry that stays. */
static bool
note(struct purge *purge)
{
    AUTO_JSON *details = json_object_new_object();
    const struct store_audit_entry entry = {.by = purge->by,
                                            .action = STORE_AUDIT_ACCOUNT_PURGE,
                                            .subject = purge->by.account,
                                            .details = details};

    json_object_object_add(details, "runs", json_object_new_int64(purge->done.runs));
    json_object_object_add(details, "episodes", json_object_new_int64(purge->done.episodes));
    json_object_object_add(details, "keys", json_object_new_int64(purge->done.keys));
    return store_audit_note(purge->store, &entry, &purge->err);
}

/*
 * Keys go first: what a client writes after that, if anything, is purged too. A key that a worker
 * still remembers may make another one, so that is looked at again.
 */
static bool
close_doors(struct purge *purge)
{
    const struct store_purged *done = &purge->done;

    for (int round = 0; round < DOOR_ROUNDS; round++) {
        const int64_t before = done->keys + done->sessions;

        if (!store_purge_doors(purge->store, purge->by.account, &purge->done, &purge->err))
            return false;
        if (round > 0 && done->keys + done->sessions == before)
            return true;
        fprintf(stderr, "removed %lld keys and %lld sessions; waiting until all workers know\n",
                (long long)done->keys, (long long)done->sessions);
        sleep_ms(DOORS_CLOSE_MS);
    }
    return api_fail(&purge->err, API_STORE_BUSY,
                    "The account makes new keys all the time: stop its clients first.");
}

static bool
purge_account(struct purge *purge)
{
    return close_doors(purge) && purge_runs(purge) && purge_rest(purge) && note(purge);
}

static void
print_done(const struct store_purged *done)
{
    printf("removed: %lld runs, %lld episodes, %lld evaluations, %lld keys, %lld sessions, "
           "%lld audit entries\n",
           (long long)done->runs, (long long)done->episodes, (long long)done->evaluations,
           (long long)done->keys, (long long)done->sessions, (long long)done->entries);
}

static enum admin_exit
run_purge(const struct admin_settings *settings, const char *account)
{
    struct purge purge = {.by = {.account = account, .actor = STORE_AUDIT_PROGRAM},
                          .told_ms = clock_steady_ms()};
    bool good;

    purge.store = admin_open(settings, SOCKET_MS);
    if (purge.store == NULL)
        return ADMIN_FAILED;
    purge.by.now_ms = clock_now_ms();
    good = account == NULL ? purge_due(&purge) : purge_account(&purge);
    store_close(purge.store);
    print_done(&purge.done);
    if (good)
        return ADMIN_OK;
    fflush(stdout);
    fputs("it is not complete; run the command again\n", stderr);
    return admin_fail(&purge.err);
}

/* Ask for the account's name, as that cannot be typed by accident. */
static bool
confirm(const char *account)
{
    char answer[STORE_ACCOUNT_SIZE + 1] = "";

    fprintf(stderr,
            "All of account %s goes: runs, episodes, evaluations, keys, audit. It cannot be "
            "undone.\nType the account's name to go on: ",
            account);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    answer[strcspn(answer, "\n")] = '\0';
    return strcmp(answer, account) == 0;
}

struct purge_options {
    const char *account;
    bool due, yes;
};

static bool
read_options(int argc, char **argv, struct purge_options *given)
{
    static const struct option options[] = {
        {"account", required_argument, NULL, 'a'},
        {"due", no_argument, NULL, 'd'},
        {"yes", no_argument, NULL, 'y'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'a')
            given->account = optarg;
        else if (option == 'd')
            given->due = true;
        else if (option == 'y')
            given->yes = true;
        else
            return false;
    }
    return true;
}

enum admin_exit
admin_purge(const struct admin_command *command, int argc, char **argv,
            const struct admin_settings *settings)
{
    struct purge_options given = {.account = NULL};

    if (!read_options(argc, argv, &given))
        return admin_usage(command, NULL);
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    if ((given.account == NULL) != given.due)
        return admin_usage(command, "either --account or --due is needed");
    if (given.account != NULL && !store_account_is_valid(given.account))
        return admin_usage(command, "an account's name is 1-64 of A-Z a-z 0-9 . _ -");
    if (given.account == NULL || given.yes)
        return run_purge(settings, given.account);
    if (!isatty(STDIN_FILENO))
        return admin_usage(command, "nobody can be asked here: --yes purges without asking");
    if (confirm(given.account))
        return run_purge(settings, given.account);
    fputs("training-admin: nothing was removed\n", stderr);
    return ADMIN_FAILED;
}
