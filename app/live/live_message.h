/*
 * live_message.h - texts on their way to clients, shared and counted: an event for a thousand
 * clients is kept once. And a client's outbox of them, bounded. Used by the loop's thread alone.
 */
#ifndef LIVE_MESSAGE_H
#define LIVE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_MESSAGE_ROOM 32 /* bytes before the text, for a WebSocket frame's head */

struct live_message {
    unsigned uses;
    int64_t seq; /* of the event that it tells; 0: of none */
    size_t size;
    unsigned char frame[]; /* LIVE_MESSAGE_ROOM bytes, then the text and a NUL */
};

/* An empty message with room for size bytes of text; the caller owns one use. NULL: no memory. */
struct live_message *live_message_new(size_t size);

/* The same with the text that printf would make. */
struct live_message *live_message_format(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* The text itself: writable until the message is shared. */
char *live_message_text(struct live_message *message);

struct live_message *live_message_use(struct live_message *message);

/* The last one frees it; NULL is fine. */
void live_message_drop(struct live_message *message);

struct live_outbox {
    struct live_message **ring; /* owned; grows by doubling */
    size_t capacity, head, count;
    size_t bytes;
};

/*
 * Add a use of message at the end. False, and nothing changed, when more than bytes_max would
 * wait (one message alone always fits), or memory ran out.
 */
bool live_outbox_put(struct live_outbox *outbox, struct live_message *message, size_t bytes_max);

/* The oldest, whose use goes over to the caller; NULL: empty. */
struct live_message *live_outbox_take(struct live_outbox *outbox);

/* The oldest, left where it is; NULL: empty. */
struct live_message *live_outbox_peek(const struct live_outbox *outbox);

void live_outbox_clear(struct live_outbox *outbox);

#endif
