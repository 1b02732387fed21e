/*
 * bench_post.c - trainers that report through nginx: singly or in batches, by either family of
 * URLs. Called by tests/bench/run. Next: bench_insert.c, the same writes without us.
 *
 *   . DIR/run.env; export TRAINING_URL TRAINING_API_KEY
 *   bench_post own|shared|ranges CLIENTS SECONDS COUNT BATCH PREFIX v1|runs|both
 *
 * The runs PREFIX-0, PREFIX-1, … must be there. both: every second client speaks v1.
 */
#include "load.h"

#include "client.h"

#define EPISODE_TEXT_MAX 160

/* A request of which only the numbers change: always the same length. */
struct request {
    char *text;
    size_t size;
    char *numbers[LOAD_BATCH_MAX]; /* where they stand in text */
};

/* One episode; returns the place after it. */
static char *
write_episode(char *at, long number, char **number_at)
{
    const struct load_episode episode = load_episode(number);

    *number_at = at + strlen("{\"episode\":");
    return at + sprintf(at,
                        "{\"episode\":%ld,\"roi_pct\":%.4f,\"total_reward\":%.2f,\"steps\":%d,"
                        "\"win\":%s,\"epsilon\":%.17g}",
                        number, episode.roi_pct, episode.total_reward, episode.steps,
                        episode.win ? "true" : "false", episode.epsilon);
}

static void
write_path(const struct load_client *client, char *path, size_t size)
{
    const char *family = client->load->extra;
    const bool v1 = strcmp(family, "v1") == 0 || (family[0] == 'b' && client->index % 2 == 0);
    char name[64];

    load_run_name(client, name, sizeof name);
    if (v1)
        snprintf(path, size, "/api/v1/training/runs/%s/episodes%s", name,
                 client->load->batch > 1 ? "/batch" : "");
    else
        snprintf(path, size, "/api/training-runs/%s/episodes", name);
}

static void
write_request(const struct load_client *client, const struct client *http, struct request *request)
{
    const long batch = client->load->batch;
    char *body = malloc((size_t)batch * EPISODE_TEXT_MAX + 32), *at = body;
    char *numbers[LOAD_BATCH_MAX];
    char path[160];
    size_t head;

    write_path(client, path, sizeof path);
    if (batch > 1)
        at += sprintf(at, "{\"episodes\":[");
    for (long i = 0; i < batch; i++) {
        if (i > 0)
            *at++ = ',';
        at = write_episode(at, LOAD_NUMBER_FIRST + i, &numbers[i]);
    }
    if (batch > 1)
        at += sprintf(at, "]}");
    request->text = malloc(1024 + (size_t)(at - body));
    head = client_write_head(http, request->text, 1024, "POST", path, (size_t)(at - body));
    memcpy(request->text + head, body, (size_t)(at - body));
    request->size = head + (size_t)(at - body);
    for (long i = 0; i < batch; i++)
        request->numbers[i] = request->text + head + (numbers[i] - body);
    free(body);
}

static void
set_numbers(struct request *request, long first, long batch)
{
    for (long i = 0; i < batch; i++) {
        long number = first + i;

        for (int digit = LOAD_NUMBER_DIGITS; digit-- > 0; number /= 10)
            request->numbers[i][digit] = (char)('0' + number % 10);
    }
}

static bool
post_episodes(struct load_client *client)
{
    static struct request request;
    struct client *http = client_new();
    long first;

    write_request(client, http, &request);
    if (!client_connect(http))
        return false;
    load_await_start(client);
    while (load_next(client, &first)) {
        int status;

        set_numbers(&request, first, client->load->batch);
        status = client_ask(http, request.text, request.size);
        if (status != 200) {
            fprintf(stderr, "bench_post: client %d: status %d after %ld\n", client->index, status,
                    atomic_load(&client->load->board->done[client->index].count));
            return false;
        }
        load_done(client);
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct load load;

    if (!load_read_arguments(argc, argv, &load) || load.extra[0] == '\0') {
        fprintf(stderr, "usage: bench_post own|shared|ranges CLIENTS SECONDS COUNT BATCH PREFIX "
                        "v1|runs|both\n");
        return 2;
    }
    return load_run(&load, post_episodes);
}
