/*
 * store_fault.c - turns a driver's error into ours and logs it, once.
 * Called by store_run.c, store_key.c. Next: base/api_error.c.
 */
#include "store_private.h"

#include "base/auto.h"
#include "base/log.h"

#include <string.h>

#define RETRY_AFTER_S 1 /* the database is usually back within a second */

/* What the server's codes mean to a client (src/mongo/base/error_codes.yml of MongoDB). */
enum server_code {
    CODE_BAD_VALUE = 2,
    CODE_FAILED_TO_PARSE = 9,
    CODE_TYPE_MISMATCH = 14,
    CODE_WRITE_CONFLICT = 112,
    CODE_DOCUMENT_VALIDATION_FAILURE = 121,
    CODE_BSON_OBJECT_TOO_LARGE = 10334,
    CODE_DUPLICATE_KEY = 11000,
    CODE_DUPLICATE_KEY_UPDATE = 11001,
    CODE_DUPLICATE_KEY_CAPPED = 12582,
    CODE_SHUTDOWN_IN_PROGRESS = 91,
    CODE_PRIMARY_STEPPED_DOWN = 189,
    CODE_NOT_WRITABLE_PRIMARY = 10107,
    CODE_INTERRUPTED_AT_SHUTDOWN = 11600,
    CODE_INTERRUPTED_BY_STATE_CHANGE = 11602,
    CODE_NOT_PRIMARY_NO_SECONDARY = 13435,
    CODE_NOT_PRIMARY_OR_SECONDARY = 13436,
    CODE_OUT_OF_DISK_SPACE = 14031,
};

bool
store_is_duplicate(const bson_error_t *cause)
{
    return cause->code == CODE_DUPLICATE_KEY || cause->code == CODE_DUPLICATE_KEY_UPDATE ||
           cause->code == CODE_DUPLICATE_KEY_CAPPED;
}

bool
store_is_transient(const bson_t *reply)
{
    return reply != NULL && mongoc_error_has_label(reply, "TransientTransactionError");
}

bool
store_is_commit_unknown(const bson_t *reply)
{
    return reply != NULL && mongoc_error_has_label(reply, "UnknownTransactionCommitResult");
}

/* The server is coming, going, or no primary. */
static bool
is_recovering(uint32_t code)
{
    static const enum server_code codes[] = {
        CODE_SHUTDOWN_IN_PROGRESS,        CODE_PRIMARY_STEPPED_DOWN,
        CODE_NOT_WRITABLE_PRIMARY,        CODE_INTERRUPTED_AT_SHUTDOWN,
        CODE_INTERRUPTED_BY_STATE_CHANGE, CODE_NOT_PRIMARY_NO_SECONDARY,
        CODE_NOT_PRIMARY_OR_SECONDARY,
    };

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

/*
 * After these the driver would wait 5 s before it looks for the server again (its cool-down of
 * a failed node), so the client is thrown away. So it is when the server is no primary.
 */
bool
store_is_loss(const bson_error_t *cause)
{
    return cause->domain == MONGOC_ERROR_STREAM || cause->domain == MONGOC_ERROR_SERVER_SELECTION ||
           (cause->domain == MONGOC_ERROR_SERVER && is_recovering(cause->code));
}

static enum api_error_id
translate(const bson_error_t *cause)
{
    if (cause->code == CODE_OUT_OF_DISK_SPACE || strstr(cause->message, "No space left") != NULL)
        return API_STORE_FULL;
    if (cause->domain != MONGOC_ERROR_SERVER)
        return cause->domain == MONGOC_ERROR_BSON ? API_INTERNAL : API_STORE_UNAVAILABLE;
    switch (cause->code) {
    case CODE_WRITE_CONFLICT:
        return API_STORE_BUSY;
    case CODE_BAD_VALUE:
    case CODE_FAILED_TO_PARSE:
    case CODE_TYPE_MISMATCH:
    case CODE_DOCUMENT_VALIDATION_FAILURE:
    case CODE_BSON_OBJECT_TOO_LARGE:
        return API_INTERNAL; /* the server refuses what we built; it would again */
    default:
        return API_STORE_UNAVAILABLE;
    }
}

bool
store_fail(struct store *store, struct api_error *err, const char *doing, const bson_error_t *cause,
           const bson_t *reply)
{
    enum api_error_id id = translate(cause);
    /* That nobody asked the database says nothing new: who lost it has said so. */
    const bool asked = cause->domain != MONGOC_ERROR_CLIENT || cause->code != 0;

    log_event(asked ? LOG_ERROR : LOG_DEBUG, "store_failed", LOG_TEXT("doing", doing),
              LOG_WHOLE("domain", cause->domain), LOG_WHOLE("code", cause->code),
              LOG_TEXT("cause", cause->message),
              LOG_TEXT("label", store_is_transient(reply) ? "TransientTransactionError" : NULL));
    if (store_is_loss(cause)) {
        store_forget_client(store);
        store_lanes_tell_loss(store->lanes);
    }
    store_meter_fault(store->seat, id);
    api_fail(err, id, NULL);
    if (id != API_INTERNAL)
        err->retry_after_s = RETRY_AFTER_S;
    return false;
}
