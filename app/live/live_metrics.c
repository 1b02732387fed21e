/*
 * live_metrics.c - what the gateway counts, as Prometheus reads it (text format 0.0.4).
 * Called by live_gate.c.
 */
#include "live_gate.h"
#include "live_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void
print_clients(FILE *to, const struct live_counters *counters)
{
    fprintf(to,
            "# HELP training_live_clients Clients that are connected now.\n"
            "# TYPE training_live_clients gauge\n"
            "training_live_clients{kind=\"socketio\"} %zu\n"
            "training_live_clients{kind=\"sse\"} %zu\n"
            "# HELP training_live_clients_total Clients that have come.\n"
            "# TYPE training_live_clients_total counter\n"
            "training_live_clients_total{kind=\"socketio\"} %" PRIu64 "\n"
            "training_live_clients_total{kind=\"sse\"} %" PRIu64 "\n"
            "# HELP training_live_refused_total Requests and connections that were turned away.\n"
            "# TYPE training_live_refused_total counter\n"
            "training_live_refused_total %" PRIu64 "\n",
            counters->open[LIVE_SOCKET], counters->open[LIVE_STREAM], counters->opened[LIVE_SOCKET],
            counters->opened[LIVE_STREAM], counters->refused);
}

static void
print_ends(FILE *to, const struct live_counters *counters)
{
    fprintf(to, "# HELP training_live_ended_total Clients that have gone, and why.\n"
                "# TYPE training_live_ended_total counter\n");
    for (enum live_end end = LIVE_END_NONE + 1; end < LIVE_END_COUNT; end++)
        fprintf(to, "training_live_ended_total{why=\"%s\"} %" PRIu64 "\n", live_end_name(end),
                counters->ended[end]);
}

static void
print_events(FILE *to, const struct live_counters *counters)
{
    struct live_watch_state watch = {.connected = false};

    live_watch_state(&watch);
    fprintf(to,
            "# HELP training_live_events_total Events that the change stream gave.\n"
            "# TYPE training_live_events_total counter\n"
            "training_live_events_total %" PRIu64 "\n"
            "# HELP training_live_messages_total Messages to clients, each client counted.\n"
            "# TYPE training_live_messages_total counter\n"
            "training_live_messages_total %" PRIu64 "\n"
            "# HELP training_live_watching Whether the database can be followed.\n"
            "# TYPE training_live_watching gauge\n"
            "training_live_watching %d\n"
            "# HELP training_live_resting Whether the change stream rests, as nobody is there.\n"
            "# TYPE training_live_resting gauge\n"
            "training_live_resting %d\n"
            "# HELP training_live_reconnects_total How often the change stream was opened anew.\n"
            "# TYPE training_live_reconnects_total counter\n"
            "training_live_reconnects_total %" PRId64 "\n"
            "# HELP training_live_resets_total How often events were lost for good.\n"
            "# TYPE training_live_resets_total counter\n"
            "training_live_resets_total %" PRId64 "\n",
            counters->events, counters->messages, watch.connected, watch.resting, watch.reconnects,
            watch.resets);
}

struct live_message *
live_metrics(const struct live_hub *hub)
{
    struct live_message *message = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL)
        return NULL;
    print_clients(to, &hub->counters);
    print_ends(to, &hub->counters);
    print_events(to, &hub->counters);
    if (fclose(to) == 0)
        message = live_message_format("%s", text);
    free(text);
    return message;
}
