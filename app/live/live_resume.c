/*
 * live_resume.c - the replayer: tells returning clients what they have missed, from the database's
 * log. Called by live_feed.c. Next: store/store_watch.c, live_event.c.
 *
 * It replays to many clients in one pass: after a restart of the gateway they all come at once.
 * A pass ends at the newest commit that there is when it begins; the client's live events begin
 * there (live_watch.h).
 */
#include "base/clock.h"
#include "base/log.h"
#include "live_feed.h"
#include "store/store_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASS_MAX 64           /* runs in one pass; at most STORE_WATCH_RUNS_MAX */
#define PASS_REPLAYS_MAX 2048 /* clients */
#define AWAIT_MS 10           /* a pass has nothing to wait for but the end of the log */
#define PAUSE_MS 200          /* while the database is away */

struct live_replay {
    char account[LIVE_NAME_SIZE], run_id[LIVE_NAME_SIZE];
    int64_t after_seq;
    struct live_to to;
    struct live_replay *next; /* in the list of requests, or in that of its run */
};

/* One run in a pass, and who wants it. */
struct replayed {
    char oid[RUN_OID_SIZE];
    struct live_replay *replays; /* owned; of one account and run_id */
    struct live_gather gather;
    int64_t changed_seq; /* of the newest change, its reports included; 0: none */
};

struct pass {
    struct live_feed *feed;
    struct replayed runs[PASS_MAX];
    size_t count, replay_count;
    const char *oids[PASS_MAX]; /* of those that exist; borrowed from runs */
    size_t oid_count;
    int64_t from_seq, upto_seq;
    int64_t visited;                     /* changes in this read */
    bool begun;                          /* there was one: clients may have been told something */
    struct replayed *flushing;           /* whose events come to sink() */
    struct live_to to[PASS_REPLAYS_MAX]; /* of the event that is being told */
};

/* ---- requests ---- */

bool
live_replay_ask(struct live_feed *feed, const char *account, const char *run_id, int64_t after_seq,
                struct live_to to)
{
    struct live_replay *replay = calloc(1, sizeof *replay);
    bool room;

    if (replay == NULL || !live_interests_replay(feed->interests, account, run_id)) {
        free(replay);
        return false;
    }
    snprintf(replay->account, sizeof replay->account, "%s", account);
    snprintf(replay->run_id, sizeof replay->run_id, "%s", run_id);
    replay->after_seq = after_seq;
    replay->to = to;
    pthread_mutex_lock(&feed->mutex);
    room = feed->replay_count < LIVE_RESUMES_MAX;
    if (room) {
        *feed->end = replay;
        feed->end = &replay->next;
        feed->replay_count++;
        pthread_cond_broadcast(&feed->woken);
    }
    pthread_mutex_unlock(&feed->mutex);
    if (!room) {
        live_interests_replayed(feed->interests, account, run_id, 0);
        free(replay);
    }
    return room;
}

static void
free_list(struct live_replay *replay)
{
    while (replay != NULL) {
        struct live_replay *next = replay->next;

        free(replay);
        replay = next;
    }
}

void
live_replay_drop_all(struct live_feed *feed)
{
    free_list(feed->first);
    feed->first = NULL;
    feed->end = &feed->first;
    feed->replay_count = 0;
}

/* ---- a pass's beginning ---- */

static bool
is_of(const struct replayed *run, const struct live_replay *replay)
{
    return strcmp(run->replays->account, replay->account) == 0 &&
           strcmp(run->replays->run_id, replay->run_id) == 0;
}

static void
join(struct pass *pass, struct live_replay *replay)
{
    struct replayed *run = NULL;

    for (size_t i = 0; run == NULL && i < pass->count; i++)
        if (is_of(&pass->runs[i], replay))
            run = &pass->runs[i];
    if (run == NULL) {
        run = &pass->runs[pass->count++];
        *run = (struct replayed){.replays = NULL};
        live_gather_init(&run->gather);
    }
    replay->next = run->replays;
    run->replays = replay;
    pass->replay_count++;
    if (replay->after_seq < pass->from_seq)
        pass->from_seq = replay->after_seq;
}

/* Is there room in the pass for a replay of this run? */
static bool
has_room(const struct pass *pass, const struct live_replay *replay)
{
    if (pass->replay_count == PASS_REPLAYS_MAX)
        return false;
    if (pass->count < PASS_MAX)
        return true;
    for (size_t i = 0; i < pass->count; i++)
        if (is_of(&pass->runs[i], replay))
            return true;
    return false;
}

/* Wait for requests and take the next ones; false: it is time to end. */
static bool
take_requests(struct live_feed *feed, struct pass *pass)
{
    bool stopping;

    *pass = (struct pass){.feed = feed, .from_seq = INT64_MAX};
    pthread_mutex_lock(&feed->mutex);
    while (!feed->stopping && feed->first == NULL)
        pthread_cond_wait(&feed->woken, &feed->mutex);
    while (feed->first != NULL && has_room(pass, feed->first)) {
        struct live_replay *replay = feed->first;

        feed->first = replay->next;
        if (feed->first == NULL)
            feed->end = &feed->first;
        feed->replay_count--;
        join(pass, replay);
    }
    stopping = feed->stopping;
    pthread_mutex_unlock(&feed->mutex);
    return !stopping || pass->count > 0;
}

/* ---- reading the log ---- */

/* Put an event for those of the run's clients that lack what came after `seq`. Takes it. */
static void
tell(struct pass *pass, const struct replayed *run, struct live_event *event, int64_t seq)
{
    size_t count = 0;

    for (const struct live_replay *at = run->replays; at != NULL; at = at->next)
        if (at->after_seq < seq)
            pass->to[count++] = at->to;
    if (count == 0) {
        live_event_free(event);
        return;
    }
    live_event_address(event, pass->to, count);
    live_feed_put(pass->feed, event);
}

static void
sink(struct live_event *event, void *context)
{
    struct pass *pass = context;

    tell(pass, pass->flushing, event, event->seq);
}

static struct live_place
place_of(struct pass *pass, struct replayed *run)
{
    pass->flushing = run;
    return (struct live_place){.account = run->replays->account,
                               .run_id = run->replays->run_id,
                               .sink = sink,
                               .context = pass};
}

/* May a commit join what is gathered? Not when a client lacks the one and not the other. */
static bool
together(const struct replayed *run, int64_t seq)
{
    for (const struct live_replay *at = run->replays; at != NULL; at = at->next)
        if (at->after_seq >= run->gather.seq && at->after_seq < seq)
            return false;
    return true;
}

static void
take(const struct store_change *change, void *context)
{
    struct pass *pass = context;
    struct replayed *run = NULL;
    struct live_place place;

    pass->visited++;
    pass->begun = true;
    for (size_t i = 0; run == NULL && i < pass->count; i++)
        if (strcmp(pass->runs[i].oid, change->oid) == 0)
            run = &pass->runs[i];
    if (run == NULL || change->seq > pass->upto_seq)
        return;
    run->changed_seq = change->seq;
    if (change->kind == STORE_CHANGE_EPISODE) {
        place = place_of(pass, run);
        live_gather_add(&run->gather, change->episode, change->seq, together(run, change->seq),
                        &place);
    }
}

/*
 * The stream has told everything up to upto_seq. At that very place there may be more to come
 * (a commit has many changes), unless a read has found nothing.
 */
static bool
is_complete(const struct pass *pass, const struct store_watch *stream)
{
    const int64_t seq = store_watch_seq(stream);

    return seq > pass->upto_seq || (seq == pass->upto_seq && pass->visited == 0);
}

/* False: the log does not reach back so far, or the time is over. */
static bool
read_log(struct pass *pass, struct store_watch *stream)
{
    const int64_t until_ms = clock_steady_ms() + LIVE_RESUME_MS;
    enum store_watch_outcome outcome;

    do {
        pass->visited = 0;
        outcome = store_watch_read(stream, AWAIT_MS, take, pass);
        if (outcome == STORE_WATCH_READ && is_complete(pass, stream))
            return true;
        if (outcome == STORE_WATCH_BROKEN && live_feed_pause(pass->feed, PAUSE_MS))
            return false;
    } while (outcome != STORE_WATCH_PASSED && clock_steady_ms() < until_ms);
    return false;
}

/* ---- a pass's end ---- */

static void
tell_header(const struct run *header, bool in_step, void *context)
{
    struct pass *pass = context;

    for (size_t i = 0; i < pass->count; i++) {
        struct replayed *run = &pass->runs[i];
        struct live_event *event;

        if (run->changed_seq == 0 || strcmp(run->oid, header->oid) != 0)
            continue;
        event = live_event_run_updated(run->replays->account, header, in_step, run->changed_seq);
        if (event == NULL)
            abort(); /* see live_text.c */
        /* Also to one who has just seen the reports of this commit: perhaps no more than these. */
        tell(pass, run, event, run->changed_seq + 1);
    }
}

/* False: the database is away. */
static bool
tell_headers(struct pass *pass, struct store *store)
{
    struct api_error err = {.id = API_OK};

    return pass->oid_count == 0 ||
           store_watch_runs(store, pass->oids, pass->oid_count, tell_header, pass, &err);
}

/* The replays of a run are over, those that end with this; frees them. */
static void
end_replays(struct pass *pass, struct replayed *run, enum live_kind kind)
{
    const char *account = run->replays->account, *run_id = run->replays->run_id;
    struct live_event *event = kind == LIVE_RESET
                                   ? live_event_reset(account, run_id, pass->upto_seq)
                                   : live_event_new(kind, NULL, account, run_id, pass->upto_seq);

    if (event == NULL)
        abort(); /* see live_text.c */
    tell(pass, run, event, INT64_MAX);
    for (const struct live_replay *at = run->replays; at != NULL; at = at->next)
        live_interests_replayed(pass->feed->interests, at->account, at->run_id, pass->upto_seq);
    free_list(run->replays);
    run->replays = NULL;
    live_gather_clear(&run->gather);
}

static void
end(struct pass *pass, enum live_kind kind)
{
    for (size_t i = 0; i < pass->count; i++)
        end_replays(pass, &pass->runs[i], kind);
}

/* Is it a place that is none, or is not yet? Another database has told it. */
static bool
is_no_place(const struct pass *pass, const struct live_replay *replay)
{
    return replay->after_seq <= 0 || replay->after_seq > pass->upto_seq;
}

static bool
reaches_back_furthest(const struct pass *pass, const struct live_replay *replay)
{
    return replay->after_seq == pass->from_seq;
}

typedef bool pick(const struct pass *pass, const struct live_replay *replay);

/* Take the picked ones out of a run's replays. */
static struct live_replay *
take_out(const struct pass *pass, struct replayed *run, pick *picks)
{
    struct live_replay **at = &run->replays, *taken = NULL;

    while (*at != NULL) {
        struct live_replay *replay = *at;

        if (!picks(pass, replay)) {
            at = &replay->next;
            continue;
        }
        *at = replay->next;
        replay->next = taken;
        taken = replay;
    }
    return taken;
}

/*
 * The picked ones are told to read anew: who asks for too much must not spoil it for the others.
 * The pass goes on without them; perhaps nobody is left. Nothing has been read in it yet.
 */
static void
give_up(struct pass *pass, pick *picks)
{
    struct replayed runs[PASS_MAX];
    const size_t count = pass->count;

    memcpy(runs, pass->runs, count * sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        struct replayed given_up = {.replays = take_out(pass, &runs[i], picks)};

        live_gather_init(&given_up.gather);
        if (given_up.replays != NULL)
            end_replays(pass, &given_up, LIVE_RESET);
    }
    pass->count = pass->replay_count = 0;
    pass->from_seq = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct live_replay *next, *at = runs[i].replays;

        live_gather_clear(&runs[i].gather);
        for (; at != NULL; at = next) {
            next = at->next;
            join(pass, at);
        }
    }
}

/* Where the log ends, who asks for no place in it, and the keys of the runs. False: the database is
 * away. */
static bool
look_up(struct pass *pass, struct store *store)
{
    struct api_error err = {.id = API_OK};

    if (!store_watch_newest(store, &pass->upto_seq, &err))
        return false;
    give_up(pass, is_no_place);
    pass->oid_count = 0;
    for (size_t i = 0; i < pass->count; i++) {
        struct replayed *run = &pass->runs[i];

        if (!store_watch_find_run(store, run->replays->account, run->replays->run_id, run->oid,
                                  &err))
            return false;
        if (run->oid[0] != '\0')
            pass->oids[pass->oid_count++] = run->oid;
    }
    return true;
}

static bool
replay(struct pass *pass, struct store *store)
{
    const struct store_watch_from from = {
        .seq = pass->from_seq, .oids = pass->oids, .oid_count = pass->oid_count};
    struct store_watch *stream;
    bool good;

    if (pass->oid_count == 0)
        return true; /* a run that does not exist has missed nothing */
    stream = store_watch_new(store, &from);
    if (stream == NULL)
        abort(); /* see live_text.c */
    good = read_log(pass, stream);
    store_watch_free(stream);
    for (size_t i = 0; good && i < pass->count; i++) {
        const struct live_place place = place_of(pass, &pass->runs[i]);

        live_gather_flush(&pass->runs[i].gather, false, &place);
    }
    return good;
}

/* False: it is impossible, though not for want of the database. */
static bool
try_pass(struct pass *pass, struct store *store)
{
    const int64_t began_ms = clock_steady_ms();
    bool good, stopping = false;

    while (!stopping && !look_up(pass, store))
        stopping = live_feed_pause(pass->feed, PAUSE_MS);
    good = replay(pass, store);
    while (good && !tell_headers(pass, store))
        good = !live_feed_pause(pass->feed, PAUSE_MS);
    log_event(LOG_INFO, good ? "replayed" : "replay_impossible",
              LOG_WHOLE("clients", (int64_t)pass->replay_count),
              LOG_WHOLE("ms", clock_steady_ms() - began_ms));
    return good;
}

static void
run_pass(struct pass *pass, struct store *store)
{
    while (pass->count > 0) {
        if (try_pass(pass, store)) {
            end(pass, LIVE_RESUMED);
            return;
        }
        if (pass->begun) {
            end(pass, LIVE_RESET);
            return;
        }
        give_up(pass, reaches_back_furthest);
    }
}

/* A long log without a change of these runs is read in one go: that takes longer than a request. */
static struct store *
open_store(const struct live_feed *feed)
{
    struct store_settings settings = feed->settings;

    settings.socket_timeout_ms = LIVE_RESUME_MS;
    return store_open(&settings, NULL);
}

void *
live_replayer_main(void *context)
{
    struct live_feed *feed = context;
    struct store *store = open_store(feed);
    struct pass *pass = malloc(sizeof *pass);

    if (store == NULL || pass == NULL)
        abort(); /* see live_text.c */
    while (take_requests(feed, pass))
        run_pass(pass, store);
    free(pass);
    store_close(store);
    return NULL;
}
