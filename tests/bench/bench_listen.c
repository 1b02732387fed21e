/*
 * bench_listen.c - thousands of clients of the event gateway in one process,
 * and trainers whose reports they hear of. Called by tests/bench/run
 * (bench_live.py). Next: listener.h.
 *
 *   bench_listen nginx|SOCKET CLIENTS PREFIX RUNS    with TRAINING_URL and
 * TRAINING_API_KEY
 *
 * Each client listens to all of the runs PREFIX-0, PREFIX-1, …, which must be
 * there. A line of JSON when all are connected; then commands on stdin, each
 * answered by such a line (print_result has its members); between them it goes
 * on reading:
 *
 *   post RATE SECONDS    so many reports a second, singly, each run from a
 * trainer of its own; ends when every client has heard all that was
 * acknowledged
 */
#include "client.h"
#include "listener.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define AT_ONCE 64        /* clients that come at the same time, at first */
#define NUMBERS_MAX 65536 /* reports of a run */
#define PATIENCE_S 15     /* so long may nothing come, before the rest counts as lost */
#define DELAY_MAX 200000  /* tens of microseconds */

/* In memory that the trainers share. */
struct board {
    atomic_long posted[LISTENER_RUNS_MAX]; /* the last number that was acknowledged */
    _Atomic int64_t sent_us[LISTENER_RUNS_MAX][NUMBERS_MAX];
    atomic_uint answers[DELAY_MAX]; /* how long POSTs took, how often; as delays */
};

static struct listening all;
static struct listener *listeners;
static int listener_count;
static struct board *board;
static atomic_uint delays[DELAY_MAX]; /* from a POST's begin to a client's event, how often */

static void
count_delay(atomic_uint *counts, int64_t us)
{
    const int64_t at = us / 10;

    counts[at < 0 ? 0 : at < DELAY_MAX ? at : DELAY_MAX - 1]++;
}

static void
heard(struct listening *listening, int run, long number)
{
    count_delay(delays, listening->now_us - board->sent_us[run][number % NUMBERS_MAX]);
}

/* ---- trainers ---- */

static int64_t
sleep_until(int64_t at_us)
{
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    return listener_clock_us();
}

/* One run's trainer: never more than rate reports a second; one that it could
 * not make in time it leaves out, as one whose episodes take longer would. */
static void
train(int run, double rate, double seconds)
{
    const int64_t step_us = (int64_t)(1e6 / rate), began_us = listener_clock_us();
    int64_t at_us = began_us + random() % step_us;
    struct client *client = client_new();
    char path[128], body[256], request[1024];

    snprintf(path, sizeof path, "/api/training-runs/%s-%d/episodes", all.prefix, run);
    while (at_us < began_us + (int64_t)(seconds * 1e6)) {
        const int64_t now_us = sleep_until(at_us);
        const long number = board->posted[run] + 1;
        const int size = snprintf(body, sizeof body,
                                  "{\"episode\":%ld,\"total_reward\":%.2f,\"steps\":%ld,\"win\":%s,"
                                  "\"roi_pct\":%.4f,\"epsilon\":0.05}",
                                  number, (double)(number % 200), 100 + number % 900,
                                  number % 3 == 0 ? "true" : "false", (double)(number % 777) / 7);
        const size_t head =
            client_write_head(client, request, sizeof request, "POST", path, (size_t)size);

        memcpy(request + head, body, (size_t)size);
        board->sent_us[run][number % NUMBERS_MAX] = now_us;
        if (client_ask(client, request, head + (size_t)size) != 200)
            _exit(1);
        count_delay(board->answers, listener_clock_us() - now_us);
        board->posted[run] = number;
        at_us += step_us;
        if (at_us < listener_clock_us() - step_us)
            at_us = listener_clock_us();
    }
    _exit(0);
}

/* ---- figures ---- */

static double
delay_ms(const atomic_uint *counts, double share)
{
    unsigned long total = 0, sum = 0;
    int at = 0;

    for (int i = 0; i < DELAY_MAX; i++)
        total += counts[i];
    while (at < DELAY_MAX - 1 && (double)(sum += counts[at]) < share * (double)total)
        at++;
    return at / 100.0;
}

static double
cpu_s(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Clients that lack something that was acknowledged. */
static int
behind(void)
{
    int count = 0;

    for (int i = 0; i < listener_count; i++)
        for (int run = 0; run < all.runs; run++)
            if (listeners[i].runs[run].next <= board->posted[run]) {
                count++;
                break;
            }
    return count;
}

static long
posted(void)
{
    long total = 0;

    for (int run = 0; run < all.runs; run++)
        total += board->posted[run];
    return total;
}

/* What happened since `began`, a copy of `all` as it was then. */
static void
print_result(const struct listening *began, int64_t began_us, int64_t last_us, double cpu,
             long posts, int64_t away_us)
{
    printf("{\"open\": %ld, \"posts\": %ld, \"frames\": %ld, \"events\": %ld, "
           "\"reports\": %ld, "
           "\"bytes\": %ld, \"seconds\": %.3f, \"cpu\": %.3f, \"behind\": %d, "
           "\"missing\": %ld, "
           "\"twice\": %ld, \"resets\": %ld, \"breaks\": %ld, \"refused\": %ld, "
           "\"away\": %.3f, "
           "\"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f, \"answer_p95\": %.2f}\n",
           all.open, posts, all.frames - began->frames, all.events - began->events,
           all.reports - began->reports, all.bytes - began->bytes,
           (double)(last_us - began_us) / 1e6, cpu_s() - cpu, behind(),
           all.missing - began->missing, all.twice - began->twice, all.resets - began->resets,
           all.breaks - began->breaks, all.refused - began->refused, (double)away_us / 1e6,
           delay_ms(delays, 0.5), delay_ms(delays, 0.95), delay_ms(delays, 0.99),
           delay_ms(board->answers, 0.95));
    fflush(stdout);
}

/* ---- the loop ---- */

/* Those whose time has come, and those that wait for an answer for too long. */
static void
tend(int at_once)
{
    const int64_t now_ms = listener_clock_us() / 1000;
    int shaking = 0;

    for (int i = 0; i < listener_count; i++) {
        if (listeners[i].state == LISTENER_SHAKING && now_ms > listeners[i].come_ms)
            listener_leave(&all, &listeners[i]);
        shaking += listeners[i].state == LISTENER_SHAKING;
    }
    for (int i = 0; i < listener_count && shaking < at_once; i++)
        if (listeners[i].state == LISTENER_AWAY && now_ms >= listeners[i].come_ms) {
            listener_come(&all, &listeners[i]);
            shaking++;
        }
}

/* Read what there is; at most so long. */
static void
serve(int timeout_ms, int at_once)
{
    struct epoll_event events[256];
    const int count = epoll_wait(all.epoll, events, 256, timeout_ms);

    for (int i = 0; i < count; i++)
        listener_read(&all, events[i].data.ptr);
    if (all.open < listener_count)
        tend(at_once);
}

static void
connect_all(void)
{
    const int64_t began_us = listener_clock_us();

    while (all.open < listener_count && listener_clock_us() < began_us + 300000000)
        serve(2, AT_ONCE);
    printf("{\"open\": %ld, \"refused\": %ld, \"seconds\": %.3f}\n", all.open, all.refused,
           (double)(listener_clock_us() - began_us) / 1e6);
    fflush(stdout);
    if (all.open < listener_count)
        exit(1);
}

static int
reap(void)
{
    int ended = 0, status;

    while (waitpid(-1, &status, WNOHANG) > 0) {
        ended++;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fprintf(stderr, "bench_listen: a trainer gave up\n");
    }
    return ended;
}

static void
post(double rate, double seconds)
{
    static struct listening began;
    const int64_t began_us = listener_clock_us();
    const double cpu = cpu_s();
    const long posted_before = posted();
    int64_t last_us = began_us, away_from_us = 0, away_us = 0;
    int running = all.runs;

    began = all;
    memset(delays, 0, sizeof delays);
    memset(board->answers, 0, sizeof board->answers);
    for (int run = 0; run < all.runs; run++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close_range(3, ~0U, 0); /* or a client's connection would not end with the client */
            srandom((unsigned)run);
            train(run, rate / all.runs, seconds);
        }
    for (;;) {
        const long frames = all.frames;
        int64_t now_us;

        serve(20, INT32_MAX);
        now_us = listener_clock_us();
        if (all.frames > frames)
            last_us = now_us;
        if (all.open < listener_count && away_from_us == 0)
            away_from_us = now_us;
        if (all.open == listener_count && away_from_us != 0) {
            away_us += now_us - away_from_us;
            away_from_us = 0;
        }
        running -= reap();
        if (running == 0 && ((all.frames == frames && away_from_us == 0 && behind() == 0) ||
                             now_us > last_us + PATIENCE_S * 1000000L))
            break;
    }
    print_result(&began, began_us, last_us, cpu, posted() - posted_before, away_us);
}

/* Reads while it waits for a command. False: there are no more. */
static bool
next_command(char *line, int size)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    while (poll(&input, 1, 0) == 0)
        serve(20, INT32_MAX);
    return fgets(line, size, stdin) != NULL;
}

static bool
read_target(const char *target)
{
    const char *url = getenv("TRAINING_URL"), *port = url == NULL ? NULL : strrchr(url, ':');

    all.key = getenv("TRAINING_API_KEY");
    if (port == NULL || all.key == NULL)
        return false;
    if (strcmp(target, "nginx") == 0) {
        all.address.inet = (struct sockaddr_in){.sin_family = AF_INET,
                                                .sin_port = htons((uint16_t)atoi(port + 1)),
                                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        all.address_size = sizeof all.address.inet;
        return true;
    }
    all.address.local.sun_family = AF_UNIX;
    all.address_size = sizeof all.address.local;
    return snprintf(all.address.local.sun_path, sizeof all.address.local.sun_path, "%s", target) <
           (int)sizeof all.address.local.sun_path;
}

int
main(int argc, char **argv)
{
    char line[128];
    double rate, seconds;

    if (argc != 5 || !read_target(argv[1]) || (listener_count = atoi(argv[2])) < 1 ||
        (all.runs = atoi(argv[4])) < 1 || all.runs > LISTENER_RUNS_MAX) {
        fprintf(stderr, "usage: bench_listen nginx|SOCKET CLIENTS PREFIX RUNS, and run.env\n");
        return 2;
    }
    all.prefix = argv[3];
    all.heard = heard;
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    listeners = calloc((size_t)listener_count, sizeof *listeners);
    if (board == MAP_FAILED || listeners == NULL || all.epoll == -1)
        return 1;
    for (int i = 0; i < listener_count; i++) {
        listeners[i].fd = -1;
        for (int run = 0; run < all.runs; run++)
            listeners[i].runs[run].next = 1;
    }
    connect_all();
    while (next_command(line, sizeof line)) {
        if (sscanf(line, "post %lf %lf", &rate, &seconds) == 2)
            post(rate, seconds);
    }
    return 0;
}
