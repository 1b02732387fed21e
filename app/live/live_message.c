/*
 * live_message.c - texts for clients and the bounded outbox of each.
 * Called by live_client.c, live_hub.c, live_server.c.
 */
#include "live_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_START 4 /* places; most clients never need more */

struct live_message *
live_message_new(size_t size)
{
    struct live_message *message = malloc(sizeof *message + LIVE_MESSAGE_ROOM + size + 1);

    if (message == NULL)
        return NULL;
    *message = (struct live_message){.uses = 1, .size = size};
    message->frame[LIVE_MESSAGE_ROOM + size] = '\0';
    return message;
}

struct live_message *
live_message_format(const char *fmt, ...)
{
    struct live_message *message;
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    message = size < 0 ? NULL : live_message_new((size_t)size);
    if (message == NULL)
        return NULL;
    va_start(args, fmt);
    vsnprintf(live_message_text(message), (size_t)size + 1, fmt, args);
    va_end(args);
    return message;
}

char *
live_message_text(struct live_message *message)
{
    return (char *)message->frame + LIVE_MESSAGE_ROOM;
}

struct live_message *
live_message_use(struct live_message *message)
{
    message->uses++;
    return message;
}

void
live_message_drop(struct live_message *message)
{
    if (message != NULL && --message->uses == 0)
        free(message);
}

/* Double the ring, its messages in order from place 0 on. */
static bool
grow(struct live_outbox *outbox)
{
    const size_t capacity = outbox->capacity == 0 ? RING_START : outbox->capacity * 2;
    struct live_message **ring = calloc(capacity, sizeof *ring);

    if (ring == NULL)
        return false;
    for (size_t i = 0; i < outbox->count; i++)
        ring[i] = outbox->ring[(outbox->head + i) % outbox->capacity];
    free(outbox->ring);
    outbox->ring = ring;
    outbox->capacity = capacity;
    outbox->head = 0;
    return true;
}

bool
live_outbox_put(struct live_outbox *outbox, struct live_message *message, size_t bytes_max)
{
    /* A message costs its place in the ring, too: empty ones are bounded as well. */
    const size_t cost = message->size + sizeof message;

    if (outbox->count > 0 && outbox->bytes + cost > bytes_max)
        return false;
    if (outbox->count == outbox->capacity && !grow(outbox))
        return false;
    outbox->ring[(outbox->head + outbox->count) % outbox->capacity] = live_message_use(message);
    outbox->count++;
    outbox->bytes += cost;
    return true;
}

struct live_message *
live_outbox_peek(const struct live_outbox *outbox)
{
    return outbox->count == 0 ? NULL : outbox->ring[outbox->head];
}

struct live_message *
live_outbox_take(struct live_outbox *outbox)
{
    struct live_message *message = live_outbox_peek(outbox);

    if (message == NULL)
        return NULL;
    outbox->head = (outbox->head + 1) % outbox->capacity;
    outbox->count--;
    outbox->bytes -= message->size + sizeof message;
    if (outbox->count == 0 && outbox->capacity > RING_START) {
        free(outbox->ring); /* what a burst needed is not kept for a quiet client */
        *outbox = (struct live_outbox){.ring = NULL};
    }
    return message;
}

void
live_outbox_clear(struct live_outbox *outbox)
{
    while (outbox->count > 0)
        live_message_drop(live_outbox_take(outbox));
    free(outbox->ring);
    *outbox = (struct live_outbox){.ring = NULL};
}
