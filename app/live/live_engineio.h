/*
 * live_engineio.h - Engine.IO, protocol revision 4 (EIO=4): packets, payloads of long polling, and
 * the state of one session. Pure: knows no connection and no clock. After "The Engine.IO protocol".
 */
#ifndef LIVE_ENGINEIO_H
#define LIVE_ENGINEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINEIO_REVISION "4"
#define ENGINEIO_SEPARATOR '\x1e' /* between the packets of a payload */
#define ENGINEIO_SID_SIZE 25      /* 8 characters of a place, 16 of chance, NUL */
#define ENGINEIO_OPEN_SIZE 256    /* enough for an open packet */
#define ENGINEIO_UPGRADE_MS 10000 /* a WebSocket must have taken over within this time */

enum engineio_type {
    ENGINEIO_OPEN = '0',
    ENGINEIO_CLOSE = '1',
    ENGINEIO_PING = '2',
    ENGINEIO_PONG = '3',
    ENGINEIO_MESSAGE = '4',
    ENGINEIO_UPGRADE = '5',
    ENGINEIO_NOOP = '6'
};

struct engineio_packet {
    enum engineio_type type;
    const char *data; /* borrowed from the text that was read */
    size_t size;
};

/* One packet. False: empty, of no known type, or binary (base64 that begins with b). */
bool engineio_packet_read(const char *text, size_t size, struct engineio_packet *packet);

/* A payload that is read packet by packet. */
struct engineio_payload {
    const char *at, *end;
    bool broken; /* the packet at `at` is none; reading has ended */
};

void engineio_payload_begin(struct engineio_payload *payload, const char *text, size_t size);

/* The next packet; false at the end and when it is broken. */
bool engineio_payload_next(struct engineio_payload *payload, struct engineio_packet *packet);

enum engineio_road { ENGINEIO_POLLING, ENGINEIO_WEBSOCKET };

struct engineio_limits {
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t message_max; /* bytes of one message or payload from the client */
};

struct engineio_session {
    char sid[ENGINEIO_SID_SIZE];
    enum engineio_road road; /* the one that carries messages */
    bool probed;             /* a WebSocket has asked whether it may take over */
    int64_t ping_at_ms;      /* when the next ping is due; 0: the last one is not answered yet */
    int64_t pong_by_ms;      /* when the answer is too late; 0: none is awaited */
};

/* A sid that nobody can guess, and that begins with `place`, a number of the caller's own. */
void engineio_sid_make(char sid[ENGINEIO_SID_SIZE], uint32_t place);

/* A new session whose sid begins with `place`, a number of the caller's own. */
void engineio_session_begin(struct engineio_session *session, uint32_t place,
                            enum engineio_road road, const struct engineio_limits *limits,
                            int64_t now_ms);

/* The place that a sid was made with; false: that is no sid. */
bool engineio_sid_place(const char *sid, uint32_t *place);

/* The open packet, a text. Returns its length. */
size_t engineio_open_format(const struct engineio_session *session,
                            const struct engineio_limits *limits, char text[ENGINEIO_OPEN_SIZE]);

enum engineio_step {
    ENGINEIO_NOTHING,  /* nothing is to be done */
    ENGINEIO_DELIVER,  /* the packet's data is a message */
    ENGINEIO_PROBED,   /* answer "3probe" on the WebSocket, and free a waiting poll */
    ENGINEIO_UPGRADED, /* from now on the WebSocket carries messages; free a waiting poll */
    ENGINEIO_CLOSED,   /* the client says goodbye */
    ENGINEIO_BROKEN    /* this is not the protocol: end it */
};

/* What a packet that came on `road` means. */
enum engineio_step engineio_session_take(struct engineio_session *session, enum engineio_road road,
                                         const struct engineio_packet *packet,
                                         const struct engineio_limits *limits, int64_t now_ms);

enum engineio_due { ENGINEIO_QUIET, ENGINEIO_PING_DUE, ENGINEIO_DEAD };

/* What the time asks for. ENGINEIO_PING_DUE is told once a ping: send one. */
enum engineio_due engineio_session_tick(struct engineio_session *session,
                                        const struct engineio_limits *limits, int64_t now_ms);

#endif
