/*
 * live_session.c - what a Socket.IO client says, and what it is answered.
 * Called by live_server.c, live_hub.c. Next: live_engineio.c, live_socketio.c, live_room.c.
 */
#include "live_hub.h"

#include "base/auto.h"
#include "base/json_text.h"
#include "training/run.h"

#include <stdlib.h>
#include <string.h>

#define AUTH_MAX 4096 /* bytes of what comes with a connect packet */

/* ---- being let in ---- */

static void
refuse(struct live_client *client, const char *name_space, const char *sentence)
{
    client->hub->counters.refused++;
    live_client_send_own(client, socketio_refused(name_space, sentence));
}

static const char *
sentence_of(enum api_error_id error)
{
    switch (error) {
    case API_KEY_MISSING:
        return "An API key is needed: send it as X-API-Key or auth.api_key.";
    case API_SESSION_OVER:
        return "The session is over: send the API key again.";
    case API_SCOPE_MISSING:
        return "The API key does not allow this.";
    case API_KEY_WRONG:
        return "The API key is not valid.";
    default:
        return "The database did not answer. Try again.";
    }
}

static void
greet(struct live_client *client)
{
    struct live_message *hello;

    client->stage = LIVE_OPEN;
    if (!live_client_sit(client, "", -1)) {
        live_client_end(client, LIVE_END_FAILED);
        return;
    }
    live_client_send_own(client, socketio_connected(client->sid));
    hello = live_message_format("42[\"" LIVE_NAME_CONNECTION_ESTABLISHED "\","
                                "{\"message\":\"Connected to training updates\",\"sid\":\"%s\"}]",
                                client->sid);
    live_client_send_own(client, hello);
}

void
live_session_admit(struct live_client *client)
{
    const struct live_credential *credential = client->credential;

    if (client->stage != LIVE_WAITING || !credential->known)
        return;
    /* A refusal would keep socket.io-client from coming back. It waits until it is a stranger. */
    if (credential->error == API_STORE_UNAVAILABLE)
        return;
    client->stage = LIVE_NEW;
    if (credential->error != API_OK)
        refuse(client, "/", sentence_of(credential->error));
    else if ((credential->scopes & STORE_SCOPE_READ) == 0)
        refuse(client, "/", sentence_of(API_SCOPE_MISSING));
    else
        greet(client);
}

/* The key of a connect packet's auth object replaces what the headers showed. False: refused. */
static bool
take_auth(struct live_client *client, const struct socketio_packet *packet)
{
    struct live_claim claim = client->credential->claim;
    struct api_error err = {.id = API_OK};
    AUTO_JSON *auth = NULL;
    json_object *member;
    const char *key;

    if (packet->json_size == 0)
        return true;
    if (packet->json_size > AUTH_MAX ||
        !json_text_parse(packet->json, packet->json_size, &auth, &err))
        return false;
    if (!json_object_is_type(auth, json_type_object) ||
        !json_object_object_get_ex(auth, "api_key", &member) || member == NULL)
        return true;
    key = json_text_string(member);
    if (claim.kind == LIVE_CLAIM_KEY && (key == NULL || strcmp(claim.secret, key) != 0))
        return false; /* two keys */
    claim.kind = LIVE_CLAIM_WRONG;
    memset(claim.secret, 0, sizeof claim.secret);
    if (key != NULL && strlen(key) < sizeof claim.secret) {
        claim.kind = LIVE_CLAIM_KEY;
        memcpy(claim.secret, key, strlen(key));
    }
    live_credential_drop(client->hub, client->credential);
    client->credential = live_credential_use(client->hub, &claim);
    explicit_bzero(&claim, sizeof claim);
    return true;
}

static void
take_connect(struct live_client *client, const struct socketio_packet *packet)
{
    if (strcmp(packet->name_space, "/") != 0) {
        refuse(client, packet->name_space, "Invalid namespace");
        return;
    }
    if (client->stage != LIVE_NEW)
        return; /* once is enough */
    if (!take_auth(client, packet)) {
        refuse(client, "/", sentence_of(API_KEY_WRONG));
        return;
    }
    if (client->credential == NULL)
        abort(); /* out of memory: the supervisor of this process starts another */
    client->stage = LIVE_WAITING;
    live_session_admit(client);
}

/* ---- what it asks for ---- */

/* The runs that an event's data names, as a JSON array without its brackets. */
struct wish {
    json_object *data;  /* borrowed; NULL: none came */
    json_object *names; /* owned: an array of settled run_ids */
    int64_t after_seq;  /* -1: from now on */
    const char *fault;  /* what is wrong with it; NULL: nothing */
};

static const char wrong_id[] = "run_id is not the id of a run.";
static const char wrong_list[] = "run_ids must be a list of ids of runs.";

static void
wish_for(struct wish *wish, json_object *value)
{
    const char *text = json_text_string(value);
    char id[RUN_ID_MAX + 1];

    if (text == NULL || strlen(text) > RUN_ID_MAX) {
        wish->fault = wrong_id;
        return;
    }
    memcpy(id, text, strlen(text) + 1);
    if (!run_id_settle(id))
        wish->fault = wrong_id;
    else
        json_object_array_add(wish->names, json_object_new_string(id));
}

static void
read_wish(struct wish *wish, size_t runs_max)
{
    json_object *member;

    wish->names = json_object_new_array();
    wish->after_seq = -1;
    if (wish->data == NULL)
        return;
    if (!json_object_is_type(wish->data, json_type_object)) {
        wish->fault = "What is subscribed to must be an object.";
        return;
    }
    if (json_object_object_get_ex(wish->data, "run_id", &member) && member != NULL)
        wish_for(wish, member);
    if (json_object_object_get_ex(wish->data, "run_ids", &member) && member != NULL) {
        if (!json_object_is_type(member, json_type_array) ||
            json_object_array_length(member) > runs_max) {
            wish->fault = wrong_list;
            return;
        }
        for (size_t i = 0; i < json_object_array_length(member); i++)
            wish_for(wish, json_object_array_get_idx(member, i));
    }
    if (json_object_object_get_ex(wish->data, "after", &member) && member != NULL) {
        wish->after_seq = json_object_get_int64(member);
        if (!json_object_is_type(member, json_type_int) || wish->after_seq < 0)
            wish->fault = "after must be the seq of an event.";
    }
}

/* The answer to an event: the acknowledgement when one is wanted, and an event of its own. */
static void
answer(struct live_client *client, int64_t ack, const char *event, const char *json)
{
    if (ack != SOCKETIO_NO_ACK)
        live_client_send_own(client, socketio_ack(ack, json));
    if (event != NULL)
        live_client_send_own(client, socketio_event(event, json, strlen(json)));
}

/* {"message": …, "run_ids": […]} or {"error": …}: what a subscription is answered. */
static void
answer_wish(struct live_client *client, int64_t ack, const struct wish *wish, const char *event,
            const char *message)
{
    AUTO_JSON *json = json_object_new_object();

    if (wish->fault != NULL) {
        json_object_object_add(json, "error", json_object_new_string(wish->fault));
        event = LIVE_NAME_SUBSCRIPTION_ERROR;
        message = wish->fault;
    }
    json_object_object_add(json, "message", json_object_new_string(message));
    json_object_object_add(json, "run_ids", json_object_get(wish->names));
    answer(client, ack, event, json_text_of(json));
}

/* Listen to all of them or, when one is too many, to none that was not listened to before. */
static bool
sit_all(struct live_client *client, const struct wish *wish)
{
    const size_t count = json_object_array_length(wish->names);
    AUTO_JSON *taken = json_object_new_array();
    bool good = true;

    for (size_t i = 0; good && i < count; i++) {
        json_object *name = json_object_array_get_idx(wish->names, i);

        if (live_client_sits(client, json_object_get_string(name)))
            continue;
        good = live_client_sit(client, json_object_get_string(name), wish->after_seq);
        if (good)
            json_object_array_add(taken, json_object_get(name));
    }
    for (size_t i = 0; !good && i < json_object_array_length(taken); i++)
        live_client_rise(client, json_object_get_string(json_object_array_get_idx(taken, i)));
    return good;
}

static void
subscribe(struct live_client *client, struct wish *wish, int64_t ack)
{
    read_wish(wish, client->hub->limits.runs_max);
    if (wish->fault == NULL && !sit_all(client, wish))
        wish->fault = "Too many runs are subscribed to.";
    answer_wish(client, ack, wish, LIVE_NAME_SUBSCRIPTION_CONFIRMED,
                "Subscribed to training updates");
}

static void
unsubscribe(struct live_client *client, struct wish *wish, int64_t ack)
{
    const size_t runs_max = client->hub->limits.runs_max;

    read_wish(wish, runs_max);
    for (size_t i = 0; wish->fault == NULL && i < json_object_array_length(wish->names); i++)
        live_client_rise(client, json_object_get_string(json_object_array_get_idx(wish->names, i)));
    if (wish->fault == NULL && json_object_array_length(wish->names) == 0)
        live_client_rise(client, NULL);
    answer_wish(client, ack, wish, LIVE_NAME_UNSUBSCRIPTION_CONFIRMED,
                "Unsubscribed from training updates");
}

static const struct {
    const char *name;
    void (*take)(struct live_client *client, struct wish *wish, int64_t ack);
} events[] = {
    {"subscribe_training", subscribe},
    {"unsubscribe_training", unsubscribe},
};

static void
take_event(struct live_client *client, const struct socketio_packet *packet)
{
    struct api_error err = {.id = API_OK};
    AUTO_JSON *body = NULL;
    struct wish wish = {.data = NULL};
    const char *name = NULL;

    if (client->stage != LIVE_OPEN || strcmp(packet->name_space, "/") != 0)
        return; /* it said so before it was let in, or after it left */
    if (json_text_parse(packet->json, packet->json_size, &body, &err) &&
        json_object_is_type(body, json_type_array) && json_object_array_length(body) > 0)
        name = json_text_string(json_object_array_get_idx(body, 0));
    if (name == NULL) {
        live_client_end(client, LIVE_END_PROTOCOL);
        return;
    }
    if (json_object_array_length(body) > 1)
        wish.data = json_object_array_get_idx(body, 1);
    for (size_t i = 0; i < COUNT_OF(events); i++)
        if (strcmp(name, events[i].name) == 0) {
            events[i].take(client, &wish, packet->ack);
            json_object_put(wish.names);
            return;
        }
    answer(client, packet->ack, NULL, "{\"error\":\"There is no such event.\"}");
}

/* ---- packets ---- */

static void
take_message(struct live_client *client, const char *text, size_t size)
{
    struct socketio_packet packet;
    char *json;

    if (!socketio_packet_read(text, size, &packet)) {
        live_client_end(client, LIVE_END_PROTOCOL);
        return;
    }
    json = strndup(packet.json, packet.json_size); /* json_text_parse wants a NUL at the end */
    if (json == NULL)
        abort();
    packet.json = json;
    switch (packet.type) {
    case SOCKETIO_CONNECT:
        take_connect(client, &packet);
        break;
    case SOCKETIO_DISCONNECT:
        if (strcmp(packet.name_space, "/") == 0)
            live_client_end(client, LIVE_END_GOODBYE);
        break;
    case SOCKETIO_EVENT:
        take_event(client, &packet);
        break;
    case SOCKETIO_ACK: /* nothing that is sent asks for one */
        break;
    case SOCKETIO_CONNECT_ERROR:
    case SOCKETIO_BINARY_EVENT: /* no event here has binary parts */
    case SOCKETIO_BINARY_ACK:
        live_client_end(client, LIVE_END_PROTOCOL);
        break;
    }
    free(json);
}

/* The WebSocket carries the session from now on. */
static void
upgrade(struct live_client *client)
{
    client->wire = client->probe;
    client->probe = NULL;
    client->noop_due = client->poll != NULL;
    live_client_wake(client);
}

static void
take_packet(struct live_client *client, enum engineio_road road,
            const struct engineio_packet *packet)
{
    switch (engineio_session_take(&client->engine, road, packet, &client->hub->limits.engine,
                                  client->hub->now_ms)) {
    case ENGINEIO_NOTHING:
        break;
    case ENGINEIO_DELIVER:
        take_message(client, packet->data, packet->size);
        break;
    case ENGINEIO_PROBED:
        client->probe_due = true;
        client->noop_due = client->poll != NULL;
        live_wire_wake(client->probe);
        live_client_wake(client);
        break;
    case ENGINEIO_UPGRADED:
        upgrade(client);
        break;
    case ENGINEIO_CLOSED:
        live_client_end(client, LIVE_END_GOODBYE);
        break;
    case ENGINEIO_BROKEN:
        live_client_end(client, LIVE_END_PROTOCOL);
        break;
    }
}

void
live_session_take(struct live_client *client, enum engineio_road road, const char *text,
                  size_t size)
{
    struct engineio_packet packet;
    struct engineio_payload payload;
    bool good = true;

    if (road == ENGINEIO_WEBSOCKET) {
        good = engineio_packet_read(text, size, &packet);
        if (good)
            take_packet(client, road, &packet);
    } else {
        engineio_payload_begin(&payload, text, size);
        while (client->end == LIVE_END_NONE && engineio_payload_next(&payload, &packet))
            take_packet(client, road, &packet);
        good = !payload.broken;
    }
    if (!good)
        live_client_end(client, LIVE_END_PROTOCOL);
}

/* ---- answers to polls ---- */

#define POLL_PACKETS_MAX 256
#define POLL_SIZE_MAX 262144 /* bytes; the rest waits for the next poll */

/* As many of the waiting messages as go into one payload. */
static struct live_message *
join_waiting(struct live_client *client)
{
    struct live_message *taken[POLL_PACKETS_MAX], *payload;
    size_t count = 0, size = 0;
    char *at;

    do {
        taken[count] = live_client_take(client);
        size += taken[count++]->size + 1;
    } while (count < POLL_PACKETS_MAX && client->outbox.count > 0 &&
             size + live_outbox_peek(&client->outbox)->size < POLL_SIZE_MAX);
    payload = live_message_new(size - 1);
    at = payload == NULL ? NULL : live_message_text(payload);
    for (size_t i = 0; i < count; i++) {
        if (at != NULL && i > 0)
            *at++ = ENGINEIO_SEPARATOR;
        if (at != NULL)
            at = mempcpy(at, live_message_text(taken[i]), taken[i]->size);
        live_message_drop(taken[i]);
    }
    return payload;
}

/*
 * A farewell goes alone: socket.io-client acts on a close in the same payload first, and comes back
 * at once although it was told not to. Its next poll is refused.
 */
static struct live_message *
say_goodbye(struct live_client *client)
{
    struct live_message *farewell = client->farewell;

    client->farewell = NULL;
    return farewell != NULL ? farewell : live_message_format("1");
}

struct live_message *
live_session_poll(struct live_client *client)
{
    const bool noop = client->noop_due;

    client->noop_due = false;
    if (client->end != LIVE_END_NONE)
        return say_goodbye(client);
    if (client->engine.road == ENGINEIO_POLLING && client->outbox.count > 0)
        return join_waiting(client);
    return noop ? live_message_format("6") : NULL;
}

/* The client takes over once no poll is under way: one that it sent meanwhile is set free. */
static void
hurry_upgrade(struct live_client *client)
{
    if (client->hub->now_ms > client->probe_by_ms) {
        live_wire_cut(client->probe);
    } else if (client->engine.probed && client->poll != NULL) {
        client->noop_due = true;
        live_client_wake(client);
    }
}

void
live_session_tick(struct live_client *client)
{
    struct live_hub *hub = client->hub;

    switch (engineio_session_tick(&client->engine, &hub->limits.engine, hub->now_ms)) {
    case ENGINEIO_QUIET:
        break;
    case ENGINEIO_PING_DUE:
        live_client_send_own(client, live_message_format("2"));
        break;
    case ENGINEIO_DEAD:
        live_client_end(client, LIVE_END_SILENT);
        break;
    }
    if (client->stage != LIVE_OPEN && hub->now_ms - client->began_ms > hub->limits.greet_ms)
        live_client_end(client, LIVE_END_STRANGER);
    if (client->probe != NULL)
        hurry_upgrade(client);
    /* Between two polls nothing can move; a client that polls no more is found by its ping. */
    if (client->wire != NULL && client->outbox.count > 0 &&
        hub->now_ms - client->moved_ms > hub->limits.stall_ms)
        live_client_end(client, LIVE_END_SLOW);
}
