/*
 * watch_print.c - prints every event of the runs named on standard input, one JSON object a line:
 * the gateway's feed (app/live) without its sockets. Used by tests/e2e/test_watch.py.
 *
 * Commands, one a line: "add ACCOUNT RUN_ID", "remove ACCOUNT RUN_ID",
 * "resume ACCOUNT RUN_ID AFTER_SEQ CLIENT", "state"; the end of input ends it.
 */
#include "live/live_queue.h"
#include "live/live_watch.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LINE_MAX_SIZE 512

static const char *const kinds[] = {
    [LIVE_RUN_UPDATED] = "run_updated",
    [LIVE_EPISODES] = "episodes",
    [LIVE_TRAINING] = "training",
    [LIVE_KEYS_CHANGED] = "keys_changed",
    [LIVE_RESET] = "reset",
    [LIVE_RESUMED] = "resumed",
};

static void
wake(void *context)
{
    const uint64_t one = 1;

    if (write(*(int *)context, &one, sizeof one) != sizeof one)
        abort();
}

static void
print_event(const struct live_event *event, const struct live_to *to)
{
    printf("{\"kind\":\"%s\",\"at_ms\":%" PRId64 ",\"client\":%zu,\"generation\":%" PRIu64
           ",\"account\":\"%s\",\"run_id\":\"%s\",\"name\":\"%s\",\"seq\":%" PRId64
           ",\"payload\":%s}\n",
           kinds[event->kind], clock_now_ms(), (size_t)to->client, to->generation, event->account,
           event->run_id, event->name == NULL ? "" : event->name, event->seq,
           event->json == NULL ? "null" : event->json);
}

/* A line for each that it is for. */
static void
print_lines(const struct live_event *event)
{
    const struct live_to everybody = {.client = NULL};

    if (event->to_count == 0)
        print_event(event, &everybody);
    for (size_t i = 0; i < event->to_count; i++)
        print_event(event, &event->to[i]);
}

static void
print_all(struct live_queue *queue)
{
    struct live_event *next, *event = live_queue_take_all(queue);

    for (; event != NULL; event = next) {
        next = event->next;
        print_lines(event);
        live_event_free(event);
    }
    fflush(stdout);
}

static void
print_state(void)
{
    struct live_watch_state state;

    live_watch_await(5000);
    live_watch_state(&state);
    printf("{\"kind\":\"state\",\"connected\":%s,\"seq\":%" PRId64 ",\"changes\":%" PRId64
           ",\"events\":%" PRId64 ",\"reconnects\":%" PRId64 ",\"resets\":%" PRId64 "}\n",
           state.connected ? "true" : "false", state.seq, state.changes, state.events,
           state.reconnects, state.resets);
    fflush(stdout);
}

static void
obey(const char *line)
{
    char account[LIVE_NAME_SIZE], run_id[LIVE_NAME_SIZE];
    int64_t after;
    size_t client;

    if (strncmp(line, "state", 5) == 0)
        print_state();
    else if (sscanf(line, "add %64s %64s", account, run_id) == 2)
        live_interest_add(account, run_id);
    else if (sscanf(line, "remove %64s %64s", account, run_id) == 2)
        live_interest_remove(account, run_id);
    else if (sscanf(line, "resume %64s %64s %" SCNd64 " %zu", account, run_id, &after, &client) ==
             4)
        if (!live_resume_request(account, run_id, after, (struct live_to){(void *)client, 7}))
            printf("{\"kind\":\"refused\"}\n");
}

/* False: the input has ended. */
static bool
read_commands(void)
{
    static char text[LINE_MAX_SIZE * 64];
    static size_t used;
    ssize_t got = read(STDIN_FILENO, text + used, sizeof text - 1 - used);
    char *line = text, *end;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    used += (size_t)got;
    text[used] = '\0';
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        obey(line);
        line = end + 1;
    }
    used -= (size_t)(line - text);
    memmove(text, line, used);
    return true;
}

static void
loop(struct live_queue *queue, int woken)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = woken, .events = POLLIN}};
    uint64_t count;

    for (bool open = true; open;) {
        if (poll(fds, 2, -1) == -1)
            continue;
        if (fds[1].revents != 0 && read(woken, &count, sizeof count) == sizeof count)
            print_all(queue);
        if (fds[0].revents != 0)
            open = read_commands();
    }
}

int
main(void)
{
    const struct store_settings settings = {
        .uri = getenv("MONGODB_URI"),
        .database = getenv("MONGODB_DB_NAME"),
        .connect_timeout_ms = 500,
        .socket_timeout_ms = 1500,
    };
    int woken = eventfd(0, EFD_CLOEXEC);
    struct live_queue *queue = live_queue_new(1024 * 1024, 1000, wake, &woken);

    store_global_init();
    if (woken == -1 || queue == NULL || settings.uri == NULL || settings.database == NULL ||
        !live_watch_start(&settings, queue))
        return 1;
    live_watch_enter();
    loop(queue, woken);
    live_watch_stop();
    live_queue_free(queue);
    store_global_clear();
    close(woken);
    return 0;
}
