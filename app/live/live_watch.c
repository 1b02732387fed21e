/*
 * live_watch.c - the watcher: follows the database's change stream and tells what concerns
 * anybody. Called by live_feed.c. Next: store/store_watch.c, live_event.c, live_training.c.
 *
 * A turn is one read of the stream. Reports are told at its end, those of one run together. Headers
 * are read and told at most every HEADER_EVERY_MS, all that changed at once and in their newest
 * state: what changed in between is in it, and reports seldom wait for the reading. While nobody is
 * there to be told, the stream rests.
 */
#include "live_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "live_feed.h"
#include "live_training.h"
#include "store/store_watch.h"

#include <stdlib.h>
#include <string.h>

#define AWAIT_MS 500 /* one read waits so long for the next change; also how long an end takes */
#define HEADER_EVERY_MS 50
#define REST_MS 500     /* how often a resting stream looks whether the database is there */
#define PAUSE_MIN_MS 20 /* after a break; twice as long after each further one, up to */
#define PAUSE_MAX_MS 500

struct watcher {
    struct live_feed *feed;
    struct store *stream_store; /* of the stream alone: a loss of the other's client ends no read */
    struct store *store;
    struct store_watch *stream;
    struct live_training *training;
    struct live_interest *active; /* those of which something is to be told */
    struct live_interest *last;   /* whose report came last in this turn; NULL: none */
    bool settled;                 /* interests are, in this turn */
    bool resets;                  /* changes were passed over: everybody is to be told */
    int64_t headers_ms;           /* steady clock: when headers were read last */
    int64_t keys_seq;             /* keys changed in this turn; 0: they did not */
    int64_t changes;              /* in this turn */
    int64_t pause_ms;
};

static void
sink(struct live_event *event, void *context)
{
    struct watcher *watcher = context;

    live_feed_put(watcher->feed, event);
}

static struct live_place
place_of(struct watcher *watcher, const struct live_interest *interest)
{
    return (struct live_place){
        .account = interest->account, .run_id = interest->run_id, .sink = sink, .context = watcher};
}

static void
tell_all(struct watcher *watcher, struct live_event *event)
{
    if (event == NULL)
        abort(); /* see live_text.c */
    live_feed_put(watcher->feed, event);
}

/* ---- during a turn ---- */

/* Who was added meanwhile must be known before a change of its run is passed over. */
static void
settle(struct watcher *watcher)
{
    struct api_error err = {.id = API_OK};

    while (!watcher->settled) {
        watcher->settled = live_interests_settle(watcher->feed->interests, watcher->store, &err);
        if (!watcher->settled && live_feed_pause(watcher->feed, PAUSE_MAX_MS))
            return;
    }
}

static void
activate(struct watcher *watcher, struct live_interest *interest)
{
    if (interest->active)
        return;
    interest->active = true;
    interest->next_active = watcher->active;
    watcher->active = interest;
}

static void
take_episode(struct watcher *watcher, const struct store_change *change)
{
    struct live_interest *interest = live_interests_of(watcher->feed->interests, change->oid);
    struct live_place place;

    watcher->last = interest;
    if (interest == NULL)
        return;
    place = place_of(watcher, interest);
    activate(watcher, interest);
    live_gather_add(&interest->gather, change->episode, change->seq,
                    live_interests_together(watcher->feed->interests, interest), &place);
    interest->changed_seq = change->seq; /* its header is not told again when it stays the same */
    live_training_episode(watcher->training, interest->account, interest->run_id, change);
}

static void
take_header(struct watcher *watcher, const struct store_change *change)
{
    struct live_interest *interest = live_interests_of(watcher->feed->interests, change->oid);

    if (interest == NULL)
        return;
    activate(watcher, interest);
    interest->changed_seq = change->seq;
}

static void
take_job(struct watcher *watcher, const struct store_change *change)
{
    while (!live_training_job(watcher->training, watcher->store, change->oid, change->seq))
        if (live_feed_pause(watcher->feed, PAUSE_MAX_MS))
            return;
}

static void
take(const struct store_change *change, void *context)
{
    struct watcher *watcher = context;

    settle(watcher);
    watcher->changes++;
    switch (change->kind) {
    case STORE_CHANGE_RUN_NEW:
        live_interests_born(watcher->feed->interests, change->account, change->run_id, change->oid);
        break;
    case STORE_CHANGE_RUN_GONE:
        live_interests_gone(watcher->feed->interests, change->oid);
        break;
    case STORE_CHANGE_EPISODE:
        take_episode(watcher, change);
        break;
    case STORE_CHANGE_RUN:
        take_header(watcher, change);
        break;
    case STORE_CHANGE_JOB:
        take_job(watcher, change);
        break;
    case STORE_CHANGE_KEYS:
        watcher->keys_seq = change->seq;
        break;
    }
}

/* ---- at its end ---- */

/* Headers that are to be told now. */
struct due {
    struct watcher *watcher;
    struct live_interest *interests[STORE_WATCH_RUNS_MAX];
    const char *oids[STORE_WATCH_RUNS_MAX];
    size_t count;
};

static void
tell_header(const struct run *run, bool in_step, void *context)
{
    struct due *due = context;

    for (size_t i = 0; i < due->count; i++) {
        struct live_interest *interest = due->interests[i];
        struct live_event *event;

        if (strcmp(run->oid, interest->oid) != 0)
            continue;
        event = live_event_run_updated(interest->account, run, in_step, interest->changed_seq);
        if (event == NULL)
            abort(); /* see live_text.c */
        live_feed_put(due->watcher->feed, event);
    }
}

/* False: the database is away, and they are still to be told. */
static bool
tell_due(struct due *due)
{
    struct api_error err = {.id = API_OK};

    if (due->count > 0 &&
        !store_watch_runs(due->watcher->store, due->oids, due->count, tell_header, due, &err))
        return false;
    if (due->count > 0)
        due->watcher->headers_ms = clock_steady_ms();
    for (size_t i = 0; i < due->count; i++)
        due->interests[i]->changed_seq = 0;
    due->count = 0;
    return true;
}

static void
tell_headers(struct watcher *watcher)
{
    struct due due = {.watcher = watcher};
    bool good = true;

    if (clock_steady_ms() - watcher->headers_ms < HEADER_EVERY_MS)
        return;
    for (struct live_interest *at = watcher->active; good && at != NULL; at = at->next_active) {
        if (at->oid[0] == '\0') /* purged meanwhile */
            at->changed_seq = 0;
        if (at->changed_seq == 0 || at->gather.count > 0) /* its reports come first */
            continue;
        due.interests[due.count] = at;
        due.oids[due.count++] = at->oid;
        if (due.count == STORE_WATCH_RUNS_MAX)
            good = tell_due(&due);
    }
    if (good)
        tell_due(&due);
}

/* Reports first, then the header that counts them. */
static void
tell_reports(struct watcher *watcher)
{
    const bool amid = store_watch_is_amid(watcher->stream);

    for (struct live_interest *at = watcher->active; at != NULL; at = at->next_active) {
        const struct live_place place = place_of(watcher, at);

        live_gather_flush(&at->gather, amid && at == watcher->last, &place);
    }
}

/* Only those stay of which something is still to be told. */
static void
thin_active(struct watcher *watcher)
{
    struct live_interest **at = &watcher->active;

    while (*at != NULL) {
        struct live_interest *interest = *at;

        interest->active = interest->changed_seq != 0 || interest->gather.count > 0;
        if (interest->active)
            at = &interest->next_active;
        else
            *at = interest->next_active;
    }
}

static void
note_state(struct watcher *watcher, bool connected)
{
    struct live_watch_state *state = &watcher->feed->state;

    pthread_mutex_lock(&watcher->feed->mutex);
    state->connected = connected;
    state->seq = store_watch_seq(watcher->stream);
    state->changes += watcher->changes;
    state->resets += connected && watcher->resets ? 1 : 0;
    state->reconnects = store_watch_reopened(watcher->stream);
    pthread_mutex_unlock(&watcher->feed->mutex);
    watcher->changes = 0;
}

static void
end_turn(struct watcher *watcher)
{
    const int64_t seq = store_watch_seq(watcher->stream);

    if (watcher->resets) /* now that the stream is open again: who reads anew misses nothing */
        tell_all(watcher, live_event_reset(NULL, NULL, seq));
    if (watcher->keys_seq != 0)
        tell_all(watcher, live_event_new(LIVE_KEYS_CHANGED, NULL, NULL, NULL, watcher->keys_seq));
    tell_reports(watcher);
    tell_headers(watcher);
    thin_active(watcher);
    note_state(watcher, true);
    watcher->keys_seq = 0;
    watcher->resets = false;
    watcher->settled = false;
    watcher->pause_ms = PAUSE_MIN_MS;
}

/* ---- the thread ---- */

/* A header that waits for its time, or a reset that is to be told, must not wait for a change. */
static int64_t
wait_ms(const struct watcher *watcher)
{
    const int64_t half = watcher->feed->settings.socket_timeout_ms / 2;
    const int64_t until_headers = watcher->headers_ms + HEADER_EVERY_MS - clock_steady_ms();

    if (watcher->resets)
        return 1;
    for (const struct live_interest *at = watcher->active; at != NULL; at = at->next_active)
        if (at->changed_seq != 0)
            return until_headers < 1 ? 1 : until_headers;
    return half < AWAIT_MS ? half : AWAIT_MS;
}

static void
pause_after_break(struct watcher *watcher)
{
    note_state(watcher, false);
    live_feed_pause(watcher->feed, watcher->pause_ms);
    watcher->pause_ms *= 2;
    if (watcher->pause_ms > PAUSE_MAX_MS)
        watcher->pause_ms = PAUSE_MAX_MS;
}

static void
follow(struct watcher *watcher)
{
    switch (store_watch_read(watcher->stream, wait_ms(watcher), take, watcher)) {
    case STORE_WATCH_READ:
        end_turn(watcher);
        live_training_recall(watcher->training, watcher->store);
        return;
    case STORE_WATCH_PASSED:
        log_event(LOG_WARN, "stream_passed");
        watcher->resets = true;
        live_training_doubt(watcher->training);
        break;
    case STORE_WATCH_BROKEN:
        break;
    }
    watcher->settled = false;
    pause_after_break(watcher);
}

/* Nobody is there, and what happens need not be told. */
static void
rest(struct watcher *watcher)
{
    note_state(watcher, store_watch_skip(watcher->stream));
    live_feed_rest(watcher->feed, REST_MS);
}

/*
 * Somebody came: the stream begins now, before the client is let in (live_access.c). Which training
 * is under way is asked anew, as after a start.
 */
static void
wake(struct watcher *watcher)
{
    if (!store_watch_skip(watcher->stream)) {
        pause_after_break(watcher);
        return;
    }
    live_training_forget(watcher->training);
    live_training_recall(watcher->training, watcher->store);
    watcher->resets = watcher->settled = false;
    live_feed_wake(watcher->feed);
}

static void
turn(struct watcher *watcher)
{
    switch (live_feed_duty(watcher->feed)) {
    case LIVE_DUTY_REST:
        rest(watcher);
        break;
    case LIVE_DUTY_WAKE:
        wake(watcher);
        break;
    case LIVE_DUTY_FOLLOW:
        follow(watcher);
        break;
    }
}

static bool
open_watcher(struct watcher *watcher)
{
    const struct store_watch_from now = {.seq = 0};

    watcher->stream_store = store_open(&watcher->feed->settings, NULL);
    watcher->store = store_open(&watcher->feed->settings, NULL);
    watcher->training = live_training_new(watcher->feed);
    if (watcher->stream_store != NULL)
        watcher->stream = store_watch_new(watcher->stream_store, &now);
    return watcher->store != NULL && watcher->stream != NULL && watcher->training != NULL;
}

void *
live_watcher_main(void *context)
{
    struct watcher watcher = {.feed = context, .pause_ms = PAUSE_MIN_MS};

    if (!open_watcher(&watcher))
        abort(); /* see live_text.c */
    while (!live_feed_pause(watcher.feed, 0))
        turn(&watcher);
    store_watch_free(watcher.stream);
    live_training_free(watcher.training);
    store_close(watcher.store);
    store_close(watcher.stream_store);
    return NULL;
}
