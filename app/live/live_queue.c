/*
 * live_queue.c - the bounded queue between the threads that read the database and the loop.
 * Called by live_watch.c and live_resume.c (put), live_server.c (take). Next: live_room.c.
 */
#include "live_queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct live_queue {
    pthread_mutex_t mutex;
    pthread_cond_t room; /* there may be room again, or the queue was shut */
    size_t bytes_max, count_max;
    void (*wake)(void *context);
    void *context;
    /* Under the mutex. */
    struct live_event *first, **end; /* end: where the next event is linked */
    size_t bytes, count;
    bool shut;
};

struct live_event *
live_event_new(enum live_kind kind, const char *name, const char *account, const char *run_id,
               int64_t seq)
{
    struct live_event *event = calloc(1, sizeof *event);

    if (event == NULL)
        return NULL;
    event->kind = kind;
    event->name = name;
    event->seq = seq;
    if (account != NULL)
        snprintf(event->account, sizeof event->account, "%s", account);
    if (run_id != NULL)
        snprintf(event->run_id, sizeof event->run_id, "%s", run_id);
    return event;
}

void
live_event_address(struct live_event *event, const struct live_to *to, size_t count)
{
    event->to = calloc(count, sizeof *to);
    if (event->to == NULL)
        abort(); /* see live_text.c */
    memcpy(event->to, to, count * sizeof *to);
    event->to_count = count;
}

void
live_event_free(struct live_event *event)
{
    if (event == NULL)
        return;
    free(event->json);
    free(event->to);
    free(event);
}

struct live_queue *
live_queue_new(size_t bytes_max, size_t count_max, void (*wake)(void *context), void *context)
{
    struct live_queue *queue = calloc(1, sizeof *queue);

    if (queue == NULL)
        return NULL;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->room, NULL);
    queue->bytes_max = bytes_max;
    queue->count_max = count_max;
    queue->wake = wake;
    queue->context = context;
    queue->end = &queue->first;
    return queue;
}

static void
free_list(struct live_event *event)
{
    while (event != NULL) {
        struct live_event *next = event->next;

        live_event_free(event);
        event = next;
    }
}

void
live_queue_free(struct live_queue *queue)
{
    if (queue == NULL)
        return;
    free_list(queue->first);
    pthread_cond_destroy(&queue->room);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

static size_t
bytes_of(const struct live_event *event)
{
    return event->json_size + event->to_count * sizeof *event->to;
}

/* An empty queue takes any event: one that is larger than the queue must not wait for ever. */
static bool
has_room(const struct live_queue *queue, size_t bytes)
{
    if (queue->count == 0)
        return true;
    return queue->count < queue->count_max && queue->bytes + bytes <= queue->bytes_max;
}

static void
append(struct live_queue *queue, struct live_event *event)
{
    event->next = NULL;
    *queue->end = event;
    queue->end = &event->next;
    queue->bytes += bytes_of(event);
    queue->count++;
}

bool
live_queue_put(struct live_queue *queue, struct live_event *event)
{
    bool shut, was_empty;

    pthread_mutex_lock(&queue->mutex);
    while (!queue->shut && !has_room(queue, bytes_of(event)))
        pthread_cond_wait(&queue->room, &queue->mutex);
    shut = queue->shut;
    was_empty = queue->count == 0;
    if (!shut)
        append(queue, event);
    pthread_mutex_unlock(&queue->mutex);
    if (shut) {
        live_event_free(event);
        return false;
    }
    if (was_empty)
        queue->wake(queue->context);
    return true;
}

struct live_event *
live_queue_take_all(struct live_queue *queue)
{
    struct live_event *first;

    pthread_mutex_lock(&queue->mutex);
    first = queue->first;
    queue->first = NULL;
    queue->end = &queue->first;
    queue->bytes = queue->count = 0;
    if (first != NULL)
        pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
    return first;
}

void
live_queue_shut(struct live_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->shut = true;
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
}
