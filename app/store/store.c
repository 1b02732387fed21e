/*
 * store.c - one process's connection to MongoDB: opened late, made anew after a loss.
 * Called by app/api/worker.c, app/admin/main.c. Next: store_run.c, store_fault.c.
 */
#include "store/store.h"

#include "base/auto.h"
#include "base/log.h"
#include "store_claim.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The log of the driver, once; it says the same of every attempt, and store_fail does too. */
#define DRIVER_LOG_LEVEL_MAX MONGOC_LOG_LEVEL_WARNING

const char *const store_collection_names[STORE_COLLECTION_COUNT] = {
    [STORE_RUNS] = "runs",
    [STORE_EPISODES] = "episodes",
    [STORE_API_KEYS] = "api_keys",
    [STORE_ACCOUNTS] = "accounts",
    [STORE_EVALUATIONS] = "evaluations",
    [STORE_AUDIT] = "audit",
    [STORE_SESSIONS] = "sessions",
    [STORE_PURGES] = "purges",
    [STORE_JOBS] = "jobs",
    [STORE_SUPERVISORS] = "supervisors",
    [STORE_BLOCKS] = "blocks",
};

static void
driver_log(mongoc_log_level_t level, const char *domain, const char *message, void *unused)
{
    (void)unused;
    /* A transaction that met another's was ended by the server: aborting it again is no news. */
    if (strncmp(message, "Error in abortTransaction", 25) == 0)
        return;
    if (level <= DRIVER_LOG_LEVEL_MAX)
        log_event(LOG_WARN, "driver", LOG_TEXT("domain", domain), LOG_TEXT("message", message));
}

/*
 * The driver begins before main() ("Initialization and cleanup" in libmongoc's manual), with a file
 * of counters in /dev/shm for a tool that nobody runs here. A killed process would leave it there,
 * and the next one of its number would complain of it on standard error. The counters stay, without
 * a name. (MONGOC_DISABLE_SHM in the environment, as in systemd/, leaves the file out: needed where
 * /dev/shm may be full.)
 */
__attribute__((constructor)) static void
forget_counters_file(void)
{
    char name[32];

    snprintf(name, sizeof name, "/mongoc-%u", (unsigned)getpid());
    shm_unlink(name);
}

void
store_global_init(void)
{
    if (sodium_init() < 0)
        abort(); /* no source of randomness: no key can be made or checked */
    mongoc_log_set_handler(driver_log, NULL);
    mongoc_init();
}

void
store_global_clear(void)
{
    mongoc_cleanup();
}

/*
 * A connection that was idle for 5 s would be pinged before its use, which may hang as long as the
 * operation itself; a closed one is noticed without that, and all are looked at every minute.
 */
#define NO_IDLE_CHECK_MS 1000000

/*
 * Our limits win over the URI's. One look for a server per operation (serverSelectionTryOnce),
 * and no retries by the driver: an operation may hang for one socket timeout, not for two.
 */
static bool
limit_uri(mongoc_uri_t *uri, const struct store_settings *settings)
{
    int32_t connect_ms = (int32_t)settings->connect_timeout_ms;
    int32_t socket_ms = (int32_t)settings->socket_timeout_ms;

    return mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, connect_ms) &&
           mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, connect_ms) &&
           mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, socket_ms) &&
           mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETCHECKINTERVALMS,
                                          NO_IDLE_CHECK_MS) &&
           mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, true) &&
           mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false) &&
           mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, false) &&
           mongoc_uri_set_appname(uri, "training");
}

static bool
read_settings(struct store *store, const struct store_settings *settings)
{
    bson_error_t cause;
    int length = snprintf(store->database, sizeof store->database, "%s", settings->database);

    if (length <= 0 || (size_t)length >= sizeof store->database) {
        log_event(LOG_ERROR, "database_name_bad", LOG_WHOLE("bytes_max", STORE_DATABASE_MAX - 1));
        return false;
    }
    store->uri = mongoc_uri_new_with_error(settings->uri, &cause);
    if (store->uri == NULL || !limit_uri(store->uri, settings)) {
        /* The driver's sentence may quote the URI, and so a password: it is not logged. */
        log_event(LOG_ERROR, "database_uri_bad", LOG_TEXT("setting", "MONGODB_URI"));
        return false;
    }
    return true;
}

struct store *
store_open(const struct store_settings *settings, struct store_lanes *lanes)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return NULL;
    store->lanes = lanes;
    store->seat = settings->seat;
    if (!read_settings(store, settings)) {
        store_close(store);
        return NULL;
    }
    return store;
}

static void
drop_client(struct store *store)
{
    for (size_t i = 0; i < STORE_COLLECTION_COUNT; i++) {
        mongoc_collection_destroy(store->collections[i]);
        store->collections[i] = NULL;
    }
    mongoc_client_destroy(store->client);
    store->client = NULL;
    store->lost = false;
}

void
store_close(struct store *store)
{
    if (store == NULL)
        return;
    drop_client(store);
    store_key_cache_free(store->key_cache);
    store_run_keys_free(store->run_keys);
    mongoc_uri_destroy(store->uri);
    free(store);
}

void
store_forget_client(struct store *store)
{
    if (store->client == NULL || store->lost)
        return;
    /* mongoc_client_reset: what is left of the client sends no endSessions, no killCursors. */
    mongoc_client_reset(store->client);
    store->lost = true;
}

static mongoc_client_t *
connect_client(const struct store *store)
{
    mongoc_client_t *client = mongoc_client_new_from_uri(store->uri);
    mongoc_write_concern_t *durable;

    if (client == NULL)
        return NULL;
    mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
    durable = mongoc_write_concern_new();
    mongoc_write_concern_set_w(durable, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_write_concern_set_journal(durable, true);
    mongoc_client_set_write_concern(client, durable);
    mongoc_write_concern_destroy(durable);
    store_meter_watch(client, store->seat);
    return client;
}

mongoc_client_t *
store_client(struct store *store, struct api_error *err)
{
    if (store_lanes_heard_loss(store->lanes)) {
        api_fail(err, API_STORE_UNAVAILABLE, NULL);
        return NULL;
    }
    if (store->lost)
        drop_client(store);
    if (store->client == NULL)
        store->client = connect_client(store);
    if (store->client != NULL)
        store_claims_settle(store);
    if (store->lost) {
        api_fail(err, API_STORE_UNAVAILABLE, NULL);
        return NULL;
    }
    if (store->client == NULL) {
        log_event(LOG_ERROR, "store_failed", LOG_TEXT("doing", "new_client"));
        api_fail(err, API_STORE_UNAVAILABLE, NULL);
    }
    return store->client;
}

mongoc_collection_t *
store_collection(struct store *store, enum store_collection_id id, struct api_error *err)
{
    mongoc_client_t *client = store_client(store, err);

    if (client == NULL)
        return NULL;
    if (store->collections[id] == NULL)
        store->collections[id] =
            mongoc_client_get_collection(client, store->database, store_collection_names[id]);
    return store->collections[id];
}

/* The server calls a command ok whose writes failed: the first such fault, as an error. */
static bool
reply_has_fault(const bson_t *reply, bson_error_t *error)
{
    bson_iter_t root, at;
    uint32_t code = 0;
    const char *text = "write failed";

    if (!bson_iter_init(&root, reply) || (!bson_iter_find_descendant(&root, "writeErrors.0", &at) &&
                                          !bson_iter_init_find(&at, reply, "writeConcernError")))
        return false;
    if (bson_iter_recurse(&at, &root) && bson_iter_find(&root, "code"))
        code = (uint32_t)bson_iter_as_int64(&root);
    if (bson_iter_recurse(&at, &root) && bson_iter_find(&root, "errmsg") &&
        BSON_ITER_HOLDS_UTF8(&root))
        text = bson_iter_utf8(&root, NULL);
    bson_set_error(error, MONGOC_ERROR_SERVER, code, "%s", text);
    return true;
}

bool
store_command(struct store *store, const bson_t *command, const bson_t *opts, bson_t *reply,
              bson_error_t *error)
{
    AUTO_BSON unwanted = BSON_INITIALIZER;
    struct api_error ignored;
    mongoc_client_t *client = store_client(store, &ignored);

    if (reply == NULL)
        reply = &unwanted;
    if (client == NULL) {
        bson_init(reply);
        bson_set_error(error, MONGOC_ERROR_CLIENT, 0, "the database was lost a moment ago");
        return false;
    }
    return mongoc_client_command_with_opts(client, store->database, command, NULL, opts, reply,
                                           error) &&
           !reply_has_fault(reply, error);
}

void
store_append_durable(bson_t *command)
{
    bson_t concern;

    BSON_APPEND_DOCUMENT_BEGIN(command, "writeConcern", &concern);
    BSON_APPEND_UTF8(&concern, "w", "majority");
    BSON_APPEND_BOOL(&concern, "j", true);
    bson_append_document_end(command, &concern);
}

bool
store_ping(struct store *store, struct api_error *err)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_iter_t primary;

    BSON_APPEND_INT32(&command, "hello", 1);
    if (!store_command(store, &command, NULL, &reply, &cause))
        return store_fail(store, err, "ping", &cause, &reply);
    if (!bson_iter_init_find(&primary, &reply, "isWritablePrimary") || !bson_iter_bool(&primary)) {
        bson_set_error(&cause, MONGOC_ERROR_SERVER, 0, "not a writable primary");
        return store_fail(store, err, "ping", &cause, NULL);
    }
    return true;
}
