/*
 * admin_schema.c - the command schema apply: every file of a folder, in the order of the names.
 * Called by main.c. Next: store/store_schema.c, store/store_run_upgrade.c.
 */
#include "admin.h"

#include "store/store_run_upgrade.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_MS 600000        /* an index over many runs takes its time */
#define FILE_SIZE_MAX (1 << 20) /* bytes of one schema file */

static const char *const usual_folders[] = {"schema/mongo", "/usr/share/training/schema/mongo"};

static void
print_line(const char *kind, const char *name, const char *done, void *unused)
{
    (void)unused;
    printf("%-10s %-32s %s\n", kind, name, done);
}

static const char *
find_folder(const char *given)
{
    if (given != NULL && given[0] != '\0')
        return given;
    for (size_t i = 0; i < sizeof usual_folders / sizeof usual_folders[0]; i++)
        if (access(usual_folders[i], R_OK | X_OK) == 0)
            return usual_folders[i];
    return usual_folders[0];
}

/* The whole file as text that the caller frees. NULL: told on stderr. */
static char *
read_text(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, FILE_SIZE_MAX + 1);
    size_t size = 0;

    if (file != NULL && text != NULL) {
        size = fread(text, 1, FILE_SIZE_MAX + 1, file);
        if (ferror(file) == 0 && size <= FILE_SIZE_MAX) {
            fclose(file);
            return text;
        }
    }
    fprintf(stderr, "training-admin: %s cannot be read: %s\n", path,
            size > FILE_SIZE_MAX ? "it is too large" : strerror(errno));
    if (file != NULL)
        fclose(file);
    free(text);
    return NULL;
}

static bool
apply_file(struct store *store, const char *folder, const char *name, admin_schema_use *use,
           store_schema_report *report, void *context)
{
    struct api_error err = {.id = API_OK};
    char path[PATH_MAX];
    char *text;
    bool ok;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    text = read_text(path);
    if (text == NULL)
        return false;
    ok = use(store, text, report, context, &err);
    free(text);
    fflush(stdout);
    if (!ok)
        fprintf(stderr, "training-admin: %s: %s\n", path, err.message);
    return ok;
}

static int
is_schema_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".json") == 0;
}

/* Stops at the first file that fails: what comes after it may build on it. */
bool
admin_schema_each(struct store *store, const char *given, admin_schema_use *use,
                  store_schema_report *report, void *context)
{
    const char *folder = find_folder(given);
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_schema_file, alphasort);
    bool ok = count > 0;

    if (count <= 0)
        fprintf(stderr, "training-admin: no schema files in %s: %s\n", folder,
                count < 0 ? strerror(errno) : "it has no .json file");
    for (int i = 0; i < count; i++) {
        ok = ok && apply_file(store, folder, files[i]->d_name, use, report, context);
        free(files[i]);
    }
    free(files);
    return ok;
}

/* What an earlier version stored lacks what the indexes of the lists are made of. */
static bool
upgrade_runs(struct store *store)
{
    struct api_error err = {.id = API_OK};
    int64_t count;

    if (!store_run_upgrade(store, &count, &err)) {
        fprintf(stderr, "training-admin: runs of an earlier version: %s\n", err.message);
        return false;
    }
    if (count > 0)
        printf("%-10s %-32s %" PRId64 " of an earlier version brought up to date\n", "documents",
               "runs", count);
    return true;
}

enum admin_exit
admin_schema_apply(const struct admin_command *command, int argc, char **argv,
                   const struct admin_settings *settings)
{
    static const struct option options[] = {{"schema", required_argument, NULL, 's'}, {0}};
    const char *folder = settings->schema;
    struct store *store;
    bool ok;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 's')
            return admin_usage(command, NULL);
        folder = optarg;
    }
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    store = admin_open(settings, SOCKET_MS);
    if (store == NULL)
        return ADMIN_FAILED;
    ok = admin_schema_each(store, folder, store_schema_apply, print_line, NULL) &&
         upgrade_runs(store);
    store_close(store);
    return ok ? ADMIN_OK : ADMIN_FAILED;
}
