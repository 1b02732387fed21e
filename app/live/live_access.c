/*
 * live_access.c - the thread that looks up keys and runs. Called by live_hub.c and main.c.
 * Next: store/store_key.c.
 */
#include "live_access.h"

#include "base/log.h"
#include "live_watch.h"
#include "store/store_run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define AWAKE_MS 1000 /* a stream that rests is awake within one answer of the database */

/* First in, first out; guarded by the mutex. */
struct line {
    struct live_ask *first, *last;
};

struct live_access {
    struct store *store; /* the thread's alone */
    void (*wake)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    struct line questions, answers;
    bool stopping;
};

static void
line_put(struct line *line, struct live_ask *ask)
{
    ask->next = NULL;
    if (line->last != NULL)
        line->last->next = ask;
    else
        line->first = ask;
    line->last = ask;
}

static struct live_ask *
line_take(struct line *line)
{
    struct live_ask *ask = line->first;

    if (ask == NULL)
        return NULL;
    line->first = ask->next;
    if (line->first == NULL)
        line->last = NULL;
    return ask;
}

/* A key's or a session's owner. */
static bool
find_owner(struct store *store, struct live_ask *ask, struct api_error *err)
{
    struct store_key key;

    if (ask->kind == LIVE_ASK_KEY ? !store_key_find(store, ask->secret, &key, err)
                                  : !store_session_find(store, ask->secret, &key, err))
        return false;
    memcpy(ask->account, key.account, sizeof ask->account);
    ask->scopes = key.scopes;
    return true;
}

static bool
find_run(struct store *store, const struct live_ask *ask, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    const bool found = store_run_find(store, ask->account, ask->run_id, &held, err);

    store_run_release(&held);
    return found;
}

/* Who is let in hears of everything that is committed from then on. */
static void
answer(struct store *store, struct live_ask *ask)
{
    struct api_error err = {.id = API_OK};
    bool good = true;

    if (ask->kind == LIVE_ASK_RUN)
        good = find_run(store, ask, &err);
    else if (ask->kind != LIVE_ASK_NOBODY)
        good = find_owner(store, ask, &err);
    ask->error = good ? API_OK : err.id;
    if (good && !live_watch_await(AWAKE_MS))
        ask->error = API_STORE_UNAVAILABLE;
}

static void *
run(void *context)
{
    struct live_access *access = context;

    pthread_mutex_lock(&access->mutex);
    while (!access->stopping) {
        struct live_ask *ask = line_take(&access->questions);

        if (ask == NULL) {
            pthread_cond_wait(&access->asked, &access->mutex);
            continue;
        }
        pthread_mutex_unlock(&access->mutex);
        answer(access->store, ask);
        pthread_mutex_lock(&access->mutex);
        line_put(&access->answers, ask);
        access->wake(access->context);
    }
    pthread_mutex_unlock(&access->mutex);
    return NULL;
}

struct live_access *
live_access_start(const struct store_settings *settings, void (*wake)(void *context), void *context)
{
    struct live_access *access = calloc(1, sizeof *access);
    int rc;

    if (access == NULL)
        return NULL;
    access->wake = wake;
    access->context = context;
    access->store = store_open(settings, NULL);
    pthread_mutex_init(&access->mutex, NULL);
    pthread_cond_init(&access->asked, NULL);
    rc = access->store == NULL ? -1 : pthread_create(&access->thread, NULL, run, access);
    if (rc == 0)
        return access;
    log_event(LOG_ERROR, "thread_not_started", LOG_TEXT("what", "access"), LOG_WHOLE("errno", rc));
    store_close(access->store);
    free(access);
    return NULL;
}

void
live_access_ask(struct live_access *access, struct live_ask *ask)
{
    pthread_mutex_lock(&access->mutex);
    line_put(&access->questions, ask);
    pthread_cond_signal(&access->asked);
    pthread_mutex_unlock(&access->mutex);
}

struct live_ask *
live_access_take_all(struct live_access *access)
{
    struct live_ask *all;

    pthread_mutex_lock(&access->mutex);
    all = access->answers.first;
    access->answers = (struct line){.first = NULL};
    pthread_mutex_unlock(&access->mutex);
    return all;
}

void
live_ask_free(struct live_ask *ask)
{
    explicit_bzero(ask->secret, sizeof ask->secret);
    free(ask);
}

static void
free_all(struct line *line)
{
    struct live_ask *ask;

    while ((ask = line_take(line)) != NULL)
        live_ask_free(ask);
}

void
live_access_stop(struct live_access *access)
{
    if (access == NULL)
        return;
    pthread_mutex_lock(&access->mutex);
    access->stopping = true;
    pthread_cond_signal(&access->asked);
    pthread_mutex_unlock(&access->mutex);
    pthread_join(access->thread, NULL);
    free_all(&access->questions);
    free_all(&access->answers);
    store_close(access->store);
    pthread_cond_destroy(&access->asked);
    pthread_mutex_destroy(&access->mutex);
    free(access);
}
