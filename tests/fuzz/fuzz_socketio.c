/*
 * fuzz_socketio.c - a Socket.IO packet: its parts stay within it, and its namespace can be told
 * back within a JSON text as it is.
 */
#include "fuzz.h"

#include "live/live_message.h"
#include "live/live_socketio.h"

#include "base/json_text.h"

/* A refusal of this namespace must be a packet of its own, with valid JSON. */
static void
check_refusal(const char *name_space)
{
    struct live_message *message = socketio_refused(name_space, "No.");
    struct api_error err = {.id = API_OK};
    struct socketio_packet again;
    json_object *json = NULL;

    CLAIM(message != NULL);
    CLAIM(socketio_packet_read(live_message_text(message) + 1, message->size - 1, &again));
    CLAIM(again.type == SOCKETIO_CONNECT_ERROR && strcmp(again.name_space, name_space) == 0);
    CLAIM(json_text_parse(again.json, again.json_size, &json, &err));
    json_object_put(json);
    live_message_drop(message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct socketio_packet packet;

    if (socketio_packet_read(text, size, &packet)) {
        CLAIM(packet.name_space[0] == '/' && strlen(packet.name_space) < SOCKETIO_NAMESPACE_SIZE);
        CLAIM(packet.json >= text && packet.json + packet.json_size == text + size);
        CLAIM(packet.ack >= SOCKETIO_NO_ACK && packet.ack < 1000000000000000);
        if (strchr(packet.name_space, ',') == NULL)
            check_refusal(packet.name_space);
    }
    free(text);
    return 0;
}
