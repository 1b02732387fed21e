/*
 * admin_audit.c - the command audit: who did what, newest first.
 * Called by main.c. Next: store/store_audit.c.
 */
#include "admin.h"

#include "base/clock.h"
#include "store/store_audit.h"
#include "store/store_key.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_MS 10000
#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000000

/* What came from a client is shown in a table: nothing in it may move the cursor. */
static const char *
printable(const char *text)
{
    if (text == NULL)
        return "-";
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return "?";
    return text;
}

static void
print_head(void)
{
    printf("%-24s  %-20s  %-16s  %-16s  %-36s  %s\n", "AT", "ACCOUNT", "ACTOR", "ACTION", "SUBJECT",
           "DETAILS");
}

static bool
print_entry(const struct store_audit_entry *entry, void *context)
{
    char at[CLOCK_TEXT_SIZE];
    size_t *count = context;

    if ((*count)++ == 0)
        print_head();
    clock_format(entry->by.now_ms, at);
    printf("%-24s  %-20s  %-16s  %-16s  %-36s  %s\n", at, printable(entry->by.account),
           printable(entry->by.actor), printable(entry->action), printable(entry->subject),
           entry->details == NULL ? "-" : json_text_of(entry->details));
    return true;
}

static bool
parse_limit(const char *text, int64_t *limit)
{
    char *end;

    errno = 0;
    *limit = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *limit >= 1 && *limit <= LIMIT_MAX;
}

static enum admin_exit
list(const struct admin_settings *settings, const struct store_audit_query *query)
{
    struct api_error err = {.id = API_OK};
    struct store *store = admin_open(settings, SOCKET_MS);
    size_t count = 0;
    bool more, good;

    if (store == NULL)
        return ADMIN_FAILED;
    good = store_audit_list(store, query, print_entry, &count, &more, &err);
    store_close(store);
    if (!good)
        return admin_fail(&err);
    if (count == 0)
        print_head(); /* and nothing below it */
    fflush(stdout);
    if (more)
        fprintf(stderr, "there are older entries: --limit shows more\n");
    return ADMIN_OK;
}

enum admin_exit
admin_audit(const struct admin_command *command, int argc, char **argv,
            const struct admin_settings *settings)
{
    static const struct option options[] = {
        {"account", required_argument, NULL, 'a'},
        {"limit", required_argument, NULL, 'l'},
        {0},
    };
    struct store_audit_query query = {.limit = LIMIT_DEFAULT};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'a')
            query.account = optarg;
        else if (option != 'l')
            return admin_usage(command, NULL);
        else if (!parse_limit(optarg, &query.limit))
            return admin_usage(command, "--limit is a number from 1 to %d", LIMIT_MAX);
    }
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    if (query.account != NULL && !store_account_is_valid(query.account))
        return admin_usage(command, "an account's name is 1-64 of A-Z a-z 0-9 . _ -");
    return list(settings, &query);
}
