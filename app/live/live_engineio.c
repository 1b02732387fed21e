/*
 * live_engineio.c - Engine.IO 4: packets, payloads, the state of a session.
 * Called by live_client.c. Next: live_socketio.c.
 */
#include "live_engineio.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PLACE_DIGITS 8
#define CHANCE_BYTES 12 /* 96 bits: 16 characters of base64url */

bool
engineio_packet_read(const char *text, size_t size, struct engineio_packet *packet)
{
    if (size == 0 || text[0] < ENGINEIO_OPEN || text[0] > ENGINEIO_NOOP)
        return false;
    *packet = (struct engineio_packet){
        .type = (enum engineio_type)text[0], .data = text + 1, .size = size - 1};
    return true;
}

void
engineio_payload_begin(struct engineio_payload *payload, const char *text, size_t size)
{
    *payload = (struct engineio_payload){.at = text, .end = text + size};
}

bool
engineio_payload_next(struct engineio_payload *payload, struct engineio_packet *packet)
{
    const char *stop;

    if (payload->at == NULL || payload->broken)
        return false;
    stop = memchr(payload->at, ENGINEIO_SEPARATOR, (size_t)(payload->end - payload->at));
    if (stop == NULL)
        stop = payload->end;
    if (!engineio_packet_read(payload->at, (size_t)(stop - payload->at), packet)) {
        payload->broken = true;
        return false;
    }
    payload->at = stop == payload->end ? NULL : stop + 1;
    return true;
}

/* Nobody can guess a sid: it is all that a poll shows. */
static void
fill_chance(char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char chance[CHANCE_BYTES];

    if (getrandom(chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        abort(); /* up to 256 bytes it cannot fall short (getrandom(2)) */
    for (size_t i = 0; i < CHANCE_BYTES; i += 3) {
        const unsigned bits =
            (unsigned)chance[i] << 16 | (unsigned)chance[i + 1] << 8 | chance[i + 2];

        for (unsigned shift = 24; shift > 0; shift -= 6)
            *text++ = digits[bits >> (shift - 6) & 63];
    }
    *text = '\0';
}

void
engineio_sid_make(char sid[ENGINEIO_SID_SIZE], uint32_t place)
{
    snprintf(sid, ENGINEIO_SID_SIZE, "%08" PRIx32, place);
    fill_chance(sid + PLACE_DIGITS);
}

void
engineio_session_begin(struct engineio_session *session, uint32_t place, enum engineio_road road,
                       const struct engineio_limits *limits, int64_t now_ms)
{
    *session =
        (struct engineio_session){.road = road, .ping_at_ms = now_ms + limits->ping_interval_ms};
    engineio_sid_make(session->sid, place);
}

bool
engineio_sid_place(const char *sid, uint32_t *place)
{
    char digits[PLACE_DIGITS + 1];

    if (strlen(sid) != ENGINEIO_SID_SIZE - 1 || strspn(sid, "0123456789abcdef") < PLACE_DIGITS)
        return false;
    memcpy(digits, sid, PLACE_DIGITS);
    digits[PLACE_DIGITS] = '\0';
    *place = (uint32_t)strtoul(digits, NULL, 16);
    return true;
}

size_t
engineio_open_format(const struct engineio_session *session, const struct engineio_limits *limits,
                     char text[ENGINEIO_OPEN_SIZE])
{
    const char *upgrades = session->road == ENGINEIO_POLLING ? "\"websocket\"" : "";

    return (size_t)snprintf(text, ENGINEIO_OPEN_SIZE,
                            "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%" PRId64
                            ",\"pingTimeout\":%" PRId64 ",\"maxPayload\":%" PRId64 "}",
                            session->sid, upgrades, limits->ping_interval_ms,
                            limits->ping_timeout_ms, limits->message_max);
}

/* A WebSocket that does not carry the session yet may only ask for it and take it. */
static enum engineio_step
take_probe(struct engineio_session *session, const struct engineio_packet *packet)
{
    if (packet->type == ENGINEIO_PING && packet->size == 5 &&
        memcmp(packet->data, "probe", 5) == 0) {
        session->probed = true;
        return ENGINEIO_PROBED;
    }
    if (packet->type != ENGINEIO_UPGRADE || !session->probed)
        return ENGINEIO_BROKEN;
    session->road = ENGINEIO_WEBSOCKET;
    return ENGINEIO_UPGRADED;
}

enum engineio_step
engineio_session_take(struct engineio_session *session, enum engineio_road road,
                      const struct engineio_packet *packet, const struct engineio_limits *limits,
                      int64_t now_ms)
{
    if (road == ENGINEIO_WEBSOCKET && session->road == ENGINEIO_POLLING)
        return take_probe(session, packet);
    switch (packet->type) {
    case ENGINEIO_MESSAGE:
        return ENGINEIO_DELIVER;
    case ENGINEIO_PONG:
        if (session->pong_by_ms != 0)
            session->ping_at_ms = now_ms + limits->ping_interval_ms;
        session->pong_by_ms = 0;
        return ENGINEIO_NOTHING;
    case ENGINEIO_CLOSE:
        return ENGINEIO_CLOSED;
    case ENGINEIO_NOOP:
        return ENGINEIO_NOTHING;
    case ENGINEIO_OPEN:
    case ENGINEIO_PING: /* since revision 4 it is the server that pings */
    case ENGINEIO_UPGRADE:
        break;
    }
    return ENGINEIO_BROKEN;
}

enum engineio_due
engineio_session_tick(struct engineio_session *session, const struct engineio_limits *limits,
                      int64_t now_ms)
{
    if (session->pong_by_ms != 0)
        return now_ms >= session->pong_by_ms ? ENGINEIO_DEAD : ENGINEIO_QUIET;
    if (now_ms < session->ping_at_ms)
        return ENGINEIO_QUIET;
    session->ping_at_ms = 0;
    session->pong_by_ms = now_ms + limits->ping_timeout_ms;
    return ENGINEIO_PING_DUE;
}
