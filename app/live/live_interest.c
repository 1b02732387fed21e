/*
 * live_interest.c - who listens to which run. Called by live_watch.c, live_resume.c,
 * live_training.c. Next: store/store_watch_run.c.
 *
 * Two hash tables lead to one entry: by (account, run_id), which is what clients say, and by the
 * run's storage key, which is what the change stream says. Only the watcher frees entries.
 */
#include "live_interest.h"

#include "live_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_COUNT 16384 /* a power of two */

struct live_interests {
    pthread_mutex_t mutex;
    size_t count;
    struct live_interest *fresh; /* to be looked up */
    struct live_interest *idle;  /* perhaps to be forgotten */
    struct live_interest *of_name[BUCKET_COUNT], *of_oid[BUCKET_COUNT];
};

struct live_interests *
live_interests_new(void)
{
    struct live_interests *interests = calloc(1, sizeof *interests);

    if (interests != NULL)
        pthread_mutex_init(&interests->mutex, NULL);
    return interests;
}

static void
free_interest(struct live_interest *interest)
{
    live_gather_clear(&interest->gather);
    free(interest);
}

void
live_interests_free(struct live_interests *interests)
{
    if (interests == NULL)
        return;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        struct live_interest *next;

        for (struct live_interest *at = interests->of_name[i]; at != NULL; at = next) {
            next = at->next_of_name;
            free_interest(at);
        }
    }
    pthread_mutex_destroy(&interests->mutex);
    free(interests);
}

/* FNV-1a. */
static size_t
hash_text(size_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    return hash;
}

static size_t
bucket_of_name(const char *account, const char *run_id)
{
    return hash_text(hash_text(hash_text(14695981039346656037U, account), "/"), run_id) %
           BUCKET_COUNT;
}

static size_t
bucket_of_oid(const char *oid)
{
    return hash_text(14695981039346656037U, oid) % BUCKET_COUNT;
}

static struct live_interest *
find_name(struct live_interests *interests, const char *account, const char *run_id)
{
    struct live_interest *at = interests->of_name[bucket_of_name(account, run_id)];

    while (at != NULL && (strcmp(at->account, account) != 0 || strcmp(at->run_id, run_id) != 0))
        at = at->next_of_name;
    return at;
}

static struct live_interest *
find_oid(struct live_interests *interests, const char *oid)
{
    struct live_interest *at = interests->of_oid[bucket_of_oid(oid)];

    while (at != NULL && strcmp(at->oid, oid) != 0)
        at = at->next_of_oid;
    return at;
}

static struct live_interest *
make(struct live_interests *interests, const char *account, const char *run_id)
{
    const size_t bucket = bucket_of_name(account, run_id);
    struct live_interest *made;

    if (interests->count >= LIVE_INTERESTS_MAX)
        return NULL;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    snprintf(made->account, sizeof made->account, "%s", account);
    snprintf(made->run_id, sizeof made->run_id, "%s", run_id);
    live_gather_init(&made->gather);
    made->next_of_name = interests->of_name[bucket];
    interests->of_name[bucket] = made;
    made->next_fresh = interests->fresh;
    interests->fresh = made;
    interests->count++;
    return made;
}

bool
live_interests_add(struct live_interests *interests, const char *account, const char *run_id)
{
    struct live_interest *interest;

    pthread_mutex_lock(&interests->mutex);
    interest = find_name(interests, account, run_id);
    if (interest == NULL)
        interest = make(interests, account, run_id);
    if (interest != NULL)
        interest->listeners++;
    pthread_mutex_unlock(&interests->mutex);
    return interest != NULL;
}

static void
note_idle(struct live_interests *interests, struct live_interest *interest)
{
    if (interest->listeners > 0 || interest->replays > 0 || interest->idle)
        return;
    interest->idle = true;
    interest->next_idle = interests->idle;
    interests->idle = interest;
}

void
live_interests_remove(struct live_interests *interests, const char *account, const char *run_id)
{
    struct live_interest *interest;

    pthread_mutex_lock(&interests->mutex);
    interest = find_name(interests, account, run_id);
    if (interest != NULL && interest->listeners > 0) {
        interest->listeners--;
        note_idle(interests, interest);
    }
    pthread_mutex_unlock(&interests->mutex);
}

bool
live_interests_replay(struct live_interests *interests, const char *account, const char *run_id)
{
    struct live_interest *interest;
    bool listened;

    pthread_mutex_lock(&interests->mutex);
    interest = find_name(interests, account, run_id);
    listened = interest != NULL && interest->listeners > 0;
    if (listened)
        interest->replays++;
    pthread_mutex_unlock(&interests->mutex);
    return listened;
}

void
live_interests_replayed(struct live_interests *interests, const char *account, const char *run_id,
                        int64_t seq)
{
    struct live_interest *interest;

    pthread_mutex_lock(&interests->mutex);
    interest = find_name(interests, account, run_id); /* a replay keeps it from being forgotten */
    interest->replays--;
    if (interest->replayed_seq < seq)
        interest->replayed_seq = seq;
    note_idle(interests, interest);
    pthread_mutex_unlock(&interests->mutex);
}

/* ---- the watcher alone ---- */

static void
unlink_oid(struct live_interests *interests, struct live_interest *interest)
{
    struct live_interest **at;

    if (interest->oid[0] == '\0')
        return;
    at = &interests->of_oid[bucket_of_oid(interest->oid)];
    while (*at != interest)
        at = &(*at)->next_of_oid;
    *at = interest->next_of_oid;
    interest->oid[0] = '\0';
}

static void
link_oid(struct live_interests *interests, struct live_interest *interest, const char *oid)
{
    struct live_interest **bucket = &interests->of_oid[bucket_of_oid(oid)];

    unlink_oid(interests, interest);
    if (oid[0] == '\0')
        return;
    snprintf(interest->oid, sizeof interest->oid, "%s", oid);
    interest->next_of_oid = *bucket;
    *bucket = interest;
}

static void
forget(struct live_interests *interests, struct live_interest *interest)
{
    struct live_interest **at =
        &interests->of_name[bucket_of_name(interest->account, interest->run_id)];

    unlink_oid(interests, interest);
    while (*at != interest)
        at = &(*at)->next_of_name;
    *at = interest->next_of_name;
    interests->count--;
    free_interest(interest);
}

/* Those that the watcher has still something to tell of stay until the next time. */
static void
forget_idle(struct live_interests *interests)
{
    struct live_interest *next, *idle = interests->idle;

    interests->idle = NULL;
    for (; idle != NULL; idle = next) {
        next = idle->next_idle;
        idle->idle = false;
        if (idle->active)
            note_idle(interests, idle);
        else if (idle->listeners == 0 && idle->replays == 0)
            forget(interests, idle);
    }
}

bool
live_interests_settle(struct live_interests *interests, struct store *store, struct api_error *err)
{
    struct live_interest *fresh;
    bool good = true;

    pthread_mutex_lock(&interests->mutex);
    while (good && (fresh = interests->fresh) != NULL) {
        char oid[RUN_OID_SIZE];

        interests->fresh = fresh->next_fresh;
        pthread_mutex_unlock(&interests->mutex);
        good = store_watch_find_run(store, fresh->account, fresh->run_id, oid, err);
        pthread_mutex_lock(&interests->mutex);
        if (good) {
            link_oid(interests, fresh, oid);
        } else {
            fresh->next_fresh = interests->fresh;
            interests->fresh = fresh;
        }
    }
    if (good) /* none of them is among the fresh ones now */
        forget_idle(interests);
    pthread_mutex_unlock(&interests->mutex);
    return good;
}

struct live_interest *
live_interests_of(struct live_interests *interests, const char *oid)
{
    struct live_interest *interest;

    pthread_mutex_lock(&interests->mutex);
    interest = find_oid(interests, oid);
    if (interest != NULL && interest->listeners == 0)
        interest = NULL;
    pthread_mutex_unlock(&interests->mutex);
    return interest;
}

void
live_interests_born(struct live_interests *interests, const char *account, const char *run_id,
                    const char *oid)
{
    struct live_interest *interest;

    pthread_mutex_lock(&interests->mutex);
    interest = find_name(interests, account, run_id);
    if (interest != NULL)
        link_oid(interests, interest, oid);
    pthread_mutex_unlock(&interests->mutex);
}

void
live_interests_gone(struct live_interests *interests, const char *oid)
{
    struct live_interest *interest;

    pthread_mutex_lock(&interests->mutex);
    interest = find_oid(interests, oid);
    if (interest != NULL)
        unlink_oid(interests, interest);
    pthread_mutex_unlock(&interests->mutex);
}

bool
live_interests_together(struct live_interests *interests, const struct live_interest *interest)
{
    bool together;

    pthread_mutex_lock(&interests->mutex);
    together = interest->replays == 0 && interest->gather.seq > interest->replayed_seq;
    pthread_mutex_unlock(&interests->mutex);
    return together;
}
