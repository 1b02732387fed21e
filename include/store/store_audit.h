/*
 * store_audit.h - who created, changed, deleted, restored or revoked what, and when: collection
 * `audit`. An entry is written in the transaction of its change where the store makes the change
 * itself (runs), else right after it by store_audit_note (keys, sessions). Reports of episodes and
 * checkpoints are data, not audited. Entries are kept for 400 days (schema/mongo/audit.json).
 */
#ifndef STORE_STORE_AUDIT_H
#define STORE_STORE_AUDIT_H

#include "base/json_text.h"
#include "store/store.h"

#define STORE_AUDIT_ID_SIZE 25               /* 24 hexadecimal digits, NUL */
#define STORE_AUDIT_PROGRAM "training-admin" /* the actor of what an administrator does */

/* Who does something, for whom, and when. All borrowed. */
struct store_author {
    const char *account;    /* whose things are changed */
    const char *actor;      /* a key's id, "anonymous", or a program's name */
    const char *request_id; /* as in the answer and the log; NULL: no request */
    int64_t now_ms;         /* UTC, milliseconds since 1970 */
};

/* One thing that was done. All borrowed. */
struct store_audit_entry {
    struct store_author by;
    const char *action;   /* "noun.verb", such as "run.delete" or "key.revoke" */
    const char *subject;  /* the run_id, the key's id, …; never a secret */
    json_object *details; /* a small object without secrets or a client's values; NULL: none */
    /* Set when an entry is read: its place among those of the same millisecond. */
    char id[STORE_AUDIT_ID_SIZE];
};

/* Write one entry. Errors: STORE_UNAVAILABLE, STORE_FULL. */
bool store_audit_note(struct store *store, const struct store_audit_entry *entry,
                      struct api_error *err);

/* Which entries. Members that are NULL or 0 do not restrict. */
struct store_audit_query {
    const char *account; /* NULL: of all accounts, and from_id is not looked at */
    const char *action, *subject, *actor;
    int64_t since_ms, until_ms; /* both included */
    int64_t limit;              /* at least 1 */
    /* Only what is older than this entry: its time and its id. */
    int64_t from_ms;
    const char *from_id; /* NULL: from the newest */
};

/* Called with each entry; borrowed. False ends the list early. */
typedef bool store_audit_visit(const struct store_audit_entry *entry, void *context);

/* Newest first. *more: there is at least one older entry. Errors: STORE_UNAVAILABLE. */
bool store_audit_list(struct store *store, const struct store_audit_query *query,
                      store_audit_visit *visit, void *context, bool *more, struct api_error *err);

#endif
