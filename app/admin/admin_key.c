/*
 * admin_key.c - the commands key create, key list and key revoke.
 * Called by main.c. Next: store/store_key.c.
 */
#include "admin.h"

#include "base/auto.h"
#include "base/clock.h"
#include "store/store_audit.h"
#include "store/store_key.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define SOCKET_MS 10000

struct key_options {
    const char *account, *scopes, *name;
};

/* False on an option that the command does not have; getopt_long has said so. */
static bool
read_options(int argc, char **argv, const struct option *options, struct key_options *given)
{
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            given->account = optarg;
            break;
        case 's':
            given->scopes = optarg;
            break;
        case 'n':
            given->name = optarg;
            break;
        default:
            return false;
        }
    }
    return true;
}

/* "read,write" as bits; 0 when a word is no scope, or there is none. */
static unsigned
parse_scopes(const char *list)
{
    unsigned scopes = 0;
    char words[64], *rest = words;
    const char *word;

    if (strlen(list) >= sizeof words)
        return 0;
    strcpy(words, list);
    while ((word = strsep(&rest, ",")) != NULL) {
        unsigned scope = store_scope_of(word);

        if (scope == 0)
            return 0;
        scopes |= scope;
    }
    return scopes;
}

static void
print_scopes(unsigned scopes, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned bit = 1; bit <= STORE_SCOPE_ADMIN; bit <<= 1)
        if ((scopes & bit) != 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "," : "",
                                     store_scope_name(bit));
}

/* A name is shown in a table: nothing in it may move the cursor. */
static bool
is_printable(const char *name)
{
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < ' ' || *name == 0x7f)
            return false;
    return true;
}

static void
show_new_key(const struct store_key *key, const char *text)
{
    char scopes[32];

    print_scopes(key->scopes, scopes, sizeof scopes);
    puts(text);
    fflush(stdout);
    fprintf(stderr,
            "key id %s, account %s, scopes %s\n"
            "Keep the key now: it is not stored and cannot be shown again.\n",
            key->id, key->account, scopes);
}

/* Who is no client's request. */
static struct store_author
author(const char *account)
{
    return (struct store_author){
        .account = account, .actor = STORE_AUDIT_PROGRAM, .now_ms = clock_now_ms()};
}

static bool
note_created(struct store *store, const struct store_key *key, struct api_error *err)
{
    AUTO_JSON *details = json_object_new_object();
    const struct store_audit_entry entry = {
        .by = author(key->account), .action = "key.create", .subject = key->id, .details = details};
    char scopes[32];

    print_scopes(key->scopes, scopes, sizeof scopes);
    json_object_object_add(details, "scopes", json_object_new_string(scopes));
    return store_audit_note(store, &entry, err);
}

static enum admin_exit
create(const struct admin_settings *settings, struct store_key *key)
{
    struct api_error err = {.id = API_OK};
    struct store *store = admin_open(settings, SOCKET_MS);
    char text[STORE_KEY_TEXT_SIZE];
    bool ok;

    if (store == NULL)
        return ADMIN_FAILED;
    ok = store_key_create(store, key, text, &err) && note_created(store, key, &err);
    store_close(store);
    if (!ok)
        return admin_fail(&err);
    show_new_key(key, text);
    explicit_bzero(text, sizeof text);
    return ADMIN_OK;
}

enum admin_exit
admin_key_create(const struct admin_command *command, int argc, char **argv,
                 const struct admin_settings *settings)
{
    static const struct option options[] = {
        {"account", required_argument, NULL, 'a'},
        {"scopes", required_argument, NULL, 's'},
        {"name", required_argument, NULL, 'n'},
        {0},
    };
    struct key_options given = {.scopes = "read,write", .name = ""};
    struct store_key key = {.scopes = 0};

    if (!read_options(argc, argv, options, &given))
        return admin_usage(command, NULL);
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    if (given.account == NULL)
        return admin_usage(command, "--account is needed");
    if (!store_account_is_valid(given.account))
        return admin_usage(command, "an account's name is 1-64 of A-Z a-z 0-9 . _ -");
    key.scopes = parse_scopes(given.scopes);
    if (key.scopes == 0)
        return admin_usage(command, "--scopes is some of read,write,admin");
    if (strlen(given.name) >= sizeof key.name || !is_printable(given.name))
        return admin_usage(command, "--name is at most %d bytes without control characters",
                           STORE_KEY_NAME_SIZE - 1);
    strcpy(key.account, given.account);
    strcpy(key.name, given.name);
    return create(settings, &key);
}

static void
print_head(void)
{
    printf("%-16s  %-20s  %-16s  %-24s  %-24s  %s\n", "KEY ID", "ACCOUNT", "SCOPES", "CREATED",
           "REVOKED", "NAME");
}

static bool
print_key(const struct store_key *key, void *context)
{
    char scopes[32], created[CLOCK_TEXT_SIZE], revoked[CLOCK_TEXT_SIZE] = "-";
    size_t *count = context;

    if ((*count)++ == 0)
        print_head();
    print_scopes(key->scopes, scopes, sizeof scopes);
    clock_format(key->created_ms, created);
    if (key->revoked_ms != 0)
        clock_format(key->revoked_ms, revoked);
    printf("%-16s  %-20s  %-16s  %-24s  %-24s  %s\n", key->id, key->account, scopes, created,
           revoked, is_printable(key->name) ? key->name : "?");
    return true;
}

enum admin_exit
admin_key_list(const struct admin_command *command, int argc, char **argv,
               const struct admin_settings *settings)
{
    static const struct option options[] = {{"account", required_argument, NULL, 'a'}, {0}};
    struct key_options given = {.account = NULL};
    struct api_error err = {.id = API_OK};
    struct store *store;
    size_t count = 0;
    bool ok;

    if (!read_options(argc, argv, options, &given))
        return admin_usage(command, NULL);
    if (optind != argc)
        return admin_usage(command, "this argument is one too many: %s", argv[optind]);
    store = admin_open(settings, SOCKET_MS);
    if (store == NULL)
        return ADMIN_FAILED;
    ok = store_key_list(store, given.account, print_key, &count, &err);
    store_close(store);
    if (!ok)
        return admin_fail(&err);
    if (count == 0)
        print_head(); /* and nothing below it */
    return ADMIN_OK;
}

/* The keys that this command has just revoked. */
struct revocation {
    struct store *store;
    const char *id; /* NULL: of the whole account */
    int64_t since_ms;
    struct api_error *err;
};

static bool
note_revoked(const struct store_key *key, void *context)
{
    struct revocation *revocation = context;
    const struct store_audit_entry entry = {
        .by = author(key->account), .action = "key.revoke", .subject = key->id};

    if (key->revoked_ms < revocation->since_ms ||
        (revocation->id != NULL && strcmp(key->id, revocation->id) != 0))
        return true;
    return store_audit_note(revocation->store, &entry, revocation->err);
}

/* Revoke, and note each key that was in force until now. */
static bool
revoke_and_note(struct store *store, const char *id, const char *account, int64_t *matched,
                int64_t *revoked, struct api_error *err)
{
    struct revocation revocation = {
        .store = store, .id = id, .since_ms = clock_now_ms(), .err = err};

    if (!store_key_revoke(store, id, account, matched, revoked, err))
        return false;
    if (*revoked == 0)
        return true;
    return store_key_list(store, account, note_revoked, &revocation, err) && err->id == API_OK;
}

static enum admin_exit
revoke_keys(const struct admin_settings *settings, const char *id, const char *account)
{
    struct api_error err = {.id = API_OK};
    struct store *store = admin_open(settings, SOCKET_MS);
    int64_t matched = 0, revoked = 0;
    bool ok;

    if (store == NULL)
        return ADMIN_FAILED;
    ok = revoke_and_note(store, id, account, &matched, &revoked, &err);
    store_close(store);
    if (!ok)
        return admin_fail(&err);
    if (matched == 0) {
        fprintf(stderr, "training-admin: %s %s has no key\n", id != NULL ? "id" : "account",
                id != NULL ? id : account);
        return ADMIN_FAILED;
    }
    printf("%lld revoked, %lld already were\n", (long long)revoked, (long long)(matched - revoked));
    return ADMIN_OK;
}

enum admin_exit
admin_key_revoke(const struct admin_command *command, int argc, char **argv,
                 const struct admin_settings *settings)
{
    static const struct option options[] = {{"account", required_argument, NULL, 'a'}, {0}};
    struct key_options given = {.account = NULL};
    const char *id;

    if (!read_options(argc, argv, options, &given))
        return admin_usage(command, NULL);
    id = optind < argc ? argv[optind] : NULL;
    if (argc - optind > 1)
        return admin_usage(command, "this argument is one too many: %s", argv[optind + 1]);
    if ((id == NULL) == (given.account == NULL))
        return admin_usage(command, "either a key's id or --account is needed");
    return revoke_keys(settings, id, given.account);
}
