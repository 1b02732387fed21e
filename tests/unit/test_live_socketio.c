/* test_live_socketio.c - Socket.IO: packets read and written. */
#include "live/live_message.h"
#include "live/live_socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void
packets_are_read(void **state)
{
    static const struct {
        const char *text;
        enum socketio_type type;
        const char *name_space;
        int64_t ack;
        const char *json;
    } cases[] = {
        {"0", SOCKETIO_CONNECT, "/", SOCKETIO_NO_ACK, ""},
        {"0{\"api_key\":\"k\"}", SOCKETIO_CONNECT, "/", SOCKETIO_NO_ACK, "{\"api_key\":\"k\"}"},
        {"0/admin,", SOCKETIO_CONNECT, "/admin", SOCKETIO_NO_ACK, ""},
        {"0/admin", SOCKETIO_CONNECT, "/admin", SOCKETIO_NO_ACK, ""},
        {"0/admin?token=1,{}", SOCKETIO_CONNECT, "/admin", SOCKETIO_NO_ACK, "{}"},
        {"1", SOCKETIO_DISCONNECT, "/", SOCKETIO_NO_ACK, ""},
        {"2[\"a\"]", SOCKETIO_EVENT, "/", SOCKETIO_NO_ACK, "[\"a\"]"},
        {"20[\"a\"]", SOCKETIO_EVENT, "/", 0, "[\"a\"]"},
        {"2/x,456[\"a\"]", SOCKETIO_EVENT, "/x", 456, "[\"a\"]"},
        {"313[]", SOCKETIO_ACK, "/", 13, "[]"},
        {"51-[\"a\",{}]", SOCKETIO_BINARY_EVENT, "/", SOCKETIO_NO_ACK, ""},
        {"2999999999999999[]", SOCKETIO_EVENT, "/", 999999999999999, "[]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct socketio_packet packet;

        assert_true(socketio_packet_read(cases[i].text, strlen(cases[i].text), &packet));
        assert_int_equal(packet.type, cases[i].type);
        assert_string_equal(packet.name_space, cases[i].name_space);
        assert_int_equal(packet.ack, cases[i].ack);
        assert_int_equal(packet.json_size, strlen(cases[i].json));
        assert_memory_equal(packet.json, cases[i].json, packet.json_size);
    }
}

static void
what_nobody_sends_is_no_packet(void **state)
{
    static const char *const texts[] = {
        "",
        "7",
        "x",
        "29999999999999999[]",
        "0/a\"",
        "0/a\\b,",
        "0/a\nb,",
        "0/\xc3\xa4,",
        "0/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct socketio_packet packet;

        assert_false(socketio_packet_read(texts[i], strlen(texts[i]), &packet));
    }
}

static void
is(struct live_message *message, const char *text)
{
    assert_string_equal(live_message_text(message), text);
    assert_int_equal(message->size, strlen(text));
    live_message_drop(message);
}

static void
packets_are_written(void **state)
{
    (void)state;
    is(socketio_event("episodes", "{\"a\":1}", 7), "42[\"episodes\",{\"a\":1}]");
    is(socketio_ack(12, "{}"), "4312[{}]");
    is(socketio_connected("S"), "40{\"sid\":\"S\"}");
    is(socketio_refused("/", "No."), "44{\"message\":\"No.\"}");
    is(socketio_refused("/x", "No."), "44/x,{\"message\":\"No.\"}");
    is(socketio_disconnect(), "41");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_read),
        cmocka_unit_test(what_nobody_sends_is_no_packet),
        cmocka_unit_test(packets_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
