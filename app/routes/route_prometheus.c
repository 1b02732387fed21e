/*
 * route_prometheus.c - GET /metrics: what the service counts about itself, in Prometheus' text
 * format 0.0.4. Called through routes.c. Next: base/meter.c.
 *
 * A series appears with its first count, so that the page stays as short as what happened.
 */
#include "route_private.h"

#include "base/meter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_SIZE 512 /* bytes of one line with the NUL */
#define LABELS_SIZE 256   /* the same, of its labels */
#define US_PER_S 1e6

/* Patterns, methods and names are our own words: nothing in a label needs an escape. */
static void __attribute__((format(printf, 2, 3))) line(struct out *out, const char *fmt, ...)
{
    char text[LINE_MAX_SIZE];
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    out_bytes(out, text, (size_t)size);
}

static void
family(struct out *out, const char *name, const char *type, const char *help)
{
    line(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
single(struct out *out, const char *name, const char *type, const char *help, uint64_t value)
{
    family(out, name, type, help);
    line(out, "%s %" PRIu64 "\n", name, value);
}

static uint64_t
histogram_count(const struct meter_histogram *histogram)
{
    uint64_t total = 0;

    for (size_t i = 0; i <= METER_BUCKETS; i++)
        total += histogram->buckets[i];
    return total;
}

/* labels: `a="b"`. A bucket counts all values up to its bound, so the counts only grow. */
static void
write_histogram(struct out *out, const char *name, const char *labels,
                const struct meter_histogram *histogram)
{
    uint64_t total = 0;

    if (histogram_count(histogram) == 0)
        return;
    for (size_t i = 0; i < METER_BUCKETS; i++) {
        total += histogram->buckets[i];
        line(out, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", name, labels,
             (double)meter_bounds_us[i] / US_PER_S, total);
    }
    total += histogram->buckets[METER_BUCKETS];
    line(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, total);
    line(out, "%s_sum{%s} %.6f\n", name, labels, (double)histogram->sum_us / US_PER_S);
    line(out, "%s_count{%s} %" PRIu64 "\n", name, labels, total);
}

/* The labels of a row of the table; the row after the last stands for requests that found none. */
static const char *
route_labels(size_t row, char labels[LABELS_SIZE])
{
    if (row < routes_count)
        snprintf(labels, LABELS_SIZE, "route=\"%s\",method=\"%s\"", routes[row].pattern,
                 route_method_name(routes[row].method));
    else
        snprintf(labels, LABELS_SIZE, "route=\"none\",method=\"any\"");
    return labels;
}

static void
write_statuses(struct out *out, const char *labels, const struct meter_route *route)
{
    for (size_t i = 0; i < METER_STATUSES; i++) {
        char status[16] = "other";

        if (route->statuses[i] == 0)
            continue;
        if (meter_statuses[i] != 0)
            snprintf(status, sizeof status, "%d", meter_statuses[i]);
        line(out, "training_http_requests_total{%s,status=\"%s\"} %" PRIu64 "\n", labels, status,
             route->statuses[i]);
    }
}

static void
write_bytes(struct out *out, const struct meter_counts *sum, bool incoming)
{
    const char *name =
        incoming ? "training_http_request_bytes_total" : "training_http_response_bytes_total";
    char labels[LABELS_SIZE];

    family(out, name, "counter",
           incoming ? "Bytes of requests' bodies, as announced."
                    : "Bytes of answers' bodies, before nginx compresses them.");
    for (size_t i = 0; i <= routes_count; i++) {
        const uint64_t bytes = incoming ? sum->routes[i].bytes_in : sum->routes[i].bytes_out;

        if (bytes > 0)
            line(out, "%s{%s} %" PRIu64 "\n", name, route_labels(i, labels), bytes);
    }
}

static uint64_t
count_status(const struct meter_counts *sum, int status)
{
    uint64_t total = 0;

    for (size_t row = 0; row <= routes_count; row++)
        for (size_t i = 0; i < METER_STATUSES; i++)
            if (meter_statuses[i] == status)
                total += sum->routes[row].statuses[i];
    return total;
}

static void
write_requests(struct out *out, const struct meter_counts *sum)
{
    char labels[LABELS_SIZE];

    family(out, "training_http_requests_total", "counter",
           "Answered requests. HEAD counts as GET; route none: no such path or method.");
    for (size_t i = 0; i <= routes_count; i++)
        write_statuses(out, route_labels(i, labels), &sum->routes[i]);
    family(out, "training_http_request_duration_seconds", "histogram",
           "From a worker's taking a request up to its last byte.");
    for (size_t i = 0; i <= routes_count; i++)
        write_histogram(out, "training_http_request_duration_seconds", route_labels(i, labels),
                        &sum->routes[i].time);
    write_bytes(out, sum, true);
    write_bytes(out, sum, false);
    single(out, "training_http_rate_limited_total", "counter",
           "Requests refused with 429: a key wrote too fast.", count_status(sum, 429));
    single(out, "training_http_cut_answers_total", "counter",
           "Answers that broke off: the client left, or the database was lost on the way.",
           sum->cut);
}

static void
write_database(struct out *out, const struct meter_counts *sum)
{
    static const char *const faults[METER_FAULTS] = {
        [METER_UNAVAILABLE] = "unavailable",
        [METER_BUSY] = "busy",
        [METER_FULL] = "full",
        [METER_INTERNAL] = "internal",
    };
    char labels[LABELS_SIZE];

    family(out, "training_database_command_duration_seconds", "histogram",
           "Commands sent to MongoDB, and how long each took.");
    for (size_t i = 0; i < METER_COMMANDS; i++) {
        snprintf(labels, sizeof labels, "command=\"%s\"", meter_commands[i]);
        write_histogram(out, "training_database_command_duration_seconds", labels,
                        &sum->commands[i]);
    }
    family(out, "training_database_errors_total", "counter",
           "Operations that MongoDB did not carry out, by what that meant to the client.");
    for (size_t i = 0; i < METER_FAULTS; i++)
        line(out, "training_database_errors_total{kind=\"%s\"} %" PRIu64 "\n", faults[i],
             sum->faults[i]);
}

static void
write_workers(struct out *out, const struct meter_reading *reading)
{
    static const char *const reloads[METER_RELOADS] = {
        [METER_RELOAD_DONE] = "done",
        [METER_RELOAD_REFUSED] = "refused",
        [METER_RELOAD_UNDONE] = "undone",
    };
    char name[32];

    single(out, "training_workers", "gauge", "Workers that live.", reading->workers);
    single(out, "training_workers_busy", "gauge",
           "Those of them with a request in their hands; the one that writes this is among them.",
           reading->busy);
    single(out, "training_worker_starts_total", "counter", "Workers started.", reading->starts);
    family(out, "training_worker_ends_total", "counter",
           "Workers that ended. exit 0: asked to leave, or had served their number of requests.");
    for (size_t i = 0; i < METER_ENDS; i++)
        if (reading->ends[i] > 0)
            line(out, "training_worker_ends_total{how=\"%s\"} %" PRIu64 "\n",
                 meter_end_name(i, name), reading->ends[i]);
    family(out, "training_reloads_total", "counter",
           "HUPs. refused: bad settings; undone: no worker started with them.");
    for (size_t i = 0; i < METER_RELOADS; i++)
        line(out, "training_reloads_total{result=\"%s\"} %" PRIu64 "\n", reloads[i],
             reading->reloads[i]);
}

static void
write_build(struct out *out, const struct meter_reading *reading, int64_t now_ms)
{
    family(out, "training_build_info", "gauge", "Always 1; its labels are what runs.");
    line(out, "training_build_info{version=\"%s\"} 1\n", TRAINING_VERSION);
    family(out, "training_start_time_seconds", "gauge", "When the master started, since 1970.");
    line(out, "training_start_time_seconds %.3f\n", (double)reading->started_ms / 1000.0);
    family(out, "training_uptime_seconds", "gauge", "How long the master runs.");
    line(out, "training_uptime_seconds %.3f\n", (double)(now_ms - reading->started_ms) / 1000.0);
}

bool
route_prometheus_show(struct call *call, struct api_error *err)
{
    struct out *out = &call->reply->out;
    struct meter_reading reading;

    (void)err;
    meter_read(call->meter, &reading);
    call->reply->status = 200;
    call->reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    http_reply_no_store(call->reply);
    write_build(out, &reading, call->now_ms);
    write_workers(out, &reading);
    write_requests(out, &reading.sum);
    write_database(out, &reading.sum);
    return true;
}
