/*
 * live_socketio.c - Socket.IO 5: packets read and written.
 * Called by live_client.c, live_hub.c. Next: live_room.c.
 */
#include "live_socketio.h"

#include "live_message.h"

#include <inttypes.h>
#include <string.h>

#define ACK_DIGITS_MAX 15 /* as many as JavaScript counts exactly */

/* "/admin?token=1," or nothing, which is "/". */
static bool
read_namespace(const char **at, const char *end, char name_space[SOCKETIO_NAMESPACE_SIZE])
{
    const char *comma;
    size_t size = 0;

    strcpy(name_space, "/");
    if (*at == end || **at != '/')
        return true;
    comma = memchr(*at, ',', (size_t)(end - *at));
    if (comma == NULL)
        comma = end; /* a packet without data may leave the comma out */
    while (*at + size < comma && (*at)[size] != '?') {
        const char c = (*at)[size];

        /* It is told back within a JSON text, so it must not need any escape. */
        if (size == SOCKETIO_NAMESPACE_SIZE - 1 || c < ' ' || c > '~' || c == '"' || c == '\\')
            return false;
        name_space[size++] = c;
    }
    name_space[size] = '\0';
    *at = comma == end ? end : comma + 1;
    return true;
}

static bool
read_ack(const char **at, const char *end, int64_t *ack)
{
    size_t digits = 0;

    *ack = SOCKETIO_NO_ACK;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        if (++digits > ACK_DIGITS_MAX)
            return false;
        *ack = (*ack == SOCKETIO_NO_ACK ? 0 : *ack * 10) + (**at - '0');
    }
    return true;
}

bool
socketio_packet_read(const char *text, size_t size, struct socketio_packet *packet)
{
    const char *at = text + 1, *end = text + size;

    if (size == 0 || text[0] < SOCKETIO_CONNECT || text[0] > SOCKETIO_BINARY_ACK)
        return false;
    *packet = (struct socketio_packet){.type = (enum socketio_type)text[0],
                                       .name_space = "/",
                                       .ack = SOCKETIO_NO_ACK,
                                       .json = end};
    if (packet->type >= SOCKETIO_BINARY_EVENT)
        return true;
    if (!read_namespace(&at, end, packet->name_space) || !read_ack(&at, end, &packet->ack))
        return false;
    packet->json = at;
    packet->json_size = (size_t)(end - at);
    return true;
}

struct live_message *
socketio_event(const char *name, const char *json, size_t json_size)
{
    const size_t name_size = strlen(name);
    struct live_message *message = live_message_new(name_size + json_size + 7);
    char *at;

    if (message == NULL)
        return NULL;
    at = mempcpy(live_message_text(message), "42[\"", 4);
    at = mempcpy(at, name, name_size);
    at = mempcpy(at, "\",", 2);
    at = mempcpy(at, json, json_size);
    *at = ']';
    return message;
}

struct live_message *
socketio_ack(int64_t ack, const char *json)
{
    return live_message_format("43%" PRId64 "[%s]", ack, json);
}

struct live_message *
socketio_connected(const char *sid)
{
    return live_message_format("40{\"sid\":\"%s\"}", sid);
}

struct live_message *
socketio_refused(const char *name_space, const char *sentence)
{
    const bool own = strcmp(name_space, "/") == 0;

    return live_message_format("44%s%s{\"message\":\"%s\"}", own ? "" : name_space, own ? "" : ",",
                               sentence);
}

struct live_message *
socketio_disconnect(void)
{
    return live_message_format("41");
}
