/*
 * test_live_hub.c - clients from the handshake to their end: what they are told, by whom they are
 * let in, what they hear of events, and in which order.
 */
#include "fakes/fake_live.h"
#include "live/live_event.h"
#include "live/live_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

struct fixture {
    struct live_hub *hub;
    struct live_wire wires[8];
};

static int
set_up(void **state)
{
    const struct live_limits limits = {
        .engine = {25000, 20000, 65536},
        .clients_max = 4,
        .runs_max = 2,
        .outbox_max = 1000,
        .stall_ms = 10000,
        .greet_ms = 20000,
        .beat_ms = 15000,
        .anonymous = "local",
        .origins = "https://lab.example",
    };
    struct fixture *f = calloc(1, sizeof *f);

    memset(&fake_live, 0, sizeof fake_live);
    f->hub = live_hub_new(&limits, NULL);
    f->hub->now_ms = 1000;
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    struct live_ask *ask;

    live_hub_free(f->hub);
    assert_int_equal(fake_live.interests, 0);
    assert_int_equal(fake_live.clients, 0);
    while ((ask = fake_live_question()) != NULL)
        free(ask);
    free(f);
    return 0;
}

/* ---- helpers ---- */

static struct live_request
request_for(const char *path)
{
    struct live_request request = {
        .method = LIVE_GET, .revision = "4", .transport = "polling", .remote = "127.0.0.1"};

    snprintf(request.path, sizeof request.path, "%s", path);
    return request;
}

static enum live_verdict
pass(struct fixture *f, const struct live_request *request, struct live_client **client,
     int *status)
{
    struct live_reply reply;
    const enum live_verdict verdict = live_gate(f->hub, request, client, &reply);

    *status = reply.status;
    live_message_drop(reply.body);
    return verdict;
}

/* A WebSocket client whose handshake is done. */
static struct live_client *
open_socket(struct fixture *f, const char *key)
{
    struct live_request request = request_for("/socket.io/");
    struct live_client *client;
    int status;

    request.upgrade = true;
    strcpy(request.transport, "websocket");
    snprintf(request.key, sizeof request.key, "%s", key);
    assert_int_equal(pass(f, &request, &client, &status), LIVE_UPGRADE);
    client->wire = &f->wires[client->place];
    return client;
}

static void
say(struct live_client *client, const char *text)
{
    live_session_take(client, ENGINEIO_WEBSOCKET, text, strlen(text));
}

/* The next thing that the client is told begins like this. */
static void
hears(struct live_client *client, const char *text)
{
    struct live_message *message = live_client_take(client);

    assert_non_null(message);
    if (strncmp(live_message_text(message), text, strlen(text)) != 0)
        fail_msg("it hears %s, not %s", live_message_text(message), text);
    live_message_drop(message);
}

static void
hears_nothing(struct live_client *client)
{
    assert_null(live_outbox_peek(&client->outbox));
}

/* A client that is let in, as account "local". */
static struct live_client *
open_connected(struct fixture *f)
{
    struct live_client *client = open_socket(f, "");

    hears(client, "0{");
    say(client, "40");
    if (fake_live.asked != NULL) /* the first one waits until events are followed */
        fake_live_answer(f->hub, "local", API_OK);
    hears(client, "40{\"sid\":");
    hears(client, "42[\"connection_established\",{\"message\":");
    return client;
}

static void
tell(struct fixture *f, enum live_kind kind, const char *account, const char *run_id, int64_t seq,
     struct live_to to)
{
    const char *name = kind == LIVE_RUN_UPDATED ? LIVE_NAME_RUN_UPDATED : LIVE_NAME_EPISODES;
    struct live_event *event = kind == LIVE_RESET
                                   ? live_event_reset(account, run_id, seq)
                                   : live_event_new(kind, name, account, run_id, seq);
    char json[32];

    if (kind != LIVE_RESUMED && kind != LIVE_RESET) {
        event->json_size = (size_t)snprintf(json, sizeof json, "{\"seq\":%d}", (int)seq);
        event->json = strdup(json);
    }
    if (to.client != NULL)
        live_event_address(event, &to, 1);
    live_hub_tell(f->hub, event);
}

static void
tell_live(struct fixture *f, const char *account, const char *run_id, int64_t seq)
{
    tell(f, LIVE_EPISODES, account, run_id, seq, (struct live_to){.client = NULL});
}

/* ---- being let in ---- */

static void
a_key_is_asked_for_once_and_then_known(void **state)
{
    struct fixture *f = *state;
    struct live_client *one = open_socket(f, "ak_one"), *two = open_socket(f, "ak_one");

    hears(one, "0{");
    hears(two, "0{");
    say(one, "40");
    say(two, "40{}");
    hears_nothing(one);
    fake_live_answer(f->hub, "lab", API_OK);
    assert_null(fake_live_question());
    hears(one, "40{");
    hears(two, "40{");
    assert_string_equal(one->credential->account, "lab");
}

static void
a_refusal_is_a_connect_error(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_socket(f, "ak_a");

    hears(client, "0{");
    say(client, "40");
    fake_live_answer(f->hub, "", API_KEY_WRONG);
    hears(client, "44{\"message\":\"The API key is not valid.\"}");
    assert_int_equal(client->end, LIVE_END_NONE);
}

static void
while_the_database_is_away_nobody_is_refused(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_socket(f, "ak_a");

    hears(client, "0{");
    say(client, "40");
    fake_live_answer(f->hub, "", API_STORE_UNAVAILABLE);
    hears_nothing(client);
    live_credentials_check(f->hub);
    fake_live_answer(f->hub, "lab", API_OK);
    hears(client, "40{");
}

static void
the_key_of_auth_counts_and_two_are_refused(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_socket(f, ""), *two = open_socket(f, "ak_one");

    hears(client, "0{");
    hears(two, "0{");
    say(client, "40{\"api_key\":\"ak_mine\"}");
    assert_string_equal(client->credential->claim.secret, "ak_mine");
    say(two, "40{\"api_key\":\"ak_mine\"}");
    hears(two, "44{\"message\":\"The API key is not valid.\"}");
}

static void
who_is_elsewhere_needs_a_key(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/socket.io/");
    struct live_client *client;
    int status;

    strcpy(request.remote, "192.0.2.1");
    assert_int_equal(pass(f, &request, &client, &status), LIVE_POLL);
    live_session_take(client, ENGINEIO_POLLING, "40", 2);
    hears(client, "0{");
    hears(client, "44{\"message\":\"An API key is needed");
}

static void
a_revoked_key_ends_its_clients_but_a_lost_database_does_not(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_socket(f, "ak_one");

    say(client, "40");
    fake_live_answer(f->hub, "lab", API_OK);
    live_credentials_check(f->hub);
    fake_live_answer(f->hub, "", API_STORE_UNAVAILABLE);
    assert_int_equal(client->end, LIVE_END_NONE);
    live_credentials_check(f->hub);
    fake_live_answer(f->hub, "", API_KEY_WRONG);
    assert_int_equal(client->end, LIVE_END_KEY);
    assert_string_equal(live_message_text(client->farewell), "41");
}

static void
other_namespaces_are_refused_and_the_client_stays(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "40/admin,{}");
    hears(client, "44/admin,{\"message\":\"Invalid namespace\"}");
    assert_int_equal(client->end, LIVE_END_NONE);
}

static void
no_more_clients_than_there_are_places(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/socket.io/");
    struct live_client *client;
    int status;

    for (int i = 0; i < 4; i++)
        assert_int_equal(pass(f, &request, &client, &status), LIVE_POLL);
    assert_int_equal(pass(f, &request, &client, &status), LIVE_REPLY);
    assert_int_equal(status, 503);
    f->hub->now_ms += 20001; /* none of them has connected */
    live_hub_tick(f->hub);
    live_hub_tick(f->hub);
    assert_int_equal(pass(f, &request, &client, &status), LIVE_POLL);
}

/* ---- events ---- */

static void
a_client_hears_of_its_runs_only(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\"}]");
    hears(client, "42[\"subscription_confirmed\",");
    tell_live(f, "local", "a", 5);
    tell_live(f, "local", "b", 6);
    tell_live(f, "other", "a", 7);
    hears(client, "42[\"episodes\",{\"seq\":5}]");
    hears_nothing(client);
    say(client, "421[\"unsubscribe_training\",{\"run_id\":\"a\"}]");
    hears(client, "431[{");
    hears(client, "42[\"unsubscription_confirmed\",");
    tell_live(f, "local", "a", 8);
    hears_nothing(client);
}

static void
trainings_are_told_to_the_whole_account(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    tell(f, LIVE_TRAINING, "local", "a", 5, (struct live_to){.client = NULL});
    tell(f, LIVE_TRAINING, "other", "a", 6, (struct live_to){.client = NULL});
    hears(client, "42[\"episodes\",{\"seq\":5}]");
    hears_nothing(client);
}

static void
a_replay_comes_before_what_happened_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\",\"after\":3}]");
    hears(client, "42[\"subscription_confirmed\",");
    assert_int_equal(fake_live.after_seq, 3);
    tell_live(f, "local", "a", 5);
    tell_live(f, "local", "a", 6);
    hears_nothing(client);
    tell(f, LIVE_EPISODES, "local", "a", 4, fake_live.to);
    tell(f, LIVE_EPISODES, "local", "a", 5, fake_live.to);
    hears(client, "42[\"episodes\",{\"seq\":4}]");
    hears(client, "42[\"episodes\",{\"seq\":5}]");
    hears_nothing(client);
    tell(f, LIVE_RESUMED, "local", "a", 5, fake_live.to);
    hears(client, "42[\"episodes\",{\"seq\":6}]");
    tell_live(f, "local", "a", 5); /* told by the replay already */
    hears_nothing(client);
    tell_live(f, "local", "a", 7);
    hears(client, "42[\"episodes\",{\"seq\":7}]");
}

static void
a_replay_for_a_client_that_is_gone_reaches_nobody(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);
    struct live_to to;

    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\",\"after\":3}]");
    to = fake_live.to;
    live_client_lose(client, client->wire);
    live_hub_tick(f->hub);
    client = open_connected(f); /* at the same place */
    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\",\"after\":9}]");
    hears(client, "42[\"subscription_confirmed\",");
    tell(f, LIVE_EPISODES, "local", "a", 4, to);
    tell(f, LIVE_RESUMED, "local", "a", 4, to);
    hears_nothing(client);
}

static void
a_log_that_does_not_reach_back_is_told(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\",\"after\":3}]");
    hears(client, "42[\"subscription_confirmed\",");
    tell(f, LIVE_RESET, "local", "a", 10, fake_live.to);
    hears(client, "42[\"reset\",{\"run_id\":\"a\",\"seq\":10}]");
    tell_live(f, "local", "a", 11);
    hears(client, "42[\"episodes\",{\"seq\":11}]");
}

static void
a_client_that_does_not_keep_up_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct live_client *slow = open_connected(f), *good = open_connected(f);

    say(slow, "42[\"subscribe_training\",{\"run_id\":\"a\"}]");
    say(good, "42[\"subscribe_training\",{\"run_id\":\"a\"}]");
    hears(good, "42[\"subscription_confirmed\",");
    for (int seq = 1; seq <= 100; seq++) {
        tell_live(f, "local", "a", seq);
        hears(good, "42[\"episodes\",");
    }
    assert_int_equal(slow->end, LIVE_END_SLOW);
    assert_int_equal(good->end, LIVE_END_NONE);
    assert_int_equal(fake_live.interests, 1);
}

static void
a_client_that_takes_nothing_is_dropped_after_a_while(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "42[\"subscribe_training\",{}]");
    f->hub->now_ms += 10000;
    live_hub_tick(f->hub);
    assert_int_equal(client->end, LIVE_END_NONE);
    f->hub->now_ms += 1;
    live_hub_tick(f->hub);
    assert_int_equal(client->end, LIVE_END_SLOW);
}

static void
too_many_runs_are_refused(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "427[\"subscribe_training\",{\"run_ids\":[\"a\",\"b\"]}]");
    hears(client, "437[{\"message\":");
    hears(client, "42[\"subscription_confirmed\",");
    say(client, "428[\"subscribe_training\",{\"run_id\":\"c\"}]");
    hears(client, "438[{\"error\":\"Too many");
    hears(client, "42[\"subscription_error\",");
}

static void
of_a_refused_subscription_nothing_stays(void **state)
{
    struct fixture *f = *state;
    struct live_client *client = open_connected(f);

    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\"}]");
    hears(client, "42[\"subscription_confirmed\",");
    say(client, "42[\"subscribe_training\",{\"run_id\":\"a\",\"run_ids\":[\"b\",\"c\"]}]");
    hears(client, "42[\"subscription_error\",");
    tell_live(f, "local", "b", 4);
    tell_live(f, "local", "a", 5);
    hears(client, "42[\"episodes\",{\"seq\":5}]"); /* what it had before stays */
    hears_nothing(client);
}

/* ---- roads ---- */

static void
a_poll_gets_what_waits_in_one_payload(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/socket.io/");
    struct live_client *client;
    struct live_message *payload;
    int status;

    assert_int_equal(pass(f, &request, &client, &status), LIVE_POLL);
    fake_live_answer(f->hub, "local", API_OK);
    live_message_drop(live_client_take(client));
    live_session_take(client, ENGINEIO_POLLING,
                      "40\x1e"
                      "42[\"x\"]",
                      10);
    payload = live_session_poll(client);
    assert_non_null(strstr(live_message_text(payload), "\"}\x1e"
                                                       "42[\"connection_established\","));
    live_message_drop(payload);
    assert_null(live_session_poll(client));
}

static void
nothing_is_said_on_a_websocket_while_a_poll_waits(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/socket.io/");
    struct live_client *client, *same;
    struct live_message *payload;
    int status;

    assert_int_equal(pass(f, &request, &client, &status), LIVE_POLL);
    fake_live_answer(f->hub, "local", API_OK);
    live_message_drop(live_client_take(client));
    client->poll = &f->wires[1];
    strcpy(request.sid, client->engine.sid);
    strcpy(request.transport, "websocket");
    request.upgrade = true;
    assert_int_equal(pass(f, &request, &same, &status), LIVE_UPGRADE);
    assert_ptr_equal(client, same);
    client->probe = &f->wires[2];
    say(client, "2probe");
    assert_true(client->probe_due);
    payload = live_session_poll(client);
    assert_string_equal(live_message_text(payload), "6"); /* the waiting poll is set free */
    live_message_drop(payload);
    say(client, "5");
    assert_ptr_equal(client->wire, &f->wires[2]);
    say(client, "40");
    payload = live_session_poll(client);
    assert_string_equal(live_message_text(payload), "6"); /* the WebSocket's turn, not the poll's */
    live_message_drop(payload);
    f->wires[2].wakes = 0;
    live_client_lose(client, &f->wires[1]);
    assert_int_equal(f->wires[2].wakes, 1);
    hears(client, "40{");
}

static void
two_polls_at_once_end_the_session(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/socket.io/");
    struct live_client *client, *same;
    int status;

    assert_int_equal(pass(f, &request, &client, &status), LIVE_POLL);
    client->poll = &f->wires[1];
    strcpy(request.sid, client->engine.sid);
    assert_int_equal(pass(f, &request, &same, &status), LIVE_REPLY);
    assert_int_equal(status, 400);
    assert_int_equal(client->end, LIVE_END_PROTOCOL);
}

static void
a_shutdown_ends_everybody_and_lets_nobody_in(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/socket.io/");
    struct live_client *client = open_connected(f), *late;
    int status;

    live_hub_close(f->hub);
    assert_int_equal(client->end, LIVE_END_SHUTDOWN);
    assert_int_equal(pass(f, &request, &late, &status), LIVE_REPLY);
    assert_int_equal(status, 503);
    assert_false(live_hub_is_empty(f->hub));
    f->hub->now_ms += LIVE_FAREWELL_MS;
    live_hub_tick(f->hub);
    assert_true(client->wire->cut);
    live_client_lose(client, client->wire);
    live_hub_tick(f->hub);
    assert_true(live_hub_is_empty(f->hub));
}

/* ---- event streams, web pages ---- */

static void
a_stream_is_let_in_then_its_run_is_looked_up(void **state)
{
    struct fixture *f = *state;
    struct live_request request = request_for("/api/training-runs/a/events");
    struct live_client *client;
    int status;

    strcpy(request.key, "ak_one");
    strcpy(request.last_event_id, "41");
    assert_int_equal(pass(f, &request, &client, &status), LIVE_EVENTS);
    client->wire = &f->wires[0];
    fake_live_answer(f->hub, "lab", API_OK);
    assert_int_equal(client->stage, LIVE_WAITING);
    fake_live_answer(f->hub, "", API_OK);
    assert_int_equal(client->stage, LIVE_OPEN);
    assert_int_equal(fake_live.after_seq, 41);
    tell(f, LIVE_RESUMED, "lab", "a", 41, fake_live.to);
    tell_live(f, "lab", "a", 42);
    hears(client, "id: 42\nevent: episodes\ndata: {\"seq\":42}\n\n");
    f->hub->now_ms += 15001;
    live_credentials_check(f->hub);
    fake_live_answer(f->hub, "lab", API_OK);
    live_hub_tick(f->hub);
    hears(client, ":\n\n");
}

static void
a_stream_of_no_run_is_404(void **state)
{
    static const char *const paths[] = {"/api/training-runs/a/events/",
                                        "/api/training-runs/.a/events"};
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        struct live_request request = request_for(paths[i]);
        struct live_client *client;
        int status;

        assert_int_equal(pass(f, &request, &client, &status), LIVE_EVENTS);
        if (i == 0)
            fake_live_answer(f->hub, "", API_RUN_NOT_FOUND);
        assert_int_equal(client->stage, LIVE_REFUSED);
        assert_int_equal(client->refusal, API_RUN_NOT_FOUND);
    }
}

static void
pages_from_elsewhere_are_refused(void **state)
{
    static const struct {
        const char *origin, *fetch_site;
        int status;
    } cases[] = {
        {"", "", 0},
        {"http://here:8000", "", 0},
        {"https://lab.example", "cross-site", 0},
        {"https://here:8000", "", 403},
        {"http://here", "", 403},
        {"https://lab.example.evil", "", 403},
        {"null", "", 403},
        {"", "cross-site", 403},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *f;
        struct live_request request = request_for("/socket.io/");
        struct live_client *client;
        void *own = NULL;
        int status;

        (void)state;
        set_up(&own);
        f = own;
        strcpy(request.scheme, "http");
        strcpy(request.host, "here:8000");
        strcpy(request.origin, cases[i].origin);
        strcpy(request.fetch_site, cases[i].fetch_site);
        assert_int_equal(pass(f, &request, &client, &status),
                         cases[i].status == 0 ? LIVE_POLL : LIVE_REPLY);
        if (cases[i].status != 0)
            assert_int_equal(status, cases[i].status);
        tear_down(&own);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_asked_for_once_and_then_known),
        TEST(a_refusal_is_a_connect_error),
        TEST(while_the_database_is_away_nobody_is_refused),
        TEST(the_key_of_auth_counts_and_two_are_refused),
        TEST(who_is_elsewhere_needs_a_key),
        TEST(a_revoked_key_ends_its_clients_but_a_lost_database_does_not),
        TEST(other_namespaces_are_refused_and_the_client_stays),
        TEST(no_more_clients_than_there_are_places),
        TEST(a_client_hears_of_its_runs_only),
        TEST(trainings_are_told_to_the_whole_account),
        TEST(a_replay_comes_before_what_happened_meanwhile),
        TEST(a_replay_for_a_client_that_is_gone_reaches_nobody),
        TEST(a_log_that_does_not_reach_back_is_told),
        TEST(a_client_that_does_not_keep_up_is_dropped),
        TEST(a_client_that_takes_nothing_is_dropped_after_a_while),
        TEST(too_many_runs_are_refused),
        TEST(of_a_refused_subscription_nothing_stays),
        TEST(a_poll_gets_what_waits_in_one_payload),
        TEST(nothing_is_said_on_a_websocket_while_a_poll_waits),
        TEST(two_polls_at_once_end_the_session),
        TEST(a_shutdown_ends_everybody_and_lets_nobody_in),
        TEST(a_stream_is_let_in_then_its_run_is_looked_up),
        TEST(a_stream_of_no_run_is_404),
        cmocka_unit_test(pages_from_elsewhere_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
