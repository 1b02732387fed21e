/*
 * admin.h - what the commands of training-admin share: the settings, the database, exit codes.
 * A command is one row of the table in main.c and one function in its own file.
 */
#ifndef ADMIN_H
#define ADMIN_H

#include "base/api_error.h"
#include "base/settings.h"
#include "store/store.h"
#include "store/store_schema.h"

/* What the program exits with. */
enum admin_exit { ADMIN_OK = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2 };

struct admin_settings {
    char uri[SETTING_TEXT_MAX];
    char database[SETTING_TEXT_MAX];
    char schema[SETTING_TEXT_MAX]; /* "": look for it */
    int64_t connect_ms;
};

extern const struct setting admin_setting_rows[];
extern const size_t admin_setting_count;

struct admin_command {
    const char *noun, *verb; /* verb "": the command is one word */
    const char *usage;       /* what follows noun and verb on the command line */
    const char *brief;       /* one line for the list of commands */
    const char *help;        /* the page of --help below the usage line */
    /* argv[0] is the last word of the name; options are read with getopt_long. */
    enum admin_exit (*run)(const struct admin_command *command, int argc, char **argv,
                           const struct admin_settings *settings);
};

enum admin_exit admin_schema_apply(const struct admin_command *command, int argc, char **argv,
                                   const struct admin_settings *settings);
enum admin_exit admin_replica_init(const struct admin_command *command, int argc, char **argv,
                                   const struct admin_settings *settings);
enum admin_exit admin_key_create(const struct admin_command *command, int argc, char **argv,
                                 const struct admin_settings *settings);
enum admin_exit admin_key_list(const struct admin_command *command, int argc, char **argv,
                               const struct admin_settings *settings);
enum admin_exit admin_key_revoke(const struct admin_command *command, int argc, char **argv,
                                 const struct admin_settings *settings);
enum admin_exit admin_audit(const struct admin_command *command, int argc, char **argv,
                            const struct admin_settings *settings);
enum admin_exit admin_purge(const struct admin_command *command, int argc, char **argv,
                            const struct admin_settings *settings);
enum admin_exit admin_import(const struct admin_command *command, int argc, char **argv,
                             const struct admin_settings *settings);
enum admin_exit admin_doctor(const struct admin_command *command, int argc, char **argv,
                             const struct admin_settings *settings);

/* store_schema_apply or store_schema_check. */
typedef bool admin_schema_use(struct store *store, const char *text, store_schema_report *report,
                              void *context, struct api_error *err);

/* Use every schema file of a folder; NULL or "": the usual one. False: told on stderr. */
bool admin_schema_each(struct store *store, const char *folder, admin_schema_use *use,
                       store_schema_report *report, void *context);

/* The command's page on stdout. ADMIN_OK. */
enum admin_exit admin_help(const struct admin_command *command);

/* A complaint about the arguments and the usage line, both on stderr. ADMIN_USAGE. */
enum admin_exit admin_usage(const struct admin_command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The error as one sentence on stderr. ADMIN_FAILED. */
enum admin_exit admin_fail(const struct api_error *err);

/* The database of the settings; socket_ms: how long one operation may take. NULL: told already. */
struct store *admin_open(const struct admin_settings *settings, int64_t socket_ms);

#endif
