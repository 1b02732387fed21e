/*
 * live_access.h - asks the database who a client is and whether a run is there, in a thread of its
 * own with its own store, so that the loop never waits for the database. A good answer comes when
 * events are followed (live_watch_await).
 */
#ifndef LIVE_ACCESS_H
#define LIVE_ACCESS_H

#include "live_queue.h"
#include "store/store_session.h"

enum live_ask_kind {
    LIVE_ASK_KEY,     /* whose is this key? */
    LIVE_ASK_SESSION, /* whose is this session? */
    LIVE_ASK_NOBODY,  /* account and scopes are known: are events followed? */
    LIVE_ASK_RUN      /* has this account such a run? */
};

/* A question that comes back as its own answer. The asker owns it but while it is under way. */
struct live_ask {
    enum live_ask_kind kind;
    char secret[STORE_KEY_TEXT_SIZE]; /* the key, or the session's token */
    char account[STORE_ACCOUNT_SIZE]; /* of LIVE_ASK_NOBODY and _RUN; else it is the answer */
    char run_id[LIVE_NAME_SIZE];
    void *about;     /* the asker's own, as are place and serial */
    uint32_t place;  /* of the client that waits for the answer */
    uint64_t serial; /* of that client */
    /* The answer. API_OK: yes; else KEY_WRONG, SESSION_OVER, RUN_NOT_FOUND, STORE_UNAVAILABLE, … */
    enum api_error_id error;
    unsigned scopes;
    struct live_ask *next;
};

_Static_assert(STORE_SESSION_TOKEN_SIZE == STORE_KEY_TEXT_SIZE, "one member holds either");

struct live_access;

/*
 * Start the thread. wake(context) is called by it whenever an answer waits. Borrows the texts of
 * settings until live_access_stop. NULL, with a log line, when it cannot be started.
 */
struct live_access *live_access_start(const struct store_settings *settings,
                                      void (*wake)(void *context), void *context);

/* Never waits. */
void live_access_ask(struct live_access *access, struct live_ask *ask);

/* The answers, in the order of the questions, linked by `next`; NULL: none. */
struct live_ask *live_access_take_all(struct live_access *access);

/* Wipe and free a question. */
void live_ask_free(struct live_ask *ask);

/*
 * End the thread; waits for a query that hangs (its socket timeout). Questions that are still
 * open are freed. NULL is fine.
 */
void live_access_stop(struct live_access *access);

#endif
