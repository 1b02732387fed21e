/*
 * meter.c - counts in memory that master and workers share. Called by api/master.c, api/worker.c,
 * store/store_meter.c. Next: routes/route_prometheus.c (what reads it).
 */
#include "base/meter.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NOBODY 0
#define EXPECTED (-1) /* a seat whose worker is being forked */
#define END_OTHER 7   /* exit statuses above 6; behind it the signals, by their numbers */

const int64_t meter_bounds_us[METER_BUCKETS] = {500,     1000,    2500,    5000,    10000,
                                                25000,   50000,   100000,  250000,  500000,
                                                1000000, 2000000, 5000000, 10000000};

const int meter_statuses[METER_STATUSES] = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406,
                                            409, 412, 413, 415, 422, 429, 500, 503, 507, 0};

const char *const meter_commands[METER_COMMANDS] = {"find",
                                                    "getMore",
                                                    "aggregate",
                                                    "count",
                                                    "distinct",
                                                    "insert",
                                                    "update",
                                                    "delete",
                                                    "findAndModify",
                                                    "commitTransaction",
                                                    "abortTransaction",
                                                    "hello",
                                                    "killSessions",
                                                    "killCursors",
                                                    "endSessions",
                                                    "other"};

/* A worker's place, from one cache line to another. */
struct meter_seat {
    _Atomic pid_t pid;
    _Atomic bool busy;
    struct meter_counts counts;
} __attribute__((aligned(64)));

struct meter {
    int64_t started_ms;
    size_t seat_count;
    _Atomic size_t seats_used; /* those beyond were never taken */
    meter_count starts;
    meter_count ends[METER_ENDS];
    meter_count reloads[METER_RELOADS];
    struct meter_seat seats[];
};

static void
count(meter_count *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* Pages that nobody has counted in take no memory. */
struct meter *
meter_new(size_t seats)
{
    const size_t size = sizeof(struct meter) + seats * sizeof(struct meter_seat);
    struct meter *meter =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (meter == MAP_FAILED)
        return NULL;
    meter->started_ms = clock_now_ms();
    meter->seat_count = seats;
    return meter;
}

struct meter_seat *
meter_seat_take(struct meter *meter)
{
    size_t place = 0;

    if (meter == NULL)
        return NULL;
    while (place < meter->seat_count - 1 && meter->seats[place].pid != NOBODY)
        place++;
    if (place >= meter->seats_used)
        meter->seats_used = place + 1;
    meter->seats[place].pid = EXPECTED;
    return &meter->seats[place];
}

void
meter_seat_give(struct meter *meter, struct meter_seat *seat, pid_t pid)
{
    if (seat == NULL)
        return;
    seat->pid = pid;
    if (pid != NOBODY)
        count(&meter->starts, 1);
}

static size_t
end_of(int status)
{
    if (WIFSIGNALED(status))
        return END_OTHER + (size_t)WTERMSIG(status);
    return WEXITSTATUS(status) < END_OTHER ? (size_t)WEXITSTATUS(status) : END_OTHER;
}

void
meter_worker_ended(struct meter *meter, pid_t pid, int status)
{
    const size_t end = end_of(status);

    if (meter == NULL)
        return;
    count(&meter->ends[end < METER_ENDS ? end : END_OTHER], 1);
    for (size_t i = 0; i < meter->seats_used; i++) {
        struct meter_seat *seat = &meter->seats[i];

        if (seat->pid != pid)
            continue;
        seat->busy = false; /* it may have died in the middle of a request */
        seat->pid = NOBODY;
    }
}

const char *
meter_end_name(size_t end, char text[32])
{
    const char *signal_name = end > END_OTHER ? sigabbrev_np((int)(end - END_OTHER)) : NULL;

    if (signal_name != NULL)
        snprintf(text, 32, "SIG%s", signal_name);
    else if (end > END_OTHER)
        snprintf(text, 32, "signal %zu", end - END_OTHER);
    else if (end == END_OTHER)
        snprintf(text, 32, "exit other");
    else
        snprintf(text, 32, "exit %zu", end);
    return text;
}

void
meter_reloaded(struct meter *meter, enum meter_reload how)
{
    if (meter != NULL)
        count(&meter->reloads[how], 1);
}

void
meter_busy(struct meter_seat *seat, bool busy)
{
    if (seat != NULL)
        atomic_store_explicit(&seat->busy, busy, memory_order_relaxed);
}

static void
count_time(struct meter_histogram *histogram, int64_t us)
{
    size_t bucket = 0;

    if (us < 0)
        us = 0;
    while (bucket < METER_BUCKETS && us > meter_bounds_us[bucket])
        bucket++;
    count(&histogram->buckets[bucket], 1);
    count(&histogram->sum_us, (uint64_t)us);
}

void
meter_request(struct meter_seat *seat, const struct meter_request *request)
{
    struct meter_route *route;
    size_t status = 0;

    if (seat == NULL)
        return;
    route = &seat->counts.routes[request->route];
    while (status < METER_STATUSES - 1 && meter_statuses[status] != request->status)
        status++;
    count(&route->statuses[status], 1);
    count_time(&route->time, request->us);
    count(&route->bytes_in, request->bytes_in);
    count(&route->bytes_out, request->bytes_out);
    if (request->cut)
        count(&seat->counts.cut, 1);
}

void
meter_command(struct meter_seat *seat, const char *command, int64_t us)
{
    size_t place = 0;

    if (seat == NULL)
        return;
    while (place < METER_COMMANDS - 1 && strcmp(meter_commands[place], command) != 0)
        place++;
    count_time(&seat->counts.commands[place], us);
}

void
meter_fault(struct meter_seat *seat, enum meter_fault fault)
{
    if (seat != NULL)
        count(&seat->counts.faults[fault], 1);
}

/* Both are nothing but counts, so they are added word by word. */
static void
add_counts(struct meter_counts *sum, const struct meter_counts *counts)
{
    const meter_count *from = (const meter_count *)counts;
    meter_count *to = (meter_count *)sum;

    _Static_assert(sizeof(struct meter_counts) % sizeof(meter_count) == 0, "counts only");
    for (size_t i = 0; i < sizeof *counts / sizeof *from; i++) {
        const uint64_t more = atomic_load_explicit(&from[i], memory_order_relaxed);

        if (more != 0)
            count(&to[i], more);
    }
}

void
meter_read(const struct meter *meter, struct meter_reading *reading)
{
    memset(reading, 0, sizeof *reading);
    if (meter == NULL)
        return;
    for (size_t i = 0; i < meter->seats_used; i++) {
        const struct meter_seat *seat = &meter->seats[i];

        add_counts(&reading->sum, &seat->counts);
        reading->workers += seat->pid > 0;
        reading->busy += seat->busy;
    }
    reading->starts = meter->starts;
    for (size_t i = 0; i < METER_ENDS; i++)
        reading->ends[i] = meter->ends[i];
    for (size_t i = 0; i < METER_RELOADS; i++)
        reading->reloads[i] = meter->reloads[i];
    reading->started_ms = meter->started_ms;
}
