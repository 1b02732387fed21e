/*
 * admin_doctor.c - the command doctor: what must not be in the database.
 * Called by main.c. Next: store/store_doctor.c, store/store_schema.c.
 */
#include "admin.h"

#include "base/clock.h"
#include "store/store_doctor.h"
#include "store/store_key.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_MS 600000 /* building a missing index takes its time */
#define DAY_MS INT64_C(86400000)
#define DAYS_MAX 3650
#define BAR_MS 100    /* between two states of the bar on a terminal */
#define LINE_MS 10000 /* between two lines of progress elsewhere */

struct doctor_options {
    const char *account, *schema;
    bool mend, end_unended;
    int64_t unended_days; /* 0: not asked for */
};

struct showing {
    bool on_terminal, bar_shown, mend;
    int64_t told_ms;
    struct store_doctor_counts counts;
};

static void
clear_bar(struct showing *showing)
{
    if (showing->bar_shown)
        fputs("\r\033[K", stderr);
    showing->bar_shown = false;
}

static void
print_finding(const char *subject, const char *what, bool mended, void *context)
{
    clear_bar(context);
    printf("%s: %s %s\n", mended ? "mended" : "found", subject, what);
}

static void
print_step(const struct store_doctor_counts *counts, void *context)
{
    struct showing *showing = context;
    const int64_t now_ms = clock_steady_ms();

    if (now_ms - showing->told_ms < (showing->on_terminal ? BAR_MS : LINE_MS))
        return;
    showing->told_ms = now_ms;
    clear_bar(showing);
    fprintf(stderr, "doctor: %lld of %lld runs, %lld episodes, %lld findings%s",
            (long long)counts->runs, (long long)counts->total, (long long)counts->episodes,
            (long long)counts->findings, showing->on_terminal ? "" : "\n");
    showing->bar_shown = showing->on_terminal;
}

/* What applying a schema file does, or would do; an administrator's own index is no finding. */
static void
judge_schema(const char *kind, const char *name, const char *done, void *context)
{
    struct showing *showing = context;
    const bool missing = strcmp(done, "created") == 0;

    if (!missing && strcmp(done, "changed") != 0)
        return;
    showing->counts.findings++;
    if (showing->mend)
        showing->counts.mended++;
    clear_bar(showing);
    printf("%s: %s %s %s\n", showing->mend ? "mended" : "found", kind, name,
           missing ? "is missing" : "is not what its schema file says");
}

static bool
read_days(const char *text, int64_t *days)
{
    char *end;

    *days = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *days >= 1 && *days <= DAYS_MAX;
}

/* False: an option that the command does not have (getopt_long has said so), or unfit days. */
static bool
read_options(int argc, char **argv, struct doctor_options *given)
{
    static const struct option options[] = {
        {"account", required_argument, NULL, 'a'},       {"mend", no_argument, NULL, 'm'},
        {"unended-after", required_argument, NULL, 'u'}, {"end-unended", no_argument, NULL, 'e'},
        {"schema", required_argument, NULL, 's'},        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            given->account = optarg;
            break;
        case 'm':
            given->mend = true;
            break;
        case 'e':
            given->end_unended = true;
            break;
        case 's':
            given->schema = optarg;
            break;
        case 'u':
            if (read_days(optarg, &given->unended_days))
                break;
            return false;
        default:
            return false;
        }
    }
    return true;
}

static bool
examine(struct store *store, const struct doctor_options *given, struct showing *showing)
{
    const struct store_doctor doctor = {
        .account = given->account,
        .mend = given->mend,
        .unended_after_ms = given->unended_days * DAY_MS,
        .end_unended = given->end_unended,
        .now_ms = clock_now_ms(),
        .tell = print_finding,
        .step = print_step,
        .context = showing,
    };
    struct api_error err = {.id = API_OK};
    bool ok = given->account != NULL ||
              admin_schema_each(store, given->schema,
                                given->mend ? store_schema_apply : store_schema_check, judge_schema,
                                showing);

    if (!ok)
        return false;
    ok = store_doctor_examine(store, &doctor, &showing->counts, &err);
    clear_bar(showing);
    if (!ok)
        admin_fail(&err);
    return ok;
}

static void
print_sum(const struct store_doctor_counts *counts)
{
    printf("%lld runs, %lld episodes: %lld findings, %lld mended", (long long)counts->runs,
           (long long)counts->episodes, (long long)counts->findings, (long long)counts->mended);
    if (counts->busy > 0)
        printf("; %lld runs were busy and are not judged", (long long)counts->busy);
    putchar('\n');
}

enum admin_exit
admin_doctor(const struct admin_command *command, int argc, char **argv,
             const struct admin_settings *settings)
{
    struct doctor_options given = {.schema = settings->schema};
    struct showing showing = {.told_ms = clock_steady_ms(),
                              .on_terminal = isatty(STDERR_FILENO) == 1};
    struct store *store;
    bool ok;

    if (!read_options(argc, argv, &given))
        return admin_usage(command, "--unended-after is a number of days from 1 to %d", DAYS_MAX);
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    if (given.account != NULL && !store_account_is_valid(given.account))
        return admin_usage(command, "an account's name is 1-64 of A-Z a-z 0-9 . _ -");
    if (given.end_unended && (!given.mend || given.unended_days == 0))
        return admin_usage(command, "--end-unended needs --mend and --unended-after");
    showing.mend = given.mend;
    store = admin_open(settings, SOCKET_MS);
    if (store == NULL)
        return ADMIN_FAILED;
    ok = examine(store, &given, &showing);
    store_close(store);
    if (ok)
        print_sum(&showing.counts);
    return ok && showing.counts.findings == showing.counts.mended ? ADMIN_OK : ADMIN_FAILED;
}
