/*
 * main.c - training-supervisor: options, settings, its folder, then the supervisor.
 * Called by app/up and systemd. Next: supervisor_settings.c, place.c, supervisor.c.
 */
#include "place.h"
#include "supervisor.h"
#include "supervisor_settings.h"

#include "base/log.h"
#include "store/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

enum exit_code { EXIT_GOOD = 0, EXIT_BROKEN = 1, EXIT_BAD_SETTINGS = 2 };

static const char usage[] =
    "Usage: training-supervisor [--settings FILE] [--check] [--help] [--version]\n";

static void
print_setting_help(const struct setting *row)
{
    printf("       %s\n", row->name);
    printf("              %s.\n              ", row->help);
    if (row->type == SETTING_IS_TEXT)
        printf("%" PRId64 " to %" PRId64 " bytes", row->min, row->max);
    else
        printf("%" PRId64 " to %" PRId64 " %s", row->min, row->max, row->unit);
    printf("; default: %s\n", row->fallback[0] == '\0' ? "empty" : row->fallback);
}

static void
print_help(void)
{
    printf(
        "NAME\n"
        "       training-supervisor - trains what POST /api/training/start asks for\n\n"
        "SYNOPSIS\n"
        "       training-supervisor [--settings FILE] [--check] [--help] [--version]\n\n"
        "DESCRIPTION\n"
        "       Takes a job from the database, launches the trainer's program for it, watches\n"
        "       it, stops it when that is asked for, and ends its job and its run. One training\n"
        "       at a time in a whole installation. It stays in the foreground and logs one JSON\n"
        "       object a line to standard error.\n\n"
        "OPTIONS\n"
        "       --settings FILE\n"
        "              Read settings from FILE, lines of KEY=VALUE. The environment wins over it.\n"
        "       --check\n"
        "              Print the settings as they stand and exit: 0 when they are good, else 2.\n"
        "       --help Print this page.\n"
        "       --version\n"
        "              Print the version.\n\n"
        "SIGNALS\n"
        "       TERM, INT, QUIT\n"
        "              Stop the trainer (it is asked, then SIGTERM, then SIGKILL), end its job\n"
        "              and leave.\n"
        "       HUP    Read the scenarios again.\n\n"
        "EXIT STATUS\n"
        "       0      Stopped by a signal, or --check found nothing wrong.\n"
        "       1      The folder could not be used, or another supervisor has it.\n"
        "       2      Bad settings or options: starting it again would not help.\n\n"
        "SETTINGS\n");
    for (size_t i = 0; i < supervisor_setting_count; i++)
        print_setting_help(&supervisor_setting_rows[i]);
}

/* --check: the settings as they stand, and whether the database's address can be read. */
static int
check(const struct supervisor_settings *settings)
{
    const struct store_settings store_settings = supervisor_settings_store(settings);
    struct store *store;

    settings_print(supervisor_setting_rows, supervisor_setting_count, settings, stdout);
    store_global_init();
    store = store_open(&store_settings, NULL); /* connects to nothing */
    store_close(store);
    store_global_clear();
    if (store != NULL)
        return EXIT_GOOD;
    fprintf(stderr, "training-supervisor: MONGODB_URI is not a connection string of MongoDB.\n");
    return EXIT_BAD_SETTINGS;
}

static int
work(const struct supervisor_settings *settings)
{
    struct place place;
    char fault[512];
    int exit_code;

    supervisor_block_signals();
    if (!place_open(settings->folder, &place, fault, sizeof fault)) {
        log_event(LOG_ERROR, "not_started", LOG_TEXT("why", fault));
        return EXIT_BROKEN;
    }
    exit_code = supervisor_run(settings, &place);
    place_close(&place);
    return exit_code;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"settings", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    static struct supervisor_settings settings;
    const char *file = NULL;
    char fault[512];
    int option, checking = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h')
            return print_help(), EXIT_GOOD;
        if (option == 'v')
            return printf("training-supervisor %s\n", TRAINING_VERSION) < 0;
        if (option == '?')
            return fputs(usage, stderr), EXIT_BAD_SETTINGS;
        checking |= option == 'c';
        file = option == 's' ? optarg : file;
    }
    if (optind != argc)
        return fputs(usage, stderr), EXIT_BAD_SETTINGS;
    if (!supervisor_settings_read(file, &settings, fault, sizeof fault)) {
        fprintf(stderr, "training-supervisor: %s\n", fault);
        return EXIT_BAD_SETTINGS;
    }
    return checking ? check(&settings) : work(&settings);
}
