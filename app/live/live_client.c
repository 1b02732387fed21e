/*
 * live_client.c - one client: what waits for it, what it listens to, how it ends.
 * Called by live_hub.c, live_session.c, live_sse.c, live_server.c. Next: live_session.c,
 * live_sse.c.
 */
#include "live_hub.h"
#include "live_watch.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

struct live_client *
live_client_open(struct live_hub *hub, enum live_client_kind kind, const struct live_claim *claim)
{
    struct live_client *client;

    if (hub->closing || (hub->free_count == 0 && hub->places_used == hub->limits.clients_max))
        return NULL;
    client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->credential = live_credential_use(hub, claim);
    if (client->credential == NULL) {
        free(client);
        return NULL;
    }
    client->hub = hub;
    client->kind = kind;
    client->place =
        hub->free_count > 0 ? hub->free_places[--hub->free_count] : (uint32_t)hub->places_used++;
    client->serial = ++hub->clients_ever;
    client->began_ms = client->moved_ms = hub->now_ms;
    hub->places[client->place] = client;
    hub->counters.opened[kind]++;
    hub->counters.open[kind]++;
    live_watch_enter();
    return client;
}

struct live_client *
live_client_at(struct live_hub *hub, uint32_t place, uint64_t serial)
{
    struct live_client *client = place < hub->places_used ? hub->places[place] : NULL;

    return client != NULL && (serial == 0 || client->serial == serial) ? client : NULL;
}

void
live_client_wake(struct live_client *client)
{
    if (client->poll != NULL)
        live_wire_wake(client->poll);
    else if (client->wire != NULL)
        live_wire_wake(client->wire);
}

void
live_client_send(struct live_client *client, struct live_message *message)
{
    struct live_hub *hub = client->hub;

    if (client->end != LIVE_END_NONE)
        return;
    if (message == NULL) {
        live_client_end(client, LIVE_END_FAILED);
        return;
    }
    if (client->outbox.count == 0)
        client->moved_ms = hub->now_ms;
    if (!live_outbox_put(&client->outbox, message, hub->limits.outbox_max)) {
        live_client_end(client, LIVE_END_SLOW);
        return;
    }
    hub->counters.messages++;
    if (client->outbox.count == 1)
        live_client_wake(client);
}

void
live_client_send_own(struct live_client *client, struct live_message *message)
{
    live_client_send(client, message);
    live_message_drop(message);
}

struct live_message *
live_client_take(struct live_client *client)
{
    client->moved_ms = client->hub->now_ms;
    return live_outbox_take(&client->outbox);
}

static struct live_seat **
find_seat(struct live_client *client, const char *run_id)
{
    struct live_seat **at = &client->seats;

    while (*at != NULL && strcmp((*at)->room->run_id, run_id) != 0)
        at = &(*at)->next_of_client;
    return at;
}

/* Give up the seat at *at, and what was asked of the watcher for it. */
static void
leave(struct live_client *client, struct live_seat **at)
{
    struct live_seat *seat = *at;
    const bool is_run = seat->room->run_id[0] != '\0';

    *at = seat->next_of_client;
    if (is_run) {
        client->seat_count--;
        live_interest_remove(seat->room->account, seat->room->run_id);
    }
    live_room_leave(&client->hub->rooms, seat);
}

static bool
ask_replay(struct live_client *client, struct live_seat *seat, int64_t after_seq)
{
    /* What `client` points to is never followed: it is the place, and one more to differ from NULL.
     */
    const struct live_to to = {.client = client->hub->places + client->place,
                               .generation = seat->number};

    seat->replaying = true;
    return live_resume_request(seat->room->account, seat->room->run_id, after_seq, to);
}

bool
live_client_sits(struct live_client *client, const char *run_id)
{
    return *find_seat(client, run_id) != NULL;
}

bool
live_client_sit(struct live_client *client, const char *run_id, int64_t after_seq)
{
    struct live_hub *hub = client->hub;
    const char *account = client->credential->account;
    const bool is_run = run_id[0] != '\0';
    struct live_seat *seat;

    if (live_client_sits(client, run_id))
        return true;
    if (is_run &&
        (client->seat_count == hub->limits.runs_max || !live_interest_add(account, run_id)))
        return false;
    seat = live_room_join(&hub->rooms, account, run_id, client);
    if (seat == NULL) {
        if (is_run)
            live_interest_remove(account, run_id);
        return false;
    }
    seat->next_of_client = client->seats;
    client->seats = seat;
    client->seat_count += is_run;
    if (after_seq >= 0 && !ask_replay(client, seat, after_seq)) {
        leave(client, find_seat(client, run_id));
        return false;
    }
    return true;
}

void
live_client_rise(struct live_client *client, const char *run_id)
{
    struct live_seat **at = &client->seats;

    while (*at != NULL) {
        const char *here = (*at)->room->run_id;

        if (run_id == NULL ? here[0] != '\0' : strcmp(here, run_id) == 0)
            leave(client, at);
        else
            at = &(*at)->next_of_client;
    }
}

/* What it hears last: a socket whose key is revoked must not come back by itself. */
static struct live_message *
farewell_of(const struct live_client *client, enum live_end end)
{
    if (client->kind == LIVE_SOCKET && end == LIVE_END_KEY && client->stage == LIVE_OPEN)
        return socketio_disconnect();
    return NULL;
}

void
live_client_end(struct live_client *client, enum live_end end)
{
    struct live_hub *hub = client->hub;

    if (client->end != LIVE_END_NONE)
        return;
    client->end = end;
    client->end_by_ms = hub->now_ms + LIVE_FAREWELL_MS;
    client->farewell = farewell_of(client, end);
    while (client->seats != NULL)
        leave(client, &client->seats);
    hub->counters.ended[end]++;
    hub->counters.open[client->kind]--;
    if (end == LIVE_END_SLOW)
        log_event(LOG_WARN, "client_dropped", LOG_TEXT("why", live_end_name(end)),
                  LOG_TEXT("account", client->credential->account),
                  LOG_WHOLE("waiting_bytes", (int64_t)client->outbox.bytes));
    live_outbox_clear(&client->outbox);
    if (client->probe != NULL)
        live_wire_wake(client->probe);
    if (client->poll != NULL)
        live_wire_wake(client->poll);
    if (client->wire != NULL)
        live_wire_wake(client->wire);
}

void
live_client_lose(struct live_client *client, const struct live_wire *wire)
{
    if (client->poll == wire) {
        client->poll = NULL;
        live_client_wake(client); /* a WebSocket that took over may speak now */
    } else if (client->probe == wire) {
        client->probe = NULL;
        client->engine.probed = false;
    } else if (client->wire == wire) {
        client->wire = NULL;
        live_client_end(client, LIVE_END_GONE);
    }
}

void
live_client_free(struct live_client *client)
{
    struct live_hub *hub = client->hub;

    live_client_end(client, LIVE_END_GONE);
    hub->places[client->place] = NULL;
    hub->free_places[hub->free_count++] = client->place;
    live_message_drop(client->farewell);
    live_credential_drop(hub, client->credential);
    live_watch_leave();
    free(client);
}
