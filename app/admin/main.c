/*
 * main.c - training-admin: reads the settings, finds the command, runs it.
 * Called by administrators and app/up. Next: admin_schema.c, admin_key.c, admin_replica.c,
 * admin_audit.c, admin_purge.c, admin_import.c, admin_doctor.c.
 */
#include "admin.h"

#include "base/auto.h"
#include "base/log.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ADMIN_NAME_SIZE 32 /* bytes of a command's name with the NUL */

static const struct admin_command commands[] = {
    {
        .noun = "schema",
        .verb = "apply",
        .usage = "[--schema DIR]",
        .brief = "make collections, validators, indexes and the view what the schema files say",
        .help = "Reads every .json file of DIR and brings the database to what it says: makes\n"
                "what is missing, changes what differs, leaves what is right. Prints a line for\n"
                "each collection, index and view: created, changed or unchanged. Running it again\n"
                "gives the same result. Nothing that holds data is ever dropped; an index whose\n"
                "definition differs is dropped and built anew.\n"
                "\n"
                "Options\n"
                "  --schema DIR   folder of the schema files. Without it TRAINING_SCHEMA, else\n"
                "                 schema/mongo below the current folder, else\n"
                "                 /usr/share/training/schema/mongo\n",
        .run = admin_schema_apply,
    },
    {
        .noun = "replica",
        .verb = "init",
        .usage = "",
        .brief = "make a lone mongod a replica set of one, and wait until it takes writes",
        .help = "The mongod at the one host of MONGODB_URI must run with --replSet training.\n"
                "Waits up to 30 s until it is a writable primary. Does nothing when it is one\n"
                "already.\n",
        .run = admin_replica_init,
    },
    {
        .noun = "key",
        .verb = "create",
        .usage = "--account NAME [--scopes LIST] [--name TEXT]",
        .brief = "make an API key and print it, once",
        .help = "Prints the key alone on standard output; its id and a reminder go to standard\n"
                "error. The key is kept only as a hash and cannot be shown again. The account is\n"
                "made when it is new.\n"
                "\n"
                "Options\n"
                "  --account NAME  whose runs the key reads and writes: 1-64 of A-Z a-z 0-9 . _ -\n"
                "  --scopes LIST   some of read,write,admin; default read,write\n"
                "  --name TEXT     what the key is for, to recognise it in the list; at most 128\n"
                "                  bytes\n",
        .run = admin_key_create,
    },
    {
        .noun = "key",
        .verb = "list",
        .usage = "[--account NAME]",
        .brief = "list the API keys, revoked ones too; never the keys themselves",
        .help = "Options\n"
                "  --account NAME  only the keys of this account\n",
        .run = admin_key_list,
    },
    {
        .noun = "key",
        .verb = "revoke",
        .usage = "KEYID | --account NAME",
        .brief = "end one API key, or all of an account's",
        .help = "The key stops working within 5 s, on every machine. The account's runs stay.\n"
                "Revoking a revoked key again changes nothing.\n"
                "\n"
                "Options\n"
                "  --account NAME  all keys of this account instead of one key\n",
        .run = admin_key_revoke,
    },
    {
        .noun = "audit",
        .verb = "",
        .usage = "[--account NAME] [--limit N]",
        .brief = "list who created, changed, deleted, restored or revoked what, newest first",
        .help = "Entries are kept for 400 days.\n"
                "\n"
                "Options\n"
                "  --account NAME  only what was done in this account\n"
                "  --limit N       at most so many entries; default 100\n",
        .run = admin_audit,
    },
    {
        .noun = "purge",
        .verb = "",
        .usage = "--account NAME [--yes] | --due",
        .brief = "remove one account with all it has, or the deleted runs whose time is over",
        .help =
            "--account removes the account's keys and sessions first, so that nobody writes to\n"
            "it any more; then its runs, deleted or not, with their episodes and evaluations;\n"
            "then its audit but for one entry that tells of this purge; then the account. It\n"
            "cannot be undone. --due does at once what the workers do when they are idle.\n"
            "\n"
            "The service may run meanwhile. Works in small steps and may be interrupted: run\n"
            "it again and it goes on. Progress goes to standard error, the sum to standard\n"
            "output.\n"
            "\n"
            "Options\n"
            "  --account NAME  the account to remove\n"
            "  --yes           do not ask for the account's name first\n"
            "  --due           only the runs that were deleted longer ago than they are kept\n",
        .run = admin_purge,
    },
    {
        .noun = "import",
        .verb = "",
        .usage =
            "--account NAME (--from-db NAME [--from-uri URI] [--collection NAME] | --file FILE)"
            " [--dry-run]",
        .brief = "take over runs that an older logger wrote, episodes embedded in their documents",
        .help =
            "Reads every document of the collection and makes it a run of the account: its\n"
            "_id, times, status, config, checkpoints and episodes stay what they are. Doing it\n"
            "again changes nothing, or adds what has come in the source since; killed in the\n"
            "middle, it goes on when it is run again. The source is only read.\n"
            "\n"
            "What a document has more goes to metadata.imported; what an episode has more\n"
            "becomes a custom metric (true and false as 1 and 0). An episode's created_at or\n"
            "timestamp, where it is a time, is kept; without one it is as old as its run.\n"
            "Values that JSON lacks (dates, ObjectIds, decimals, binary) are kept as they are in\n"
            "config and metadata, and are Extended JSON (relaxed) in the API's answers.\n"
            "metrics.rolling_win_rate is not read: it follows from the episodes.\n"
            "\n"
            "Prints a line for each thing that is not taken (which document, which member,\n"
            "why), then how many runs and episodes were seen, imported, changed and left.\n"
            "Progress goes to standard error.\n"
            "\n"
            "Options\n"
            "  --account NAME     whose runs they become: 1-64 of A-Z a-z 0-9 . _ -\n"
            "  --from-db NAME     the database of the source\n"
            "  --from-uri URI     where that is; without it MONGODB_URI\n"
            "  --collection NAME  the collection; default training_runs\n"
            "  --file FILE        a file instead: .bson as mongodump writes it, else Extended\n"
            "                     JSON, one document after another, as mongoexport does\n"
            "  --dry-run          only look, write nothing, and report the same\n"
            "\n"
            "Exit status: 0 all was taken, 1 something was not, 2 the arguments are wrong.\n",
        .run = admin_import,
    },
    {
        .noun = "doctor",
        .verb = "",
        .usage = "[--account NAME] [--mend] [--unended-after DAYS [--end-unended]] [--schema DIR]",
        .brief = "look for what must not be in the database, and mend it if so asked",
        .help =
            "Compares every run's header with its episodes (their number, each metric's count,\n"
            "sum and extremes, the newest wins, the highest row) and what is packed, looks for\n"
            "episodes that are stored twice, for episodes and blocks that are no run's, and\n"
            "compares collections, validators, indexes and the view with the schema files. Only\n"
            "reads, unless --mend is given. The service may run meanwhile: a run that is written\n"
            "is looked at again, and if it never keeps still, it is left out and counted as busy.\n"
            "Prints a line for each finding and a sum; progress goes to standard error.\n"
            "\n"
            "Options\n"
            "  --account NAME        only this account's runs; neither schema nor lost episodes\n"
            "  --mend                compute counters anew from the episodes; of an episode that\n"
            "                        is stored twice keep what readers see; remove episodes and\n"
            "                        blocks whose run is gone; apply the schema files\n"
            "  --unended-after DAYS  a run that is running, but was not heard of for so long,\n"
            "                        is a finding: 1 to 3650\n"
            "  --end-unended         with --mend: such a run becomes failed, with an\n"
            "                        error_message that says so\n"
            "  --schema DIR          folder of the schema files, as in schema apply\n"
            "\n"
            "Exit status: 0 healthy, or all findings are mended; 1 findings are left, or it\n"
            "failed; 2 the arguments are wrong.\n",
        .run = admin_doctor,
    },
};

/* "key list", or one word alone. */
static const char *
name_of(const struct admin_command *command, char name[ADMIN_NAME_SIZE])
{
    snprintf(name, ADMIN_NAME_SIZE, "%s%s%s", command->noun, command->verb[0] == '\0' ? "" : " ",
             command->verb);
    return name;
}

static void
print_usage_line(const struct admin_command *command, FILE *to)
{
    char name[ADMIN_NAME_SIZE];

    fprintf(to, "usage: training-admin [--settings FILE] %s%s%s\n", name_of(command, name),
            command->usage[0] == '\0' ? "" : " ", command->usage);
}

enum admin_exit
admin_help(const struct admin_command *command)
{
    char name[ADMIN_NAME_SIZE];

    print_usage_line(command, stdout);
    printf("\n%s - %s\n\n%s", name_of(command, name), command->brief, command->help);
    return ADMIN_OK;
}

enum admin_exit
admin_usage(const struct admin_command *command, const char *fmt, ...)
{
    va_list args;

    if (fmt != NULL) {
        fputs("training-admin: ", stderr);
        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fputc('\n', stderr);
    }
    print_usage_line(command, stderr);
    return ADMIN_USAGE;
}

enum admin_exit
admin_fail(const struct api_error *err)
{
    fprintf(stderr, "training-admin: %s\n", err->message);
    return ADMIN_FAILED;
}

struct store *
admin_open(const struct admin_settings *settings, int64_t socket_ms)
{
    const struct store_settings to = {
        .uri = settings->uri,
        .database = settings->database,
        .connect_timeout_ms = settings->connect_ms,
        .socket_timeout_ms = socket_ms,
    };
    struct store *store = store_open(&to, NULL);

    if (store == NULL)
        fputs("training-admin: the database's settings are wrong: look at MONGODB_URI and "
              "MONGODB_DB_NAME\n",
              stderr);
    return store;
}

static void
print_help(FILE *to)
{
    fputs("usage: training-admin [--settings FILE] COMMAND …\n\n"
          "Commands (each has --help)\n",
          to);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        char name[ADMIN_NAME_SIZE];

        fprintf(to, "  %s%s%s\n      %s\n", name_of(&commands[i], name),
                commands[i].usage[0] == '\0' ? "" : " ", commands[i].usage, commands[i].brief);
    }
    fputs("\nOptions\n"
          "  --settings FILE  KEY=VALUE lines; the environment wins over them\n"
          "  --help           this page\n"
          "  --version        the version\n"
          "\nSettings (environment or FILE)\n",
          to);
    for (size_t i = 0; i < admin_setting_count; i++)
        fprintf(to, "  %-24s %s (%s)\n", admin_setting_rows[i].name, admin_setting_rows[i].help,
                admin_setting_rows[i].fallback);
    fputs("\nExit status: 0 done, 1 it failed, 2 the arguments are wrong.\n", to);
}

static const struct admin_command *
find_command(int argc, char **argv)
{
    for (size_t i = 0; argc >= 1 && i < COUNT_OF(commands); i++)
        if (strcmp(argv[0], commands[i].noun) == 0 &&
            (commands[i].verb[0] == '\0' || (argc >= 2 && strcmp(argv[1], commands[i].verb) == 0)))
            return &commands[i];
    return NULL;
}

static bool
asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* The arguments from the noun on. */
static enum admin_exit
run_command(int argc, char **argv, const char *file)
{
    const struct admin_command *command = find_command(argc, argv);
    struct admin_settings settings;
    char fault[256];
    enum admin_exit code;
    int last; /* of the words that name the command */

    if (command == NULL) {
        fprintf(stderr, "training-admin: %s%s%s\n",
                argc == 0 ? "a command is needed" : "there is no such command: ",
                argc > 0 ? argv[0] : "", argc > 1 ? " …" : "");
        print_help(stderr);
        return ADMIN_USAGE;
    }
    if (asks_for_help(argc, argv))
        return admin_help(command);
    if (!settings_read(admin_setting_rows, admin_setting_count, file, &settings, fault,
                       sizeof fault)) {
        fprintf(stderr, "training-admin: %s\n", fault);
        return ADMIN_USAGE;
    }
    store_global_init();
    optind = 0; /* start getopt_long over, on the command's own options */
    last = command->verb[0] == '\0' ? 0 : 1;
    code = command->run(command, argc - last, argv + last, &settings);
    store_global_clear();
    return code;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"settings", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {0},
    };
    const char *file = NULL;
    int option;

    log_set_level(LOG_WARN);
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            file = optarg;
            break;
        case 'h':
            print_help(stdout);
            return ADMIN_OK;
        case 'v':
            puts("training-admin " TRAINING_VERSION);
            return ADMIN_OK;
        default:
            fputs("usage: training-admin [--settings FILE] COMMAND …  (--help lists them)\n",
                  stderr);
            return ADMIN_USAGE;
        }
    }
    return (int)run_command(argc - optind, argv + optind, file);
}
