/*
 * main.c - training-live: options, settings, socket, then the loop.
 * Called by app/up and systemd. Next: live_settings.c, base/listen.c, live_server.c.
 */
#include "live_server.h"

#include "base/log.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

enum exit_code { EXIT_GOOD = 0, EXIT_BROKEN = 1, EXIT_BAD_SETTINGS = 2 };

static const char usage[] =
    "Usage: training-live [--settings FILE] [--check] [--help] [--version]\n";

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
        "       training-live - tells clients what happens to runs, as it happens\n\n"
        "SYNOPSIS\n"
        "       training-live [--settings FILE] [--check] [--help] [--version]\n\n"
        "DESCRIPTION\n"
        "       Follows the database's change stream and tells Socket.IO clients (/socket.io/) "
        "and\n"
        "       event streams (/api/training-runs/ID/events), which nginx passes on over a unix\n"
        "       socket. It stays in the foreground and logs one JSON object a line to standard\n"
        "       error. When systemd passes a socket (LISTEN_FDS, LISTEN_PID), that one is used.\n\n"
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
        "              Say goodbye to all clients, and stop. They come back to the next one and "
        "are\n"
        "              told what they missed.\n\n"
        "EXIT STATUS\n"
        "       0      Stopped by a signal, or --check found nothing wrong.\n"
        "       1      The socket or a thread could not be made.\n"
        "       2      Bad settings or options: starting it again would not help.\n\n"
        "SETTINGS\n");
    for (size_t i = 0; i < live_setting_count; i++)
        print_setting_help(&live_setting_rows[i]);
}

/* --check: the settings as they stand, and whether the program could start with them. */
static int
check(const struct live_settings *settings)
{
    const struct store_settings store_settings = live_settings_store(settings);
    struct store *store;

    settings_print(live_setting_rows, live_setting_count, settings, stdout);
    store_global_init();
    store = store_open(&store_settings, NULL); /* reads the URI, connects to nothing */
    store_close(store);
    store_global_clear();
    if (store == NULL) {
        fprintf(stderr, "training-live: MONGODB_URI is not a connection string of MongoDB.\n");
        return EXIT_BAD_SETTINGS;
    }
    return EXIT_GOOD;
}

static int
serve(const struct live_settings *settings)
{
    static const struct listen_owner owner = {"training-live", "TRAINING_LIVE_SOCKET"};
    struct listener listener;
    char fault[512];
    bool served;

    live_server_block_signals();
    if (!listen_open(settings->socket, &owner, &listener, fault, sizeof fault)) {
        log_event(LOG_ERROR, "not_started", LOG_TEXT("why", fault));
        return EXIT_BROKEN;
    }
    store_global_init();
    served = live_server_run(settings, &listener);
    store_global_clear();
    listen_close(&listener);
    log_event(LOG_INFO, "stopped", LOG_WHOLE("exit", served ? EXIT_GOOD : EXIT_BROKEN));
    return served ? EXIT_GOOD : EXIT_BROKEN;
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
    static struct live_settings settings; /* large, and there for as long as the program is */
    const char *file = NULL;
    char fault[512];
    int option, checking = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h')
            return print_help(), EXIT_GOOD;
        if (option == 'v')
            return printf("training-live %s\n", TRAINING_VERSION) < 0;
        if (option == '?')
            return fputs(usage, stderr), EXIT_BAD_SETTINGS;
        checking |= option == 'c';
        file = option == 's' ? optarg : file;
    }
    if (optind != argc)
        return fputs(usage, stderr), EXIT_BAD_SETTINGS;
    if (!live_settings_read(file, &settings, fault, sizeof fault)) {
        fprintf(stderr, "training-live: %s\n", fault);
        return EXIT_BAD_SETTINGS;
    }
    return checking ? check(&settings) : serve(&settings);
}
