/*
 * admin_import.c - the command import: takes over what seed 004's own logger wrote.
 * Called by main.c. Next: store/store_import.c.
 */
#include "admin.h"

#include "base/clock.h"
#include "store/store_import.h"
#include "store/store_key.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_MS 60000
#define BAR_MS 100    /* between two states of the bar on a terminal */
#define LINE_MS 10000 /* between two lines of progress elsewhere */

struct import_options {
    const char *uri, *database, *collection, *file, *account;
    bool dry;
};

struct progress {
    bool on_terminal, bar_shown;
    int64_t told_ms;
};

static void
clear_bar(struct progress *progress)
{
    if (progress->bar_shown)
        fputs("\r\033[K", stderr);
    progress->bar_shown = false;
}

/* Standard output has what was not taken and the closing report; progress goes beside it. */
static void
print_fault(const char *document, const char *member, const char *why, void *context)
{
    clear_bar(context);
    printf("not taken: %s: %s%s%s\n", document, member, member[0] == '\0' ? "" : ": ", why);
}

static void
print_step(const struct store_import_counts *counts, void *context)
{
    struct progress *progress = context;
    const int64_t now_ms = clock_steady_ms();

    if (now_ms - progress->told_ms < (progress->on_terminal ? BAR_MS : LINE_MS))
        return;
    progress->told_ms = now_ms;
    clear_bar(progress);
    fprintf(stderr, "import: %lld", (long long)counts->runs);
    if (counts->total > 0)
        fprintf(stderr, " of %lld (%lld %%)", (long long)counts->total,
                (long long)(counts->runs * 100 / counts->total));
    fprintf(stderr, " runs, %lld episodes%s", (long long)counts->episodes,
            progress->on_terminal ? "" : "\n");
    progress->bar_shown = progress->on_terminal;
}

static void
print_report(const struct store_import_counts *counts, bool dry)
{
    printf("%sruns: %lld seen, %lld imported, %lld extended, %lld unchanged, %lld refused\n",
           dry ? "dry run, nothing written; " : "", (long long)counts->runs,
           (long long)counts->imported, (long long)counts->extended, (long long)counts->unchanged,
           (long long)counts->refused);
    printf("episodes: %lld seen, %lld inserted, %lld replaced\n", (long long)counts->episodes,
           (long long)counts->inserted, (long long)counts->replaced);
    if (counts->superseded > 0)
        printf("reported here later than in the source, and left: %lld episodes\n",
               (long long)counts->superseded);
    if (counts->twice > 0)
        printf("equal copies within a document, counted once: %lld episodes\n",
               (long long)counts->twice);
    printf("not taken: %lld things%s\n", (long long)counts->not_taken,
           counts->not_taken > 0 ? ", each told above" : "");
}

/* False on an option that the command does not have; getopt_long has said so. */
static bool
read_options(int argc, char **argv, struct import_options *given)
{
    static const struct option options[] = {
        {"from-uri", required_argument, NULL, 'u'},
        {"from-db", required_argument, NULL, 'd'},
        {"collection", required_argument, NULL, 'c'},
        {"file", required_argument, NULL, 'f'},
        {"account", required_argument, NULL, 'a'},
        {"dry-run", no_argument, NULL, 'n'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'u':
            given->uri = optarg;
            break;
        case 'd':
            given->database = optarg;
            break;
        case 'c':
            given->collection = optarg;
            break;
        case 'f':
            given->file = optarg;
            break;
        case 'a':
            given->account = optarg;
            break;
        case 'n':
            given->dry = true;
            break;
        default:
            return false;
        }
    }
    return true;
}

static enum admin_exit
check_options(const struct admin_command *command, const struct import_options *given)
{
    if (given->account == NULL)
        return admin_usage(command, "--account is needed");
    if (!store_account_is_valid(given->account))
        return admin_usage(command, "an account's name is 1-64 of A-Z a-z 0-9 . _ -");
    if ((given->file == NULL) == (given->database == NULL))
        return admin_usage(command, "either --from-db or --file is needed");
    if (given->file != NULL && (given->uri != NULL || given->collection != NULL))
        return admin_usage(command, "--file goes without --from-uri and --collection");
    return ADMIN_OK;
}

/* From the database that the options name, else from the file. */
static bool
import_from(const struct admin_settings *settings, const struct import_options *given,
            struct store *to, const struct store_import *import, struct store_import_counts *counts,
            struct api_error *err)
{
    struct admin_settings source = *settings;
    struct store *from;
    bool ok;

    if (given->file != NULL)
        return store_import_file(given->file, to, import, counts, err);
    if (given->uri != NULL)
        snprintf(source.uri, sizeof source.uri, "%s", given->uri);
    snprintf(source.database, sizeof source.database, "%s", given->database);
    from = admin_open(&source, SOCKET_MS);
    if (from == NULL)
        return api_fail(err, API_STORE_UNAVAILABLE, "The source cannot be opened.");
    ok = store_import_collection(from,
                                 given->collection != NULL ? given->collection : "training_runs",
                                 to, import, counts, err);
    store_close(from);
    return ok;
}

static enum admin_exit
import(const struct admin_settings *settings, const struct import_options *given)
{
    struct progress progress = {.on_terminal = isatty(STDERR_FILENO) == 1,
                                .told_ms = clock_steady_ms()};
    const struct store_import import = {.account = given->account,
                                        .dry = given->dry,
                                        .tell = print_fault,
                                        .step = print_step,
                                        .context = &progress};
    struct store_import_counts counts = {.runs = 0};
    struct api_error err = {.id = API_OK};
    struct store *to = admin_open(settings, SOCKET_MS);
    bool ok;

    if (to == NULL)
        return ADMIN_FAILED;
    ok = import_from(settings, given, to, &import, &counts, &err);
    store_close(to);
    clear_bar(&progress);
    if (!ok && counts.runs == 0)
        return admin_fail(&err);
    print_report(&counts, given->dry);
    fflush(stdout);
    if (!ok)
        fputs("training-admin: stopped before the end; run it again to go on\n", stderr);
    if (!ok)
        return admin_fail(&err);
    return counts.not_taken > 0 ? ADMIN_FAILED : ADMIN_OK;
}

enum admin_exit
admin_import(const struct admin_command *command, int argc, char **argv,
             const struct admin_settings *settings)
{
    struct import_options given = {.dry = false};

    if (!read_options(argc, argv, &given))
        return admin_usage(command, NULL);
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    if (check_options(command, &given) != ADMIN_OK)
        return ADMIN_USAGE;
    return import(settings, &given);
}
