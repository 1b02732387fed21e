/* live_head.c - status line and headers of an answer. Called by live_server.c. */
#include "live_head.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct head {
    char *text;
    size_t size;
};

/* What does not fit is left out; LIVE_HEAD_MAX is more than all lines together. */
__attribute__((format(printf, 2, 3))) static void
add(struct head *head, const char *fmt, ...)
{
    const size_t room = LIVE_HEAD_MAX - head->size;
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(head->text + head->size, room, fmt, args);
    va_end(args);
    if (size > 0 && (size_t)size < room)
        head->size += (size_t)size;
}

/* Fetch standard, CORS protocol. */
static void
add_cors(struct head *head, const struct live_reply *reply)
{
    add(head, "Vary: Origin\r\n");
    if (reply->origin[0] == '\0')
        return;
    add(head,
        "Access-Control-Allow-Origin: %s\r\n"
        "Access-Control-Allow-Credentials: true\r\n"
        "Access-Control-Expose-Headers: X-Request-Id\r\n",
        reply->origin);
    if (reply->preflight)
        add(head,
            "Access-Control-Allow-Methods: %s\r\n"
            "Access-Control-Allow-Headers: Content-Type, Last-Event-ID, X-API-Key, X-Request-Id\r\n"
            "Access-Control-Max-Age: 600\r\n",
            reply->allow);
}

size_t
live_head_format(const struct live_reply *reply, int64_t length, char text[LIVE_HEAD_MAX])
{
    struct head head = {.text = text};

    add(&head, "HTTP/1.1 %d %s\r\nConnection: close\r\nCache-Control: no-store\r\n", reply->status,
        api_status_phrase(reply->status));
    if (reply->type != NULL)
        add(&head, "Content-Type: %s\r\n", reply->type);
    if (reply->allow != NULL)
        add(&head, "Allow: %s\r\n", reply->allow);
    if (reply->status == 503)
        add(&head, "Retry-After: 1\r\n");
    if (length >= 0 && reply->status != 204)
        add(&head, "Content-Length: %" PRId64 "\r\n", length);
    add_cors(&head, reply);
    add(&head, "\r\n");
    return head.size;
}
