/*
 * bench_get.c - how long one answer takes, from the request's first byte to the answer's last.
 * Called by tests/bench/run. Next: bench_cursor.c, which it is measured against.
 *
 *   bench_get PATH TIMES      with TRAINING_URL and TRAINING_API_KEY; a line of JSON each time
 */
#include "client.h"

#include <time.h>

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    struct client *client;
    char request[1024];
    size_t size;

    if (argc != 3) {
        fprintf(stderr, "usage: bench_get PATH TIMES\n");
        return 2;
    }
    client = client_new();
    size = client_write_head(client, request, sizeof request, "GET", argv[1], 0);
    for (int i = 0; i < atoi(argv[2]); i++) {
        const double started = now();
        const int status = client_ask(client, request, size);

        printf("{\"seconds\": %.6f, \"bytes\": %ld, \"status\": %d}\n", now() - started,
               client->body_bytes, status);
        fflush(stdout);
        if (status != 200)
            return 1;
    }
    return 0;
}
