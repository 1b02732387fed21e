/*
 * live_socketio.h - Socket.IO packets, protocol revision 5, as they stand in an Engine.IO message.
 * Pure. After "The Socket.IO protocol". Binary packets are known, and refused.
 */
#ifndef LIVE_SOCKETIO_H
#define LIVE_SOCKETIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCKETIO_NAMESPACE_SIZE 65 /* "/" and up to 63 characters, NUL */
#define SOCKETIO_NO_ACK (-1)

enum socketio_type {
    SOCKETIO_CONNECT = '0',
    SOCKETIO_DISCONNECT = '1',
    SOCKETIO_EVENT = '2',
    SOCKETIO_ACK = '3',
    SOCKETIO_CONNECT_ERROR = '4',
    SOCKETIO_BINARY_EVENT = '5',
    SOCKETIO_BINARY_ACK = '6'
};

struct socketio_packet {
    enum socketio_type type;
    char name_space[SOCKETIO_NAMESPACE_SIZE]; /* without its query string */
    int64_t ack;                              /* 0 or more; SOCKETIO_NO_ACK: none is wanted */
    const char *json;                         /* borrowed; may be empty; not checked yet */
    size_t json_size;
};

/*
 * One packet. False: of no known type, or a namespace or a number that nobody sends. Of a binary
 * packet only the type is told.
 */
bool socketio_packet_read(const char *text, size_t size, struct socketio_packet *packet);

struct live_message;

/*
 * Packets to a client, each as an Engine.IO message ("4…"). json is JSON text. The caller owns
 * the message; NULL when memory ran out.
 */
struct live_message *socketio_event(const char *name, const char *json, size_t json_size);
struct live_message *socketio_ack(int64_t ack, const char *json);
struct live_message *socketio_connected(const char *sid);
struct live_message *socketio_refused(const char *name_space, const char *sentence);
struct live_message *socketio_disconnect(void);

#endif
