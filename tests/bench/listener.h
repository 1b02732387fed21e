/*
 * listener.h - a client of the event gateway that costs little: a WebSocket
 * (RFC 6455) that speaks Engine.IO 4 and Socket.IO 5, hears of runs, counts,
 * and checks that each report comes once. When its connection ends it comes
 * back as socket.io-client does, and asks for what it has missed. For
 * bench_listen.c, which has thousands of them in one process.
 */
#ifndef BENCH_LISTENER_H
#define BENCH_LISTENER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LISTENER_RUNS_MAX 16
#define LISTENER_READ_SIZE (256 * 1024)
#define LISTENER_FRAME_MAX (64L * 1024 * 1024) /* a replay's event may be large */
#define LISTENER_BACK_MS 1000                  /* socket.io-client: reconnectionDelay, … */
#define LISTENER_BACK_MAX_MS 5000              /* …, reconnectionDelayMax, 50 % more or less */
#define LISTENER_SHAKE_MS 20000                /* socket.io-client: timeout */

enum listener_state {
    LISTENER_AWAY,    /* comes (back) at come_ms */
    LISTENER_SHAKING, /* asks for the WebSocket; then for the namespace; then for
                         its runs */
    LISTENER_OPEN
};

/* What all of them share. */
struct listening {
    union {
        struct sockaddr any;
        struct sockaddr_in inet;
        struct sockaddr_un local;
    } address;
    socklen_t address_size;
    int epoll;
    const char *key, *prefix; /* the runs are PREFIX-0, PREFIX-1, … */
    int runs;
    char buffer[LISTENER_READ_SIZE];
    /* Called with each report that came for the first time. */
    void (*heard)(struct listening *listening, int run, long number);
    int64_t now_us; /* when the bytes at hand were read */
    /* Counted. */
    long open, breaks, refused, frames, events, bytes, reports, twice, missing, resets;
};

struct listener {
    int fd;
    enum listener_state state;
    int tries, confirmed;
    int64_t come_ms; /* AWAY: when to try; SHAKING: when to give up */
    char *rest;      /* an incomplete frame, or head; owned */
    size_t rest_size;
    struct {
        long next;   /* number of the report that must come next */
        int64_t seq; /* of the newest event; 0: none yet */
    } runs[LISTENER_RUNS_MAX];
};

static inline int64_t
listener_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- coming and going ---- */

/* socket.io-client's back-off: doubled each time, up to a most, half as much
 * more or less. */
static inline void
listener_leave(struct listening *all, struct listener *one)
{
    int64_t wait_ms = LISTENER_BACK_MS;

    for (int i = 0; i < one->tries && wait_ms < LISTENER_BACK_MAX_MS; i++)
        wait_ms *= 2;
    wait_ms = wait_ms > LISTENER_BACK_MAX_MS ? LISTENER_BACK_MAX_MS : wait_ms;
    one->come_ms = listener_clock_us() / 1000 + wait_ms / 2 + random() % wait_ms;
    one->tries++;
    if (one->state == LISTENER_OPEN) {
        all->open--;
        all->breaks++;
    } else if (one->state == LISTENER_SHAKING) {
        all->refused++;
    }
    one->state = LISTENER_AWAY;
    one->confirmed = 0;
    close(one->fd);
    one->fd = -1;
    free(one->rest);
    one->rest = NULL;
    one->rest_size = 0;
}

/* A client's text frame, masked as it must be; small enough for a socket's
 * buffer. */
static inline bool
listener_say(const struct listener *one, const char *text)
{
    const size_t size = strlen(text);
    unsigned char frame[1024], mask[4];
    size_t at = 0;

    if (size > 1000 || getrandom(mask, sizeof mask, 0) != sizeof mask)
        return false;
    frame[at++] = 0x81;
    if (size < 126) {
        frame[at++] = (unsigned char)(0x80 | size);
    } else {
        frame[at++] = 0x80 | 126;
        frame[at++] = (unsigned char)(size >> 8);
        frame[at++] = (unsigned char)size;
    }
    memcpy(frame + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < size; i++)
        frame[at++] = (unsigned char)(text[i] ^ mask[i % 4]);
    return send(one->fd, frame, at, MSG_NOSIGNAL) == (ssize_t)at;
}

/* Ask for the WebSocket. The key and its answer are those that RFC 6455 shows
 * as an example. */
static inline void
listener_come(struct listening *all, struct listener *one)
{
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = one};
    char text[512];
    int size;

    one->state = LISTENER_SHAKING;
    one->come_ms = listener_clock_us() / 1000 + LISTENER_SHAKE_MS;
    one->fd = socket(all->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size = snprintf(text, sizeof text,
                    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: "
                    "127.0.0.1\r\n"
                    "X-API-Key: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                    all->key);
    if (one->fd == -1 || connect(one->fd, &all->address.any, all->address_size) != 0 ||
        send(one->fd, text, (size_t)size, MSG_NOSIGNAL) != size ||
        epoll_ctl(all->epoll, EPOLL_CTL_ADD, one->fd, &want) != 0)
        listener_leave(all, one);
}

/* ---- what it is told ---- */

static inline bool
listener_subscribe(const struct listening *all, const struct listener *one)
{
    for (int run = 0; run < all->runs; run++) {
        char text[256], after[40] = "";

        if (one->runs[run].seq > 0)
            snprintf(after, sizeof after, ",\"after\":%lld", (long long)one->runs[run].seq);
        snprintf(text, sizeof text, "42[\"subscribe_training\",{\"run_id\":\"%s-%d\"%s}]",
                 all->prefix, run, after);
        if (!listener_say(one, text))
            return false;
    }
    return true;
}

/* Which run a text that begins with its run_id is of; -1: of none of ours. */
static inline int
listener_run_of(const struct listening *all, const char *text)
{
    const size_t size = strlen(all->prefix);
    const char *at = strstr(text, "\"run_id\":\"");
    int run;

    if (at == NULL || strncmp(at += 10, all->prefix, size) != 0 || at[size] != '-')
        return -1;
    run = atoi(at + size + 1);
    return run >= 0 && run < all->runs ? run : -1;
}

static inline void
listener_take_report(struct listening *all, struct listener *one, int run, long number)
{
    long *next = &one->runs[run].next;

    if (number < *next) {
        all->twice++;
        return;
    }
    all->missing += number - *next;
    *next = number + 1;
    all->reports++;
    all->heard(all, run, number);
}

/* [{"episode":7,…},…] of an `episodes` event, and its seq. */
static inline void
listener_take_episodes(struct listening *all, struct listener *one, const char *text)
{
    const int run = listener_run_of(all, text);
    const char *at = strstr(text, "\"seq\":");

    if (run < 0 || at == NULL)
        return;
    one->runs[run].seq = atoll(at + 6);
    while ((at = strstr(at, "{\"episode\":")) != NULL)
        listener_take_report(all, one, run, atol(at += 11));
}

/* `run_updated`: its seq is its last member. */
static inline void
listener_take_header(const struct listening *all, struct listener *one, const char *text,
                     size_t size)
{
    const int run = listener_run_of(all, text);
    const char *at = memrchr(text, ':', size);

    if (run >= 0 && at != NULL && strncmp(at - 5, "\"seq\"", 5) == 0)
        one->runs[run].seq = atoll(at + 1);
}

static inline bool
listener_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* One Engine.IO packet, with a NUL behind it. False: the connection is over. */
static inline bool
listener_take_text(struct listening *all, struct listener *one, const char *text, size_t size)
{
    all->frames++;
    if (listener_begins(text, "42[\"episodes\"")) {
        all->events++;
        listener_take_episodes(all, one, text);
    } else if (listener_begins(text, "42[\"run_updated\"")) {
        all->events++;
        listener_take_header(all, one, text, size);
    } else if (listener_begins(text, "42[\"reset\"")) {
        all->resets++;
    } else if (listener_begins(text, "42[\"subscription_confirmed\"")) {
        if (++one->confirmed == all->runs) {
            one->state = LISTENER_OPEN;
            one->tries = 0;
            all->open++;
        }
    } else if (text[0] == '0') {
        return listener_say(one, "40");
    } else if (listener_begins(text, "40")) {
        return listener_subscribe(all, one);
    } else if (text[0] == '2') {
        return listener_say(one, "3");
    } else if (!listener_begins(text, "42")) {
        return false; /* a close packet, a refusal */
    }
    return true;
}

/* ---- bytes ---- */

/* The frames that are whole. How many bytes they are; -1: the connection is
 * over. */
static inline ssize_t
listener_take_frames(struct listening *all, struct listener *one, char *bytes, size_t size)
{
    size_t used = 0;

    while (size - used >= 2) {
        const unsigned char *head = (const unsigned char *)bytes + used;
        size_t length = head[1], head_size = length < 126 ? 2 : length == 126 ? 4 : 10;
        char *text, behind;
        bool good;

        if (head[0] != 0x81) /* a close frame; the gateway sends no other but whole texts */
            return -1;
        if (size - used < head_size)
            break;
        if (head_size > 2) {
            length = 0;
            for (size_t i = 2; i < head_size; i++)
                length = length << 8 | head[i];
        }
        if (length > LISTENER_FRAME_MAX)
            return -1;
        if (size - used - head_size < length)
            break;
        text = bytes + used + head_size;
        behind = text[length];
        text[length] = '\0'; /* there is room for one more byte */
        good = listener_take_text(all, one, text, length);
        text[length] = behind;
        if (!good)
            return -1;
        used += head_size + length;
    }
    return (ssize_t)used;
}

/* The answer to the request; then frames. As listener_take_frames. */
static inline ssize_t
listener_take_head(char *bytes, size_t size)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);

    if (end == NULL)
        return 0;
    if (!listener_begins(bytes, "HTTP/1.1 101 ") ||
        memmem(bytes, size, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28) == NULL)
        return -1;
    return end + 4 - bytes;
}

static inline bool
listener_keep(struct listener *one, const char *bytes, size_t size)
{
    char *rest = size == 0 ? NULL : malloc(size + 1);

    if (rest != NULL)
        memcpy(rest, bytes, size);
    free(one->rest);
    one->rest = rest;
    one->rest_size = size;
    return rest != NULL || size == 0;
}

static inline bool
listener_take_bytes(struct listening *all, struct listener *one, char *bytes, size_t size)
{
    ssize_t used = 0, taken;

    if (bytes[0] == 'H') { /* no frame begins so */
        used = listener_take_head(bytes, size);
        if (used <= 0)
            return used == 0 && listener_keep(one, bytes, size);
    }
    taken = listener_take_frames(all, one, bytes + used, size - (size_t)used);
    return taken >= 0 && listener_keep(one, bytes + used + taken, size - (size_t)(used + taken));
}

/* The socket has something. What was incomplete goes before it. */
static inline void
listener_read(struct listening *all, struct listener *one)
{
    char *bytes = all->buffer;
    size_t room = sizeof all->buffer - 1;
    ssize_t got;
    bool good;

    if (one->rest_size >= room / 2) { /* rare: an event larger than the buffer */
        room = one->rest_size + LISTENER_READ_SIZE;
        bytes = malloc(room + 1);
    }
    if (bytes == NULL)
        abort();
    memcpy(bytes, one->rest == NULL ? "" : one->rest, one->rest_size);
    got = recv(one->fd, bytes + one->rest_size, room - one->rest_size, MSG_DONTWAIT);
    all->now_us = listener_clock_us();
    if (got > 0)
        all->bytes += got;
    good = got > 0 ? listener_take_bytes(all, one, bytes, one->rest_size + (size_t)got)
                   : got == -1 && (errno == EAGAIN || errno == EINTR);
    if (bytes != all->buffer)
        free(bytes);
    if (!good)
        listener_leave(all, one);
}

#endif
