/*
 * bench_mixed.c - everyday traffic, for the workers' memory: mostly single reports; some batches,
 * curves, details, lists, new runs and mistakes. Called by tests/bench/run. Next: bench_post.c.
 *
 *   bench_mixed own CLIENTS SECONDS COUNT 1 PREFIX     COUNT requests a client
 */
#include "load.h"

#include "client.h"

#define REQUEST_MAX (64 * 1024)
#define BATCH 100
#define RUN_REQUESTS 1000 /* then the client opens its next run */

struct sender {
    struct client *http;
    char name[64]; /* its runs' names begin with it */
    char run[96];
    long index;   /* of the request */
    long episode; /* last number reported */
    char body[REQUEST_MAX], text[REQUEST_MAX + 1024];
};

static int
write_episode(char *at, long number)
{
    const struct load_episode episode = load_episode(number);

    return sprintf(at,
                   "{\"episode\":%ld,\"roi_pct\":%.4f,\"total_reward\":%.2f,\"steps\":%d,"
                   "\"win\":%s,\"metrics\":{\"loss/policy\":%.3f}}",
                   number, episode.roi_pct, episode.total_reward, episode.steps,
                   episode.win ? "true" : "false", episode.epsilon);
}

static bool
ask(struct sender *sender, const char *method, const char *path, size_t body_size, int expected)
{
    const size_t head =
        client_write_head(sender->http, sender->text, 1024, method, path, body_size);
    int status;

    memcpy(sender->text + head, sender->body, body_size);
    status = client_ask(sender->http, sender->text, head + body_size);
    if (status == expected)
        return true;
    fprintf(stderr, "bench_mixed: %s %s: status %d\n", method, path, status);
    return false;
}

static bool
report_one(struct sender *sender, long number)
{
    char path[160];

    snprintf(path, sizeof path,
             sender->index % 2 == 0 ? "/api/v1/training/runs/%s/episodes"
                                    : "/api/training-runs/%s/episodes",
             sender->run);
    return ask(sender, "POST", path, (size_t)write_episode(sender->body, number), 200);
}

static bool
report_batch(struct sender *sender)
{
    char path[160], *at = sender->body;

    at += sprintf(at, "{\"episodes\":[");
    for (long i = 0; i < BATCH; i++) {
        if (i > 0)
            *at++ = ',';
        at += write_episode(at, ++sender->episode);
    }
    at += sprintf(at, "]}");
    snprintf(path, sizeof path, "/api/v1/training/runs/%s/episodes/batch", sender->run);
    return ask(sender, "POST", path, (size_t)(at - sender->body), 200);
}

/* The client's next run, with a config of some size. */
static bool
open_run(struct sender *sender)
{
    int size;

    snprintf(sender->run, sizeof sender->run, "%s-%ld", sender->name, sender->index / RUN_REQUESTS);
    sender->episode = 0;
    size = sprintf(sender->body,
                   "{\"run_id\":\"%s\",\"config\":{\"notes\":\"%01000d\",\"layers\":[64,64]}}",
                   sender->run, 0);
    return ask(sender, "POST", "/api/v1/training/runs", (size_t)size, 201);
}

static bool
send_mistake(struct sender *sender)
{
    const int size = sprintf(sender->body, "{\"episode\":0,\"roi_pct\":\"much\"}");

    return ask(sender, "POST", "/api/training-runs/none/episodes", (size_t)size, 404);
}

/* Of 100 requests: 2 details, 2 curves, 3 lists, 1 batch, 1 mistake, 1 report that came before. */
static bool
send_next(struct sender *sender)
{
    static const struct {
        long place;
        const char *path; /* %s: the run */
    } reads[] = {
        {3, "/api/v1/training/runs/%s"},
        {23, "/api/training-runs/%s"},
        {33, "/api/v1/training/runs/%s/learning-curve"},
        {53, "/api/v1/training/runs/%s/learning-curve?metric=loss/policy&max_points=100"},
        {63, "/api/v1/training/runs?limit=20"},
        {73, "/api/training-runs?limit=5"},
        {83, "/api/training-runs?metrics=none&status=running"},
    };
    const long place = sender->index % 100;
    char path[160];

    if (sender->index % RUN_REQUESTS == 0)
        return open_run(sender);

    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        if (reads[i].place == place) {
            const char *rest = strstr(reads[i].path, "%s");
            const int stem =
                rest == NULL ? (int)strlen(reads[i].path) : (int)(rest - reads[i].path);

            snprintf(path, sizeof path, "%.*s%s%s", stem, reads[i].path,
                     rest == NULL ? "" : sender->run, rest == NULL ? "" : rest + 2);
            return ask(sender, "GET", path, 0, 200);
        }
    if (place == 13)
        return report_batch(sender);
    if (place == 93)
        return send_mistake(sender);
    return report_one(sender, place == 43 ? 1 : ++sender->episode);
}

static bool
send_requests(struct load_client *client)
{
    static struct sender sender;
    bool good = true;
    long number;

    sender.http = client_new();
    load_run_name(client, sender.name, sizeof sender.name);
    if (!client_connect(sender.http))
        return false;
    load_await_start(client);
    while (good && load_next(client, &number))
        if ((good = send_next(&sender))) {
            sender.index++;
            load_done(client);
        }
    return good;
}

int
main(int argc, char **argv)
{
    struct load load;

    if (!load_read_arguments(argc, argv, &load)) {
        fprintf(stderr, "usage: bench_mixed own CLIENTS SECONDS COUNT 1 PREFIX\n");
        return 2;
    }
    return load_run(&load, send_requests);
}
