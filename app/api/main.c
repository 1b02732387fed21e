/*
 * main.c - training-api: options, settings, socket, then the master.
 * Called by app/up and systemd. Next: api_settings.c, base/listen.c, master.c.
 */
#include "api_settings.h"
#include "master.h"

#include "base/listen.h"
#include "base/log.h"
#include "routes/routes.h"
#include "store/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

enum exit_code { EXIT_GOOD = 0, EXIT_BROKEN = 1, EXIT_BAD_SETTINGS = 2 };

static const char usage[] =
    "Usage: training-api [--settings FILE] [--check] [--routes] [--help] [--version]\n";

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
        "       training-api - serves the training API to nginx over FastCGI\n\n"
        "SYNOPSIS\n"
        "       training-api [--settings FILE] [--check] [--routes] [--help] [--version]\n\n"
        "DESCRIPTION\n"
        "       A master listens on a unix socket and keeps workers running that serve one\n"
        "       request at a time and keep runs and episodes in MongoDB. It stays in the\n"
        "       foreground and logs one JSON object a line to standard error. When systemd\n"
        "       passes a socket (LISTEN_FDS, LISTEN_PID), that one is used.\n\n"
        "OPTIONS\n"
        "       --settings FILE\n"
        "              Read settings from FILE, lines of KEY=VALUE. The environment wins over it.\n"
        "       --check\n"
        "              Print the settings as they stand and exit: 0 when they are good, else 2.\n"
        "       --routes\n"
        "              Print what is served, a line a route: method, path, scope.\n"
        "       --help Print this page.\n"
        "       --version\n"
        "              Print the version.\n\n"
        "SIGNALS\n"
        "       TERM, INT, QUIT\n"
        "              Stop. Requests under way are finished; what is left after\n"
        "              TRAINING_API_STOP_MS is killed.\n"
        "       HUP    Read FILE again and replace the workers one by one, without failing a\n"
        "              request. Bad settings change nothing; the log says what is wrong.\n\n"
        "EXIT STATUS\n"
        "       0      Stopped by a signal, or --check found nothing wrong.\n"
        "       1      The socket could not be opened.\n"
        "       2      Bad settings or options: starting it again would not help.\n\n"
        "SETTINGS\n");
    for (size_t i = 0; i < api_setting_count; i++)
        print_setting_help(&api_setting_rows[i]);
}

/* --check: the settings as they stand, and whether a worker could start with them. */
static int
check(const struct api_settings *settings)
{
    const struct store_settings store_settings = api_settings_store(settings);
    struct store *store;

    settings_print(api_setting_rows, api_setting_count, settings, stdout);
    store_global_init();
    store = store_open(&store_settings, NULL); /* reads the URI, connects to nothing */
    store_close(store);
    store_global_clear();
    if (store == NULL) {
        fprintf(stderr, "training-api: MONGODB_URI is not a connection string of MongoDB.\n");
        return EXIT_BAD_SETTINGS;
    }
    return EXIT_GOOD;
}

/* The socket's life is the master's. */
static int
serve(const struct api_settings *settings, const char *file)
{
    static const struct listen_owner owner = {"training-api", "TRAINING_API_SOCKET"};
    struct listener listener;
    char fault[512];
    int exit_code;

    master_block_signals();
    if (!listen_open(settings->socket, &owner, &listener, fault, sizeof fault)) {
        log_event(LOG_ERROR, "not_started", LOG_TEXT("why", fault));
        return EXIT_BROKEN;
    }
    exit_code = master_run(settings, file, &listener);
    listen_close(&listener);
    return exit_code;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"settings", required_argument, NULL, 's'}, {"check", no_argument, NULL, 'c'},
        {"routes", no_argument, NULL, 'r'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0},
    };
    struct api_settings settings;
    const char *file = NULL;
    char fault[512];
    int option, checking = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h')
            return print_help(), EXIT_GOOD;
        if (option == 'r')
            return routes_print(stdout), EXIT_GOOD;
        if (option == 'v')
            return printf("training-api %s\n", TRAINING_VERSION) < 0;
        if (option == '?')
            return fputs(usage, stderr), EXIT_BAD_SETTINGS;
        checking |= option == 'c';
        file = option == 's' ? optarg : file;
    }
    if (optind != argc)
        return fputs(usage, stderr), EXIT_BAD_SETTINGS;
    if (!api_settings_read(file, &settings, fault, sizeof fault)) {
        fprintf(stderr, "training-api: %s\n", fault);
        return EXIT_BAD_SETTINGS;
    }
    return checking ? check(&settings) : serve(&settings, file);
}
