/*
 * fuzz_engineio.c - a payload of long polling: packets stay within it, and joined again they are
 * the payload; a session takes any packets on any road without losing its way.
 */
#include "fuzz.h"

#include "live/live_engineio.h"

static const struct engineio_limits limits = {25000, 20000, 65536};

/* The packets of a payload, put together again. */
static void
check_payload(const char *text, size_t size)
{
    struct engineio_payload payload;
    struct engineio_packet packet;
    size_t rebuilt = 0;

    engineio_payload_begin(&payload, text, size);
    while (engineio_payload_next(&payload, &packet)) {
        CLAIM(packet.data > text && packet.data + packet.size <= text + size);
        CLAIM(packet.data[-1] == (char)packet.type);
        CLAIM(memchr(packet.data, ENGINEIO_SEPARATOR, packet.size) == NULL);
        rebuilt += packet.size + 2; /* its type, and the separator after it */
    }
    CLAIM(payload.broken || rebuilt == size + 1);
}

/* Each byte of chance is a road and a time, each packet what comes there and then. */
static void
check_session(const char *text, size_t size)
{
    struct engineio_session session;
    struct engineio_payload payload;
    struct engineio_packet packet;
    int64_t now_ms = 1;
    uint32_t place;

    engineio_session_begin(&session, 7, ENGINEIO_POLLING, &limits, now_ms);
    CLAIM(engineio_sid_place(session.sid, &place) && place == 7);
    engineio_payload_begin(&payload, text, size);
    while (engineio_payload_next(&payload, &packet)) {
        const enum engineio_road before = session.road;
        const enum engineio_road road = packet.size % 2 ? ENGINEIO_WEBSOCKET : ENGINEIO_POLLING;
        const enum engineio_step step =
            engineio_session_take(&session, road, &packet, &limits, now_ms);

        CLAIM((step == ENGINEIO_UPGRADED) ==
              (before == ENGINEIO_POLLING && session.road == ENGINEIO_WEBSOCKET));
        CLAIM(step != ENGINEIO_UPGRADED || session.probed);
        now_ms += (int64_t)packet.size * 100;
        if (engineio_session_tick(&session, &limits, now_ms) == ENGINEIO_PING_DUE)
            CLAIM(session.pong_by_ms == now_ms + limits.ping_timeout_ms);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    uint32_t place;

    check_payload(text, size);
    check_session(text, size);
    (void)engineio_sid_place(text, &place);
    free(text);
    return 0;
}
