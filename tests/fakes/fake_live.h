/*
 * fake_live.h - what a hub of clients has around it: connections that only note what is asked of
 * them, a watcher that only notes who listens, a database that answers when the test says so.
 * Include it in one file of a test program.
 */
#ifndef FAKES_FAKE_LIVE_H
#define FAKES_FAKE_LIVE_H

#include "live/live_hub.h"
#include "live/live_watch.h"

#include <stdlib.h>
#include <string.h>

struct live_wire {
    int wakes;
    bool cut;
};

static struct {
    int clients;            /* enters less leaves */
    int interests;          /* adds less removes */
    bool full;              /* nothing more may be listened to */
    int replays;            /* that were asked for */
    struct live_to to;      /* of the last one */
    int64_t after_seq;      /* of the last one */
    struct live_ask *asked; /* questions that wait for an answer, newest first */
} fake_live;

void
live_wire_wake(struct live_wire *wire)
{
    wire->wakes++;
}

void
live_wire_cut(struct live_wire *wire)
{
    wire->cut = true;
}

void
live_watch_enter(void)
{
    fake_live.clients++;
}

void
live_watch_leave(void)
{
    fake_live.clients--;
}

bool
live_interest_add(const char *account, const char *run_id)
{
    (void)account, (void)run_id;
    fake_live.interests += !fake_live.full;
    return !fake_live.full;
}

void
live_interest_remove(const char *account, const char *run_id)
{
    (void)account, (void)run_id;
    fake_live.interests--;
}

bool
live_resume_request(const char *account, const char *run_id, int64_t after_seq, struct live_to to)
{
    (void)account, (void)run_id;
    fake_live.replays++;
    fake_live.to = to;
    fake_live.after_seq = after_seq;
    return true;
}

void
live_watch_state(struct live_watch_state *state)
{
    *state = (struct live_watch_state){.connected = true};
}

void
live_access_ask(struct live_access *access, struct live_ask *ask)
{
    (void)access;
    ask->next = fake_live.asked;
    fake_live.asked = ask;
}

void
live_ask_free(struct live_ask *ask)
{
    free(ask);
}

/* The newest question, taken out; NULL: none. */
static inline struct live_ask *
fake_live_question(void)
{
    struct live_ask *ask = fake_live.asked;

    if (ask != NULL)
        fake_live.asked = ask->next;
    return ask;
}

/* Answer the newest question: this account may read, or there is this error. */
static inline void
fake_live_answer(struct live_hub *hub, const char *account, enum api_error_id error)
{
    struct live_ask *ask = fake_live_question();

    ask->error = error;
    ask->scopes = STORE_SCOPE_READ;
    if (error == API_OK && ask->kind != LIVE_ASK_RUN)
        memcpy(ask->account, account, strlen(account) + 1);
    live_hub_hear(hub, ask);
}

#endif
