/*
 * client.h - a client that costs little: HTTP/1.1 on a kept connection, requests that were written
 * before, answers that are read and dropped. For bench_post.c, bench_mixed.c and bench_get.c.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_BUFFER_SIZE (256 * 1024)
#define CLIENT_LINE_MAX 1024

struct client {
    int fd;   /* -1: not connected */
    int port; /* on 127.0.0.1, from TRAINING_URL */
    const char *key;
    size_t at, end;  /* what of the buffer is still to be read */
    long body_bytes; /* of the last answer */
    char buffer[CLIENT_BUFFER_SIZE];
};

/* TRAINING_URL and TRAINING_API_KEY, as app/up wrote them into run.env. */
static inline struct client *
client_new(void)
{
    const char *url = getenv("TRAINING_URL"), *key = getenv("TRAINING_API_KEY");
    const char *port = url == NULL ? NULL : strrchr(url, ':');
    struct client *client = calloc(1, sizeof *client);

    if (port == NULL || key == NULL || client == NULL) {
        fprintf(stderr, "TRAINING_URL and TRAINING_API_KEY are needed: source run.env\n");
        exit(2);
    }
    client->fd = -1;
    client->port = atoi(port + 1);
    client->key = key;
    return client;
}

static inline bool
client_connect(struct client *client)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)client->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;

    client->at = client->end = 0;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd == -1)
        return false;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(client->fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0)
        return true;
    close(client->fd);
    client->fd = -1;
    return false;
}

/* A request whose body of body_size bytes is to follow. Returns its size. */
static inline size_t
client_write_head(const struct client *client, char *text, size_t size, const char *method,
                  const char *path, size_t body_size)
{
    int used = snprintf(text, size,
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-API-Key: %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        method, path, client->port, client->key, body_size);

    return used < 0 || (size_t)used >= size ? 0 : (size_t)used;
}

static inline bool
client_fill(struct client *client)
{
    const ssize_t got = read(client->fd, client->buffer, sizeof client->buffer);

    client->at = 0;
    client->end = got > 0 ? (size_t)got : 0;
    return got > 0;
}

static inline bool
client_read_line(struct client *client, char line[CLIENT_LINE_MAX])
{
    size_t used = 0;

    for (;;) {
        char c;

        if (client->at == client->end && !client_fill(client))
            return false;
        c = client->buffer[client->at++];
        if (c == '\n')
            break;
        if (c != '\r' && used < CLIENT_LINE_MAX - 1)
            line[used++] = c;
    }
    line[used] = '\0';
    return true;
}

static inline bool
client_skip(struct client *client, size_t size)
{
    while (size > 0) {
        size_t piece;

        if (client->at == client->end && !client_fill(client))
            return false;
        piece = client->end - client->at;
        if (piece > size)
            piece = size;
        client->at += piece;
        size -= piece;
    }
    return true;
}

static inline bool
client_skip_chunks(struct client *client)
{
    char line[CLIENT_LINE_MAX];
    size_t size;

    do {
        if (!client_read_line(client, line))
            return false;
        size = strtoul(line, NULL, 16);
        client->body_bytes += (long)size;
        if (!client_skip(client, size) || !client_read_line(client, line))
            return false;
    } while (size > 0);
    return true;
}

/* Read an answer to its end. Its status, or 0 when the connection broke. */
static inline int
client_read_answer(struct client *client)
{
    char line[CLIENT_LINE_MAX];
    bool chunked = false, last = false, good;
    size_t size = 0;
    int status;

    client->body_bytes = 0;
    if (!client_read_line(client, line) || strlen(line) < 12)
        return 0;
    status = atoi(line + 9);
    while ((good = client_read_line(client, line)) && line[0] != '\0') {
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            size = strtoul(line + 15, NULL, 10);
        else if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0)
            chunked = true;
        else if (strncasecmp(line, "Connection: close", 17) == 0)
            last = true;
    }
    if (!chunked)
        client->body_bytes = (long)size;
    good = good && (chunked ? client_skip_chunks(client) : client_skip(client, size));
    if (last) { /* nginx: keepalive_requests */
        close(client->fd);
        client->fd = -1;
    }
    return good ? status : 0;
}

/* Send a whole request and read its answer. Its status, or 0. */
static inline int
client_ask(struct client *client, const char *request, size_t size)
{
    if (client->fd == -1 && !client_connect(client))
        return 0;
    while (size > 0) {
        const ssize_t sent = send(client->fd, request, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return 0;
        request += sent;
        size -= (size_t)sent;
    }
    return client_read_answer(client);
}

#endif
