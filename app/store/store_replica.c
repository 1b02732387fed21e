/*
 * store_replica.c - turns a lone mongod into a replica set of one and waits for its primary.
 * Called by app/admin/admin_replica.c. Next: store.c.
 */
#include "store/store_replica.h"

#include "base/auto.h"
#include "base/clock.h"
#include "store_private.h"

#include <time.h>

#define POLL_MS 100

enum server_code {
    CODE_ALREADY_INITIALIZED = 23,
    CODE_NO_REPLICATION_ENABLED = 76,
    CODE_INVALID_CONFIG = 93,
};

/* How far the server is; found out by one hello. */
enum member_state { MEMBER_AWAY, MEMBER_UNINITIATED, MEMBER_WAITING, MEMBER_PRIMARY };

static enum member_state
ask_state(struct store *store)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    bson_iter_t at;

    BSON_APPEND_INT32(&command, "hello", 1);
    bson_destroy(&reply); /* store_command makes it anew */
    if (!store_command(store, &command, NULL, &reply, &cause)) {
        store_forget_client(store); /* the driver would not look again for 5 s */
        return MEMBER_AWAY;
    }
    if (!bson_iter_init_find(&at, &reply, "setName"))
        return MEMBER_UNINITIATED;
    if (bson_iter_init_find(&at, &reply, "isWritablePrimary") && bson_iter_bool(&at))
        return MEMBER_PRIMARY;
    return MEMBER_WAITING;
}

static bool
fail_initiate(struct store *store, const bson_error_t *cause, const bson_t *reply,
              struct api_error *err)
{
    store_fail(store, err, "replSetInitiate", cause, reply);
    if (cause->domain != MONGOC_ERROR_SERVER)
        return false;
    if (cause->code == CODE_NO_REPLICATION_ENABLED)
        return api_fail(
            err, API_INTERNAL,
            "mongod runs without a replica set: start it with --replSet " STORE_REPLICA_SET);
    if (cause->code == CODE_INVALID_CONFIG)
        return api_fail(err, API_INTERNAL,
                        "mongod was started with another name than --replSet " STORE_REPLICA_SET);
    return api_fail(err, API_INTERNAL, "The database refused: %.150s", cause->message);
}

static bool
initiate(struct store *store, const char *host, bool *made, struct api_error *err)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    mongoc_client_t *client = store_client(store, err);
    bson_t *command;
    bson_error_t cause;
    bool ok;

    if (client == NULL)
        return false;
    command = BCON_NEW("replSetInitiate", "{", "_id", BCON_UTF8(STORE_REPLICA_SET), "members", "[",
                       "{", "_id", BCON_INT32(0), "host", BCON_UTF8(host), "}", "]", "}");
    bson_destroy(&reply);
    ok = mongoc_client_command_simple(client, "admin", command, NULL, &reply, &cause);
    bson_destroy(command);
    *made = ok;
    if (ok || (cause.domain == MONGOC_ERROR_SERVER && cause.code == CODE_ALREADY_INITIALIZED))
        return true;
    return fail_initiate(store, &cause, &reply, err);
}

/* The set is spoken to through this very host: the others of a set are not asked. */
static const char *
only_host(struct store *store, struct api_error *err)
{
    const mongoc_host_list_t *hosts = mongoc_uri_get_hosts(store->uri);

    if (hosts == NULL || hosts->next != NULL) {
        api_fail(err, API_INTERNAL, "MONGODB_URI must name one host and port for this");
        return NULL;
    }
    mongoc_uri_set_option_as_bool(store->uri, MONGOC_URI_DIRECTCONNECTION, true);
    return hosts->host_and_port;
}

bool
store_replica_init(struct store *store, int64_t wait_ms, bool *made, struct api_error *err)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    int64_t until_ms = clock_steady_ms() + wait_ms;
    const char *host = only_host(store, err);
    enum member_state state = MEMBER_AWAY;
    bool tried = false;

    *made = false;
    if (host == NULL)
        return false;
    do {
        state = ask_state(store);
        if (state == MEMBER_PRIMARY)
            return true;
        if (state == MEMBER_UNINITIATED && !tried) {
            if (!initiate(store, host, made, err))
                return false;
            tried = true;
        }
        nanosleep(&pause, NULL);
    } while (clock_steady_ms() < until_ms);
    if (state == MEMBER_AWAY)
        return api_fail(err, API_STORE_UNAVAILABLE, "No database answers at %s", host);
    return api_fail(err, API_STORE_UNAVAILABLE,
                    "The replica set at %s has no writable primary after %d s", host,
                    (int)(wait_ms / 1000));
}
