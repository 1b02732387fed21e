/*
 * load.h - what the writing benchmarks share: clients as processes that start together, write for
 * some seconds and are counted; which episode numbers they report; what an episode holds.
 * For bench_post.c and bench_insert.c, so that both sides of a ratio do the same.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define LOAD_CLIENTS_MAX 64
#define LOAD_BATCH_MAX 1000
/* All numbers have eight digits, so that a client can write them over a body that is there. */
#define LOAD_NUMBER_FIRST 10000000
#define LOAD_NUMBER_DIGITS 8
#define LOAD_RANGE 1000000 /* numbers from one client's first to the next one's, in "ranges" */

/*
 * Which run and which numbers a client writes.
 * own: its own run. shared: one run, the next number of all. ranges: one run, its own numbers.
 */
enum load_shape { LOAD_OWN, LOAD_SHARED, LOAD_RANGES };

struct load_counter {
    _Alignas(64) atomic_long count;
};

/* In memory that all processes share. */
struct load_board {
    struct load_counter done[LOAD_CLIENTS_MAX]; /* episodes, or requests of "mixed" */
    struct load_counter next;                   /* the shared counter of numbers */
    atomic_int ready;                           /* clients that are connected */
    atomic_int failed;                          /* clients that gave up */
    _Atomic int64_t stop_us;                    /* when to stop; 0: not started yet */
};

struct load {
    enum load_shape shape;
    int clients;
    double seconds;     /* for how long, unless count ends it earlier */
    long count;         /* per client: episodes to write; 0: as many as it can */
    long batch;         /* episodes a write */
    const char *prefix; /* the runs' names: PREFIX-0, PREFIX-1, … */
    const char *extra;  /* the program's own last argument, or "" */
    struct load_board *board;
};

/* One client's place in it; given to the program's client function. */
struct load_client {
    const struct load *load;
    int index;
    long left; /* of load.count */
    long next; /* number */
};

static inline int64_t
load_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* SHAPE CLIENTS SECONDS COUNT BATCH PREFIX [EXTRA]; false when they make no sense. */
static inline bool
load_read_arguments(int argc, char **argv, struct load *load)
{
    static const char *const shapes[] = {"own", "shared", "ranges"};

    if (argc < 7 || argc > 8)
        return false;
    *load = (struct load){.clients = atoi(argv[2]),
                          .seconds = strtod(argv[3], NULL),
                          .count = atol(argv[4]),
                          .batch = atol(argv[5]),
                          .prefix = argv[6],
                          .extra = argc == 8 ? argv[7] : ""};
    for (int i = 0; i < 3; i++)
        if (strcmp(argv[1], shapes[i]) == 0) {
            load->shape = (enum load_shape)i;
            return load->clients >= 1 && load->clients <= LOAD_CLIENTS_MAX && load->seconds > 0 &&
                   load->count >= 0 && load->batch >= 1 && load->batch <= LOAD_BATCH_MAX;
        }
    return false;
}

/* The name of the run that a client writes. */
static inline void
load_run_name(const struct load_client *client, char *name, size_t size)
{
    const int run = client->load->shape == LOAD_OWN ? client->index : 0;

    snprintf(name, size, "%s-%d", client->load->prefix, run);
}

/* A client is connected: wait until all are, and the clock runs. */
static inline void
load_await_start(struct load_client *client)
{
    struct load_board *board = client->load->board;

    client->left = client->load->count;
    client->next = LOAD_NUMBER_FIRST;
    if (client->load->shape == LOAD_RANGES)
        client->next += (long)client->index * LOAD_RANGE;
    atomic_fetch_add(&board->ready, 1);
    while (atomic_load(&board->stop_us) == 0)
        usleep(500);
}

/* Is there time for one more write? Its first number; its others follow. */
static inline bool
load_next(struct load_client *client, long *first)
{
    const struct load *load = client->load;

    if (load->count > 0 && client->left <= 0)
        return false;
    if (load_now_us() >= atomic_load_explicit(&load->board->stop_us, memory_order_relaxed))
        return false;
    client->left -= load->batch;
    if (load->shape == LOAD_SHARED) {
        *first = LOAD_NUMBER_FIRST + atomic_fetch_add(&load->board->next.count, load->batch);
    } else {
        *first = client->next;
        client->next += load->batch;
    }
    return true;
}

/* The write was acknowledged. */
static inline void
load_done(const struct load_client *client)
{
    atomic_fetch_add_explicit(&client->load->board->done[client->index].count, client->load->batch,
                              memory_order_relaxed);
}

/* What the episode with this number reports: the same on both sides. */
struct load_episode {
    double roi_pct, total_reward, epsilon;
    int steps;
    bool win;
};

static inline struct load_episode
load_episode(long number)
{
    const unsigned long mixed = ((unsigned long)number * 2654435761UL) >> 7;

    return (struct load_episode){.roi_pct = (double)(mixed % 400001) / 10000.0 - 20.0,
                                 .total_reward = (double)(mixed % 20011) / 100.0,
                                 .epsilon = (double)(mixed % 997) / 997.0, /* 17 digits */
                                 .steps = (int)(mixed % 900) + 100,
                                 .win = mixed % 3 == 0};
}

static inline long
load_total(const struct load *load)
{
    long total = 0;

    for (int i = 0; i < load->clients; i++)
        total += atomic_load(&load->board->done[i].count);
    return total;
}

/* To stderr: over and over the same line on a terminal, else a line every five seconds. */
static inline void
load_show_progress(const struct load *load, int64_t started_us, int64_t *shown_us)
{
    const bool terminal = isatty(STDERR_FILENO);
    const int64_t now_us = load_now_us();

    if (now_us - *shown_us < (terminal ? 250000 : 5000000))
        return;
    *shown_us = now_us;
    fprintf(stderr, terminal ? "\r    %5.1f s %9ld %s\033[K" : "    %.1f s %ld %s\n",
            (double)(now_us - started_us) / 1e6, load_total(load), "done");
}

static inline void
load_wait(const struct load *load, int64_t started_us)
{
    int64_t shown_us = started_us;

    for (int running = load->clients; running > 0;) {
        int status;
        const pid_t pid = waitpid(-1, &status, WNOHANG);

        if (pid > 0) {
            running--;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                atomic_fetch_add(&load->board->failed, 1);
            continue;
        }
        load_show_progress(load, started_us, &shown_us);
        usleep(2000);
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static inline double
load_seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/*
 * Fork the clients, let them write, and print one line of JSON:
 * {"episodes", "seconds", "failed" (clients), "client_cpu" (seconds of all clients)}.
 * client: connects, calls load_await_start, then writes while load_next; false when it gave up.
 * Returns the program's exit status.
 */
static inline int
load_run(struct load *load, bool (*client)(struct load_client *client))
{
    struct rusage used;
    int64_t started_us, ended_us;

    load->board =
        mmap(NULL, sizeof *load->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (load->board == MAP_FAILED)
        return 1;
    for (int i = 0; i < load->clients; i++) {
        struct load_client self = {.load = load, .index = i};
        const pid_t pid = fork();

        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            _exit(client(&self) ? 0 : 1);
        }
        if (pid == -1)
            return 1;
    }
    for (int tries = 0; tries < 10000 && atomic_load(&load->board->ready) < load->clients; tries++)
        usleep(1000);
    started_us = load_now_us();
    atomic_store(&load->board->stop_us, started_us + (int64_t)(load->seconds * 1e6));
    load_wait(load, started_us);
    ended_us = load_now_us();
    getrusage(RUSAGE_CHILDREN, &used);
    printf("{\"episodes\": %ld, \"seconds\": %.6f, \"failed\": %d, \"client_cpu\": %.6f}\n",
           load_total(load), (double)(ended_us - started_us) / 1e6,
           atomic_load(&load->board->failed),
           load_seconds_of(used.ru_utime) + load_seconds_of(used.ru_stime));
    return atomic_load(&load->board->failed) == 0 ? 0 : 1;
}

#endif
