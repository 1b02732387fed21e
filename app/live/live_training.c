/*
 * live_training.c - the events of a training that was started here, made of its job and of the
 * episodes of its run. Called by live_watch.c. Next: training/progress.c, store/store_job.c.
 *
 * There is one training at a time in an installation. Its progress is known from its last ten
 * episodes, which a gateway that starts amid it reads from the store.
 */
#include "live_training.h"

#include "store/store_episode.h"
#include "store/store_job.h"
#include "store/store_run.h"
#include "training/job.h"
#include "training/progress.h"

#include <stdlib.h>
#include <string.h>

struct live_training {
    struct live_feed *feed;
    struct job job; /* the newest one that is known; oid "": none */
    struct progress progress;
    bool listens; /* to the job's run */
    bool told_start, told_end;
    bool recalled; /* no: the store is to be asked which job there is, and for its episodes */
};

struct live_training *
live_training_new(struct live_feed *feed)
{
    struct live_training *training = calloc(1, sizeof *training);

    if (training != NULL)
        training->feed = feed;
    return training;
}

void
live_training_free(struct live_training *training)
{
    free(training);
}

/* ---- telling ---- */

/* An event of the training's account; its payload is what comes into text until put(). */
struct telling {
    const struct live_training *training;
    struct live_event *event;
    struct live_text text;
    struct json_out json;
};

static void
start(struct telling *telling, const struct live_training *training, const char *name, int64_t seq)
{
    telling->training = training;
    telling->event =
        live_event_new(LIVE_TRAINING, name, training->job.account, training->job.run_id, seq);
    if (telling->event == NULL)
        abort(); /* see live_text.c */
    live_text_init(&telling->text);
    telling->json = (struct json_out){.out = &telling->text.out};
}

static void
put(struct telling *telling)
{
    telling->event->json = live_text_take(&telling->text, &telling->event->json_size);
    live_feed_put(telling->training->feed, telling->event);
}

static void
tell_started(const struct live_training *training, int64_t seq)
{
    char time[JOB_TIME_TEXT_SIZE];
    struct telling telling;

    start(&telling, training, LIVE_NAME_TRAINING_STARTED, seq);
    json_out_object(&telling.json, NULL);
    json_out_text(&telling.json, "scenario_name", training->job.scenario);
    json_out_whole(&telling.json, "num_episodes", training->job.num_episodes);
    json_out_text(&telling.json, "start_time", job_time(training->job.started_ms, time));
    json_out_object_end(&telling.json);
    put(&telling);
}

static void
tell_progress(const struct live_training *training, int64_t seq)
{
    struct telling telling;

    start(&telling, training, LIVE_NAME_TRAINING_PROGRESS, seq);
    progress_write(&training->progress, training->job.num_episodes, training->job.started_ms,
                   &telling.json, NULL);
    put(&telling);
}

static void
tell_failed(const struct live_training *training, int64_t seq)
{
    struct telling telling;

    start(&telling, training, LIVE_NAME_TRAINING_ERROR, seq);
    json_out_object(&telling.json, NULL);
    json_out_text(&telling.json, "message", "Training failed");
    json_out_text(&telling.json, "details", training->job.error);
    json_out_object_end(&telling.json);
    put(&telling);
}

/* Completed or stopped. */
static void
tell_ended(const struct live_training *training, int64_t episodes, int64_t seq)
{
    const bool completed = training->job.state == JOB_COMPLETED;
    struct telling telling;

    start(&telling, training, completed ? LIVE_NAME_TRAINING_COMPLETED : LIVE_NAME_TRAINING_STOPPED,
          seq);
    json_out_object(&telling.json, NULL);
    json_out_text(&telling.json, "scenario_name", training->job.scenario);
    json_out_whole(&telling.json, "episodes_completed", episodes);
    if (completed)
        progress_write_final(&training->progress, &telling.json, "final_metrics");
    json_out_object_end(&telling.json);
    put(&telling);
}

/* ---- the job ---- */

static void
listen(struct live_training *training)
{
    if (!training->listens)
        training->listens = live_interests_add(training->feed->interests, training->job.account,
                                               training->job.run_id);
}

static void
stop_listening(struct live_training *training)
{
    if (training->listens)
        live_interests_remove(training->feed->interests, training->job.account,
                              training->job.run_id);
    training->listens = false;
}

/* How many episodes its run has; 0 when it never opened one. */
static bool
count_episodes(struct store *store, const struct job *job, int64_t *episodes)
{
    struct api_error err = {.id = API_OK};
    struct run_held held = {.holder = NULL};

    *episodes = 0;
    if (!store_run_find(store, job->account, job->run_id, &held, &err))
        return err.id == API_RUN_NOT_FOUND;
    *episodes = held.run.summary.episodes;
    store_run_release(&held);
    return true;
}

static bool
is_ended(const struct job *job)
{
    return job->state >= JOB_COMPLETED;
}

/* Make it the training that is known; a new one has told nothing yet. */
static void
adopt(struct live_training *training, const struct job *job)
{
    if (strcmp(training->job.oid, job->oid) != 0) {
        stop_listening(training);
        training->progress = (struct progress){.count = 0};
        training->told_start = training->told_end = false;
    }
    training->job = *job;
    if (is_ended(job))
        stop_listening(training);
    else
        listen(training);
}

static void
tell_state(struct live_training *training, int64_t episodes, int64_t seq)
{
    const struct job *job = &training->job;

    if (!training->told_start && job->state >= JOB_STARTING && job->started_ms != 0) {
        training->told_start = true;
        tell_started(training, seq);
    }
    if (training->told_end || !is_ended(job))
        return;
    training->told_end = true;
    if (job->state == JOB_FAILED)
        tell_failed(training, seq);
    else
        tell_ended(training, episodes, seq);
}

bool
live_training_job(struct live_training *training, struct store *store, const char *oid, int64_t seq)
{
    struct api_error err = {.id = API_OK};
    struct job job;
    int64_t episodes = 0;
    bool found;

    if (!store_job_find(store, oid, &job, &found, &err))
        return false;
    if (!found)
        return true;
    if (is_ended(&job) && !count_episodes(store, &job, &episodes))
        return false;
    adopt(training, &job);
    tell_state(training, episodes, seq);
    return true;
}

/* ---- its episodes ---- */

/* A report takes the place of an earlier one of the same number. */
static void
take(struct progress *progress, const struct episode *episode)
{
    for (size_t i = 0; i < progress->count; i++) {
        if (progress->points[i].number != episode->number)
            continue;
        progress->count--;
        memmove(&progress->points[i], &progress->points[i + 1],
                (progress->count - i) * sizeof progress->points[0]);
        break;
    }
    progress_add(progress, episode);
}

/* Is it one of the ten that the means are of? */
static bool
counts(const struct progress *progress, int64_t number)
{
    for (size_t i = 0; i < progress->count; i++)
        if (progress->points[i].number == number)
            return true;
    return false;
}

void
live_training_episode(struct live_training *training, const char *account, const char *run_id,
                      const struct store_change *change)
{
    if (!training->listens || strcmp(training->job.run_id, run_id) != 0 ||
        strcmp(training->job.account, account) != 0)
        return;
    take(&training->progress, change->episode);
    if (counts(&training->progress, change->episode->number))
        tell_progress(training, change->seq);
}

/* ---- after a start, and after a doubt ---- */

static bool
recall_episode(const struct episode *episode, void *context)
{
    progress_add(context, episode);
    return true;
}

static bool
recall_episodes(struct live_training *training, struct store *store)
{
    struct api_error err = {.id = API_OK};
    struct run_held held = {.holder = NULL};
    struct progress progress = {.count = 0};
    bool good;

    if (!store_run_find(store, training->job.account, training->job.run_id, &held, &err))
        return err.id == API_RUN_NOT_FOUND;
    good = store_episode_last(store, &held.run, PROGRESS_WINDOW, recall_episode, &progress, &err);
    store_run_release(&held);
    if (good)
        training->progress = progress;
    return good;
}

/* What an earlier gateway has told, as far as that can be known, is not told again. */
static bool
recall_job(struct live_training *training, struct store *store)
{
    struct api_error err = {.id = API_OK};
    struct job job;
    bool found;

    if (training->job.oid[0] != '\0')
        return live_training_job(training, store, training->job.oid, 0);
    if (!store_job_find_active(store, &job, &found, &err))
        return false;
    if (!found)
        return true;
    adopt(training, &job);
    training->told_start = job.state >= JOB_STARTING && job.started_ms != 0;
    return true;
}

void
live_training_recall(struct live_training *training, struct store *store)
{
    if (training->recalled || !recall_job(training, store))
        return;
    training->recalled = !training->listens || recall_episodes(training, store);
}

void
live_training_forget(struct live_training *training)
{
    stop_listening(training);
    *training = (struct live_training){.feed = training->feed};
}

void
live_training_doubt(struct live_training *training)
{
    training->recalled = false;
}
