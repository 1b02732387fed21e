/*
 * live_hub.c - events to whom they concern, answers to who waits for them, and the clock's
 * business. Called by live_server.c. Next: live_room.c, live_client.c.
 */
#include "live_hub.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

const char *
live_end_name(enum live_end end)
{
    static const char *const names[] = {
#define X(name, text) [LIVE_END_##name] = (text),
        LIVE_ENDS(X)
#undef X
    };

    return names[end];
}

struct live_hub *
live_hub_new(const struct live_limits *limits, struct live_access *access)
{
    struct live_hub *hub = calloc(1, sizeof *hub);

    if (hub == NULL)
        return NULL;
    hub->limits = *limits;
    hub->access = access;
    hub->places = calloc(limits->clients_max, sizeof *hub->places);
    hub->free_places = calloc(limits->clients_max, sizeof *hub->free_places);
    if (hub->places != NULL && hub->free_places != NULL)
        return hub;
    live_hub_free(hub);
    return NULL;
}

void
live_hub_free(struct live_hub *hub)
{
    if (hub == NULL)
        return;
    for (size_t i = 0; i < hub->places_used; i++)
        if (hub->places[i] != NULL)
            live_client_free(hub->places[i]);
    while (hub->credentials != NULL) { /* those of questions that were never answered */
        hub->credentials->uses = 1;
        live_credential_drop(hub, hub->credentials);
    }
    free(hub->places);
    free(hub->free_places);
    free(hub);
}

/* ---- events ---- */

/* An event as each kind of client gets it; made when the first one of the kind needs it. */
struct telling {
    const struct live_event *event;
    struct live_message *messages[2]; /* by enum live_client_kind */
};

static struct live_message *
message_for(struct telling *telling, enum live_client_kind kind)
{
    const struct live_event *event = telling->event;
    struct live_message **message = &telling->messages[kind];

    if (*message != NULL)
        return *message;
    if (kind == LIVE_STREAM)
        *message = live_stream_event(event);
    else
        *message = event->json == NULL ? socketio_event(event->name, "{}", 2)
                                       : socketio_event(event->name, event->json, event->json_size);
    if (*message != NULL)
        (*message)->seq = event->seq;
    return *message;
}

static void
hold(struct live_seat *seat, struct live_message *message)
{
    const size_t bytes_max = seat->client->hub->limits.outbox_max;

    if (message == NULL)
        live_client_end(seat->client, LIVE_END_FAILED);
    else if (!live_outbox_put(&seat->held, message, bytes_max))
        live_client_end(seat->client, LIVE_END_SLOW);
}

static void
tell_room(struct live_room *room, struct telling *telling)
{
    struct live_seat *seat = room == NULL ? NULL : room->seats, *next;

    for (; seat != NULL; seat = next) {
        struct live_message *message = message_for(telling, seat->client->kind);

        next = seat->next; /* a client that does not keep up gives up its seat here */
        switch (live_seat_judge(seat, telling->event->seq)) {
        case LIVE_TELL:
            live_client_send(seat->client, message);
            break;
        case LIVE_HOLD:
            hold(seat, message);
            break;
        case LIVE_SKIP:
            break;
        }
    }
}

/* The replay is over: what was held back and is newer follows. */
static void
end_replay(struct live_seat *seat, int64_t seq)
{
    struct live_client *client = seat->client;
    struct live_outbox held = seat->held;
    struct live_message *message;

    seat->held = (struct live_outbox){.ring = NULL};
    seat->replaying = false;
    seat->told_seq = seq;
    while ((message = live_outbox_take(&held)) != NULL) { /* the seat may go meanwhile */
        if (message->seq > seq)
            live_client_send(client, message);
        live_message_drop(message);
    }
    live_outbox_clear(&held);
}

/* What is meant for a client's seat alone; it may be gone by now. */
static void
tell_seat(struct live_hub *hub, struct telling *telling, const struct live_to *to)
{
    const struct live_event *event = telling->event;
    struct live_client *const *at = to->client;
    struct live_client *client = live_client_at(hub, (uint32_t)(at - hub->places), 0);
    struct live_seat *seat = client == NULL ? NULL : client->seats;

    while (seat != NULL && seat->number != to->generation)
        seat = seat->next_of_client;
    if (seat == NULL)
        return;
    if (event->kind != LIVE_RESUMED)
        live_client_send(client, message_for(telling, client->kind));
    if (client->end == LIVE_END_NONE && (event->kind == LIVE_RESUMED || event->kind == LIVE_RESET))
        end_replay(seat, event->seq);
}

/* Events were lost for good: everybody who listens is told to read anew. */
static void
tell_everybody(struct live_hub *hub, struct telling *telling)
{
    for (size_t i = 0; i < hub->places_used; i++) {
        struct live_client *client = hub->places[i];

        if (client != NULL && client->stage == LIVE_OPEN)
            live_client_send(client, message_for(telling, client->kind));
    }
}

void
live_hub_tell(struct live_hub *hub, struct live_event *event)
{
    struct telling telling = {.event = event};

    hub->counters.events++;
    if (event->to_count > 0) {
        for (size_t i = 0; i < event->to_count; i++)
            tell_seat(hub, &telling, &event->to[i]);
    } else {
        switch (event->kind) {
        case LIVE_RUN_UPDATED:
        case LIVE_EPISODES:
            tell_room(live_room_find(&hub->rooms, event->account, event->run_id), &telling);
            break;
        case LIVE_TRAINING: /* whichever run it is of, all of the account hear it */
            tell_room(live_room_find(&hub->rooms, event->account, ""), &telling);
            break;
        case LIVE_KEYS_CHANGED:
            live_credentials_check(hub);
            break;
        case LIVE_RESET:
            tell_everybody(hub, &telling);
            break;
        case LIVE_RESUMED: /* always to somebody */
            break;
        }
    }
    live_message_drop(telling.messages[LIVE_SOCKET]);
    live_message_drop(telling.messages[LIVE_STREAM]);
    live_event_free(event);
}

/* ---- answers ---- */

/* The clients of a credential whose answer came: those that wait go on, revoked ones end. */
static void
apply(struct live_client *client)
{
    const struct live_credential *credential = client->credential;

    if (client->kind == LIVE_SOCKET)
        live_session_admit(client);
    else
        live_stream_admit(client);
    if (client->stage == LIVE_OPEN &&
        (credential->error != API_OK || (credential->scopes & STORE_SCOPE_READ) == 0))
        live_client_end(client, LIVE_END_KEY);
}

void
live_hub_hear(struct live_hub *hub, struct live_ask *ask)
{
    if (ask->kind == LIVE_ASK_RUN) {
        struct live_client *client = live_client_at(hub, ask->place, ask->serial);

        if (client != NULL)
            live_stream_hear(client, ask->error);
    } else {
        struct live_credential *credential = live_credential_hear(hub, ask);

        for (size_t i = 0; i < hub->places_used; i++)
            if (hub->places[i] != NULL && hub->places[i]->credential == credential &&
                hub->places[i]->end == LIVE_END_NONE)
                apply(hub->places[i]);
        live_credential_drop(hub, credential);
    }
    live_ask_free(ask);
}

/* ---- the clock ---- */

static void
tick_client(struct live_client *client)
{
    if (client->end == LIVE_END_NONE) {
        if (client->kind == LIVE_SOCKET)
            live_session_tick(client);
        else
            live_stream_tick(client);
        return;
    }
    if (client->poll == NULL && client->wire == NULL && client->probe == NULL) {
        live_client_free(client);
        return;
    }
    if (client->hub->now_ms < client->end_by_ms)
        return;
    if (client->poll != NULL)
        live_wire_cut(client->poll);
    if (client->wire != NULL)
        live_wire_cut(client->wire);
    if (client->probe != NULL)
        live_wire_cut(client->probe);
}

static void
close_some(struct live_hub *hub)
{
    for (int count = 0; hub->closed < hub->places_used && count < LIVE_CLOSE_AT_ONCE;) {
        struct live_client *client = hub->places[hub->closed++];

        if (client != NULL) {
            live_client_end(client, LIVE_END_SHUTDOWN);
            count++;
        }
    }
}

void
live_hub_tick(struct live_hub *hub)
{
    if (hub->closing)
        close_some(hub);
    if (hub->now_ms - hub->checked_ms >= LIVE_CHECK_MS) {
        hub->checked_ms = hub->now_ms;
        live_credentials_check(hub);
    }
    for (size_t i = 0; i < hub->places_used; i++)
        if (hub->places[i] != NULL)
            tick_client(hub->places[i]);
}

void
live_hub_close(struct live_hub *hub)
{
    hub->closing = true;
    close_some(hub);
}

bool
live_hub_is_empty(const struct live_hub *hub)
{
    return hub->free_count == hub->places_used;
}
