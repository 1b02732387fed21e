/* test_live_engineio.c - Engine.IO: packets, payloads, how a session goes on. */
#include "live/live_engineio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct engineio_limits limits = {25000, 20000, 65536};

static enum engineio_step
take(struct engineio_session *session, enum engineio_road road, const char *text, int64_t now_ms)
{
    struct engineio_packet packet;

    assert_true(engineio_packet_read(text, strlen(text), &packet));
    return engineio_session_take(session, road, &packet, &limits, now_ms);
}

static void
a_payload_is_its_packets(void **state)
{
    static const char text[] = "4hello\x1e"
                               "3\x1e"
                               "42[\"a\"]";
    static const struct {
        enum engineio_type type;
        const char *data;
    } expected[] = {
        {ENGINEIO_MESSAGE, "hello"}, {ENGINEIO_PONG, ""}, {ENGINEIO_MESSAGE, "2[\"a\"]"}};
    struct engineio_payload payload;
    struct engineio_packet packet;

    (void)state;
    engineio_payload_begin(&payload, text, strlen(text));
    for (size_t i = 0; i < 3; i++) {
        assert_true(engineio_payload_next(&payload, &packet));
        assert_int_equal(packet.type, expected[i].type);
        assert_int_equal(packet.size, strlen(expected[i].data));
        assert_memory_equal(packet.data, expected[i].data, packet.size);
    }
    assert_false(engineio_payload_next(&payload, &packet));
    assert_false(payload.broken);
}

static void
what_is_no_packet_breaks_a_payload(void **state)
{
    static const char *const texts[] = {"",
                                        "7",
                                        "x",
                                        "bAAEC",
                                        "4a\x1e",
                                        "\x1e"
                                        "4a",
                                        "4a\x1e\x1e"
                                        "4b"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct engineio_payload payload;
        struct engineio_packet packet;

        engineio_payload_begin(&payload, texts[i], strlen(texts[i]));
        while (engineio_payload_next(&payload, &packet))
            continue;
        assert_true(payload.broken);
    }
}

static void
a_websocket_asks_before_it_takes_over(void **state)
{
    struct engineio_session session;

    (void)state;
    engineio_session_begin(&session, 1, ENGINEIO_POLLING, &limits, 0);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "5", 0), ENGINEIO_BROKEN);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "4x", 0), ENGINEIO_BROKEN);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "2prob", 0), ENGINEIO_BROKEN);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "2probe", 0), ENGINEIO_PROBED);
    assert_int_equal(take(&session, ENGINEIO_POLLING, "4x", 0), ENGINEIO_DELIVER);
    assert_int_equal(session.road, ENGINEIO_POLLING);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "5", 0), ENGINEIO_UPGRADED);
    assert_int_equal(session.road, ENGINEIO_WEBSOCKET);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "4x", 0), ENGINEIO_DELIVER);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "5", 0), ENGINEIO_BROKEN);
}

static void
packets_mean_what_the_protocol_says(void **state)
{
    static const struct {
        const char *text;
        enum engineio_step step;
    } cases[] = {
        {"0{}", ENGINEIO_BROKEN}, {"1", ENGINEIO_CLOSED},  {"2", ENGINEIO_BROKEN},
        {"3", ENGINEIO_NOTHING},  {"4", ENGINEIO_DELIVER}, {"5", ENGINEIO_BROKEN},
        {"6", ENGINEIO_NOTHING},
    };
    struct engineio_session session;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        engineio_session_begin(&session, 1, ENGINEIO_WEBSOCKET, &limits, 0);
        assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, cases[i].text, 0), cases[i].step);
        engineio_session_begin(&session, 1, ENGINEIO_POLLING, &limits, 0);
        assert_int_equal(take(&session, ENGINEIO_POLLING, cases[i].text, 0), cases[i].step);
    }
}

static void
a_client_that_answers_no_ping_is_dead(void **state)
{
    struct engineio_session session;

    (void)state;
    engineio_session_begin(&session, 1, ENGINEIO_WEBSOCKET, &limits, 1000);
    assert_int_equal(engineio_session_tick(&session, &limits, 25999), ENGINEIO_QUIET);
    assert_int_equal(engineio_session_tick(&session, &limits, 26000), ENGINEIO_PING_DUE);
    assert_int_equal(engineio_session_tick(&session, &limits, 26001), ENGINEIO_QUIET);
    assert_int_equal(take(&session, ENGINEIO_WEBSOCKET, "3", 30000), ENGINEIO_NOTHING);
    assert_int_equal(engineio_session_tick(&session, &limits, 54999), ENGINEIO_QUIET);
    assert_int_equal(engineio_session_tick(&session, &limits, 55000), ENGINEIO_PING_DUE);
    assert_int_equal(engineio_session_tick(&session, &limits, 74999), ENGINEIO_QUIET);
    assert_int_equal(engineio_session_tick(&session, &limits, 75000), ENGINEIO_DEAD);
}

static void
a_pong_that_nobody_asked_for_changes_nothing(void **state)
{
    struct engineio_session session;

    (void)state;
    engineio_session_begin(&session, 1, ENGINEIO_WEBSOCKET, &limits, 0);
    take(&session, ENGINEIO_WEBSOCKET, "3", 24000);
    assert_int_equal(engineio_session_tick(&session, &limits, 25000), ENGINEIO_PING_DUE);
}

static void
a_sid_tells_its_place_and_no_two_are_alike(void **state)
{
    struct engineio_session one, two;
    uint32_t place = 0;

    (void)state;
    engineio_session_begin(&one, 0xfedcba98, ENGINEIO_POLLING, &limits, 0);
    engineio_session_begin(&two, 0xfedcba98, ENGINEIO_POLLING, &limits, 0);
    assert_string_not_equal(one.sid, two.sid);
    assert_true(engineio_sid_place(one.sid, &place));
    assert_int_equal(place, 0xfedcba98);
    assert_false(engineio_sid_place("", &place));
    assert_false(engineio_sid_place("0000000", &place));
    assert_false(engineio_sid_place("0000000gAAAAAAAAAAAAAAAA", &place));
    assert_false(engineio_sid_place("00000000AAAAAAAAAAAAAAAAA", &place));
}

static void
the_open_packet_says_what_the_client_must_know(void **state)
{
    struct engineio_session session = {.sid = "S", .road = ENGINEIO_POLLING};
    char text[ENGINEIO_OPEN_SIZE];
    size_t size;

    (void)state;
    size = engineio_open_format(&session, &limits, text);
    assert_int_equal(size, strlen(text));
    assert_string_equal(text, "0{\"sid\":\"S\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
                              "\"pingTimeout\":20000,\"maxPayload\":65536}");
    session.road = ENGINEIO_WEBSOCKET;
    engineio_open_format(&session, &limits, text);
    assert_non_null(strstr(text, "\"upgrades\":[]"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payload_is_its_packets),
        cmocka_unit_test(what_is_no_packet_breaks_a_payload),
        cmocka_unit_test(a_websocket_asks_before_it_takes_over),
        cmocka_unit_test(packets_mean_what_the_protocol_says),
        cmocka_unit_test(a_client_that_answers_no_ping_is_dead),
        cmocka_unit_test(a_pong_that_nobody_asked_for_changes_nothing),
        cmocka_unit_test(a_sid_tells_its_place_and_no_two_are_alike),
        cmocka_unit_test(the_open_packet_says_what_the_client_must_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
