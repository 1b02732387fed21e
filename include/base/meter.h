/*
 * meter.h - what the service counts about itself, for GET /metrics: requests, database commands,
 * workers. It lives in memory that the master shares with its workers, so that counts outlive a
 * worker, however it ends, and a HUP.
 *
 * Every worker counts in a seat of its own, so that no two processors fight for a cache line; who
 * takes the seat after it counts on from there. A reader sums all seats. Nobody ever waits.
 */
#ifndef BASE_METER_H
#define BASE_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define METER_ROUTES_MAX 96 /* rows of the route table, and one for requests that found none */
#define METER_STATUSES 21   /* HTTP statuses told apart, and one for all others */
#define METER_COMMANDS 16   /* commands of the database told apart, and one for all others */
#define METER_BUCKETS 14    /* of a histogram, and one without an upper bound */
#define METER_ENDS 72       /* ways in which a worker ends */

typedef _Atomic uint64_t meter_count;

/* The upper bounds of the buckets, both included, in microseconds; ascending. */
extern const int64_t meter_bounds_us[METER_BUCKETS];

/* The statuses by their place in meter_route.statuses; 0: all others. */
extern const int meter_statuses[METER_STATUSES];

/* The commands by their place in meter_counts.commands; "other" is the last. */
extern const char *const meter_commands[METER_COMMANDS];

struct meter_histogram {
    meter_count buckets[METER_BUCKETS + 1]; /* each value is in one */
    meter_count sum_us;
};

struct meter_route {
    meter_count statuses[METER_STATUSES];
    struct meter_histogram time;
    meter_count bytes_in, bytes_out; /* of bodies */
};

/* Why the database did not do as asked. */
enum meter_fault { METER_UNAVAILABLE, METER_BUSY, METER_FULL, METER_INTERNAL, METER_FAULTS };

/* What one worker counts, and the sum of all. Counts only: meter_read adds it up word by word. */
struct meter_counts {
    struct meter_route routes[METER_ROUTES_MAX];
    struct meter_histogram commands[METER_COMMANDS];
    meter_count faults[METER_FAULTS];
    meter_count cut; /* answers that broke off */
};

enum meter_reload { METER_RELOAD_DONE, METER_RELOAD_REFUSED, METER_RELOAD_UNDONE, METER_RELOADS };

struct meter;      /* opaque: all of it */
struct meter_seat; /* opaque: one worker's */

/* What a reader gets. */
struct meter_reading {
    struct meter_counts sum;
    uint64_t workers, busy; /* that live now; those of them with a request in their hands */
    uint64_t starts;        /* of workers, since the master started */
    uint64_t ends[METER_ENDS];
    uint64_t reloads[METER_RELOADS];
    int64_t started_ms; /* when the master started, UTC */
};

/* Made once, by the master, before it forks. NULL when memory ran out. */
struct meter *meter_new(size_t seats);

/*
 * For the master: a seat for the worker about to be forked, and whose it became (pid 0: nobody's,
 * the fork failed). When all are taken, workers share one; only `busy` is then inexact.
 */
struct meter_seat *meter_seat_take(struct meter *meter);
void meter_seat_give(struct meter *meter, struct meter_seat *seat, pid_t pid);

/* For the master: this worker has ended, as waitpid says. Its seat is free; its counts stay. */
void meter_worker_ended(struct meter *meter, pid_t pid, int status);
void meter_reloaded(struct meter *meter, enum meter_reload how);

/* One answered request. */
struct meter_request {
    size_t route; /* row of the table; the row after the last: it found none */
    int status;
    int64_t us;
    uint64_t bytes_in, bytes_out;
    bool cut;
};

/* For a worker; a NULL seat counts nothing. */
void meter_busy(struct meter_seat *seat, bool busy);
void meter_request(struct meter_seat *seat, const struct meter_request *request);
void meter_command(struct meter_seat *seat, const char *command, int64_t us);
void meter_fault(struct meter_seat *seat, enum meter_fault fault);

/* The sum of all seats as they stand. meter NULL: all zero. */
void meter_read(const struct meter *meter, struct meter_reading *reading);

/* The name of an end, by its place in meter_reading.ends: "exit 1", "SIGKILL". Into text. */
const char *meter_end_name(size_t end, char text[32]);

#endif
