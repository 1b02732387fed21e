/*
 * live_sse.c - event streams: GET /api/training-runs/:run_id/events. What is known of the client
 * decides; then its run is looked up; then it listens. Called by live_hub.c, live_gate.c.
 * Next: live_client.c.
 */
#include "live_hub.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void
refuse(struct live_client *client, enum api_error_id error)
{
    client->stage = LIVE_REFUSED;
    client->refusal = error;
    client->hub->counters.refused++;
    live_client_wake(client);
}

static void
ask_for_run(struct live_client *client)
{
    struct live_ask *ask = calloc(1, sizeof *ask);

    if (ask == NULL) {
        refuse(client, API_INTERNAL);
        return;
    }
    ask->kind = LIVE_ASK_RUN;
    memcpy(ask->account, client->credential->account, sizeof ask->account);
    memcpy(ask->run_id, client->run_id, sizeof ask->run_id);
    ask->place = client->place;
    ask->serial = client->serial;
    client->stage = LIVE_WAITING;
    live_access_ask(client->hub->access, ask);
}

void
live_stream_admit(struct live_client *client)
{
    const struct live_credential *credential = client->credential;

    if (client->stage != LIVE_NEW || !credential->known)
        return;
    if (credential->error != API_OK)
        refuse(client, credential->error);
    else if ((credential->scopes & STORE_SCOPE_READ) == 0)
        refuse(client, API_SCOPE_MISSING);
    else if (client->run_id[0] == '\0') /* what was asked for can be no run's id */
        refuse(client, API_RUN_NOT_FOUND);
    else
        ask_for_run(client);
}

void
live_stream_hear(struct live_client *client, enum api_error_id error)
{
    if (client->stage != LIVE_WAITING || client->end != LIVE_END_NONE)
        return;
    if (error == API_OK && !live_client_sit(client, client->run_id, client->after_seq))
        error = API_INTERNAL;
    if (error != API_OK) {
        refuse(client, error);
        return;
    }
    client->stage = LIVE_OPEN;
    live_client_wake(client);
}

/* The payload is one line: JSON text holds no raw line break. */
struct live_message *
live_stream_event(const struct live_event *event)
{
    return live_message_format("id: %" PRId64 "\nevent: %s\ndata: %s\n\n", event->seq, event->name,
                               event->json == NULL ? "{}" : event->json);
}

void
live_stream_tick(struct live_client *client)
{
    const struct live_hub *hub = client->hub;

    if (client->stage != LIVE_OPEN)
        return;
    if (client->outbox.count == 0 && hub->now_ms - client->moved_ms > hub->limits.beat_ms) {
        client->moved_ms = hub->now_ms;
        live_client_send_own(client, live_message_format(":\n\n"));
    } else if (client->outbox.count > 0 && hub->now_ms - client->moved_ms > hub->limits.stall_ms) {
        live_client_end(client, LIVE_END_SLOW);
    }
}
