/*
 * bench_insert.c - the plain libmongoc loop that the API is measured against: per episode an
 * insert and a findAndModify that counts it, or insertMany alone for batches; each waits for
 * w:majority j:true. Called by tests/bench/run. Next: bench_post.c, the same through nginx.
 *
 *   MONGODB_URI=… bench_insert own|shared|ranges CLIENTS SECONDS COUNT BATCH PREFIX
 */
#include "load.h"

#include <mongoc/mongoc.h>

#define DATABASE "bench"

struct place {
    mongoc_client_t *client;
    mongoc_collection_t *episodes, *runs;
    bson_oid_t run;
};

/* A run's ObjectId: its name's hash, so that all clients of one run know it. */
static void
name_run(const struct load_client *client, bson_oid_t *run)
{
    char name[64];
    uint64_t hash = UINT64_C(14695981039346656037);

    load_run_name(client, name, sizeof name);
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    memset(run->bytes, 1, sizeof run->bytes);
    memcpy(run->bytes, &hash, sizeof hash);
}

static bool
fail(const char *doing, const bson_error_t *cause)
{
    fprintf(stderr, "bench_insert: %s: %s\n", doing, cause->message);
    return false;
}

/* The run's header, as it would be when its run was opened. */
static bool
open_run(struct place *place)
{
    bson_t *query = BCON_NEW("_id", BCON_OID(&place->run));
    bson_t *update =
        BCON_NEW("$setOnInsert", "{", "account", "local", "status", "running", "agent_id", "bench",
                 "algorithm", "bench", "episodes", BCON_INT64(0), "revision", BCON_INT64(0), "}");
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
    bson_error_t cause;
    const bool good =
        mongoc_collection_update_one(place->runs, query, update, opts, NULL, &cause) ||
        cause.code == 11000 || fail("open_run", &cause);

    bson_destroy(query);
    bson_destroy(update);
    bson_destroy(opts);
    return good;
}

/* The driver's retries cost it an eighth to a quarter with 8 writers: the plain loop has none. */
static bool
connect_place(const struct load_client *client, struct place *place)
{
    const char *address = getenv("MONGODB_URI");
    mongoc_uri_t *uri = mongoc_uri_new(address == NULL ? "mongodb://127.0.0.1:27017" : address);
    mongoc_write_concern_t *durable = mongoc_write_concern_new();

    if (uri == NULL)
        return false;
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
    mongoc_write_concern_set_w(durable, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_write_concern_set_journal(durable, true);
    place->client = mongoc_client_new_from_uri(uri);
    mongoc_uri_destroy(uri);
    if (place->client == NULL)
        return false;
    mongoc_client_set_write_concern(place->client, durable);
    mongoc_write_concern_destroy(durable);
    place->episodes = mongoc_client_get_collection(place->client, DATABASE, "episodes");
    place->runs = mongoc_client_get_collection(place->client, DATABASE, "runs");
    name_run(client, &place->run);
    return open_run(place);
}

/* {_id: {run, n}, created_at, metrics: {…}}, as the program stores it. */
static void
append_episode(bson_t *doc, const bson_oid_t *run, long number, int64_t now_ms)
{
    const struct load_episode episode = load_episode(number);
    bson_t part;

    BSON_APPEND_DOCUMENT_BEGIN(doc, "_id", &part);
    BSON_APPEND_OID(&part, "run", run);
    BSON_APPEND_INT32(&part, "n", (int32_t)number);
    bson_append_document_end(doc, &part);
    BSON_APPEND_DATE_TIME(doc, "created_at", now_ms);
    BSON_APPEND_DOCUMENT_BEGIN(doc, "metrics", &part);
    BSON_APPEND_DOUBLE(&part, "roi_pct", episode.roi_pct);
    BSON_APPEND_DOUBLE(&part, "total_reward", episode.total_reward);
    BSON_APPEND_INT32(&part, "steps", episode.steps);
    BSON_APPEND_BOOL(&part, "win", episode.win);
    BSON_APPEND_DOUBLE(&part, "epsilon", episode.epsilon);
    bson_append_document_end(doc, &part);
}

static int64_t
now_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* findings.md, 1: insert the episode, then $inc in the header, which comes back. */
static bool
two_writes(struct place *place, mongoc_find_and_modify_opts_t *count, long number)
{
    bson_t doc = BSON_INITIALIZER, query = BSON_INITIALIZER, reply;
    bson_error_t cause;
    bool good;

    append_episode(&doc, &place->run, number, now_ms());
    good = mongoc_collection_insert_one(place->episodes, &doc, NULL, NULL, &cause) ||
           fail("insert", &cause);
    bson_destroy(&doc);
    if (!good)
        return false;
    BSON_APPEND_OID(&query, "_id", &place->run);
    good =
        mongoc_collection_find_and_modify_with_opts(place->runs, &query, count, &reply, &cause) ||
        fail("findAndModify", &cause);
    bson_destroy(&query);
    bson_destroy(&reply);
    return good;
}

static bool
write_singles(struct load_client *client, struct place *place)
{
    mongoc_find_and_modify_opts_t *count = mongoc_find_and_modify_opts_new();
    bson_t *update =
        BCON_NEW("$inc", "{", "episodes", BCON_INT64(1), "revision", BCON_INT64(1), "}");
    bool good = true;
    long number;

    mongoc_find_and_modify_opts_set_update(count, update);
    mongoc_find_and_modify_opts_set_flags(count, MONGOC_FIND_AND_MODIFY_RETURN_NEW);
    load_await_start(client);
    while (good && load_next(client, &number))
        if ((good = two_writes(place, count, number)))
            load_done(client);
    mongoc_find_and_modify_opts_destroy(count);
    bson_destroy(update);
    return good;
}

static bool
write_batches(struct load_client *client, struct place *place)
{
    static bson_t docs[LOAD_BATCH_MAX];
    static const bson_t *pointers[LOAD_BATCH_MAX];
    const size_t batch = (size_t)client->load->batch;
    bool good = true;
    bson_error_t cause;
    long first;

    for (size_t i = 0; i < batch; i++) {
        bson_init(&docs[i]);
        pointers[i] = &docs[i];
    }
    load_await_start(client);
    while (good && load_next(client, &first)) {
        const int64_t now = now_ms();

        for (size_t i = 0; i < batch; i++) {
            bson_reinit(&docs[i]);
            append_episode(&docs[i], &place->run, first + (long)i, now);
        }
        good =
            mongoc_collection_insert_many(place->episodes, pointers, batch, NULL, NULL, &cause) ||
            fail("insertMany", &cause);
        if (good)
            load_done(client);
    }
    return good;
}

static bool
write_episodes(struct load_client *client)
{
    struct place place;

    mongoc_init();
    if (!connect_place(client, &place))
        return false;
    return client->load->batch == 1 ? write_singles(client, &place) : write_batches(client, &place);
}

int
main(int argc, char **argv)
{
    struct load load;

    if (!load_read_arguments(argc, argv, &load)) {
        fprintf(stderr,
                "usage: MONGODB_URI=... bench_insert own|shared|ranges CLIENTS SECONDS COUNT "
                "BATCH PREFIX\n");
        return 2;
    }
    return load_run(&load, write_episodes);
}
