/*
 * api_error.h - the one way a request fails: HTTP status + machine code + human sentence.
 * Add an error by adding a row to API_ERRORS; never rename or reuse a shipped code.
 */
#ifndef BASE_API_ERROR_H
#define BASE_API_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
/* X(name, HTTP status, machine code, sentence when the call site has nothing better) */
#define API_ERRORS(X)                                                                          \
    X(BODY_NOT_JSON,       400, "body_not_json",       "The body is not JSON.")                \
    X(BODY_MISSING,        400, "body_missing",        "A JSON body is needed here.")          \
    X(BODY_CUT_SHORT,      400, "body_cut_short",      "The body ended before its announced length.") \
    X(BODY_NOT_GZIP,       400, "body_not_gzip",       "The body is not what gzip makes, or not whole.") \
    X(KEY_MISSING,         401, "key_missing",         "An API key is needed: send it as X-API-Key.") \
    X(KEY_WRONG,           401, "key_wrong",           "The API key is not valid.")            \
    X(SESSION_OVER,        401, "session_over",        "The session is over: send the API key again.") \
    X(SCOPE_MISSING,       403, "scope_missing",       "The API key does not allow this.")     \
    X(CROSS_SITE,          403, "cross_site",          "Another web site may not write here.") \
    X(ROUTE_NOT_FOUND,     404, "route_not_found",     "There is nothing at this path.")       \
    X(RUN_NOT_FOUND,       404, "run_not_found",       "There is no such run.")                \
    X(KEY_NOT_FOUND,       404, "key_not_found",       "There is no such key.")                \
    X(METHOD_NOT_ALLOWED,  405, "method_not_allowed",  "This path has no such method.")        \
    X(RUN_DIFFERS,         409, "run_differs",         "A run with this run_id exists and differs.") \
    X(RUN_DELETED,         409, "run_deleted",         "A deleted run has this run_id: restore it, or choose another.") \
    X(RUN_ENDED,           409, "run_ended",           "The run has already ended with another status.") \
    X(BODY_TOO_LARGE,      413, "body_too_large",      "The body is too large.")               \
    X(BODY_NOT_JSON_TYPE,  415, "unsupported_media_type", "The body must be JSON: send Content-Type: application/json.") \
    X(ENCODING_UNKNOWN,    415, "unsupported_content_encoding", "The body may be sent as it is or compressed by gzip.") \
    X(FIELD_INVALID,       422, "validation_failed",   "The request is well-formed but wrong.") \
    X(RATE_LIMITED,        429, "rate_limited",        "Too many writes a second with this key.") \
    X(TRAINING_BUSY,       400, "training_in_progress", "A training is in progress already; there is one at a time.") \
    X(TRAINING_IDLE,       400, "no_training",         "No training is in progress.")          \
    X(SCENARIO_NOT_FOUND,  404, "scenario_not_found",  "There is no such scenario.")           \
    X(TRAINING_NOT_STARTED, 500, "training_not_started", "The training could not be started.") \
    X(TRAINING_NOT_STOPPED, 500, "training_not_stopped", "The training could not be stopped.") \
    X(STORE_UNAVAILABLE,   503, "store_unavailable",   "The database did not answer; nothing is known to be stored. Try again.") \
    X(STORE_BUSY,          503, "store_busy",          "Too many writers on one run at once. Try again.") \
    X(STORE_FULL,          507, "store_full",          "The database's disk is full.")         \
    X(INTERNAL,            500, "internal",            "The server failed; its log knows why.")
/* clang-format on */

enum api_error_id {
    API_OK = 0,
#define X(name, status, code, text) API_##name,
    API_ERRORS(X)
#undef X
};

#define API_FAULTS_MAX 64         /* faults told one by one; further ones are only counted */
#define API_FAULT_FIELD_MAX 96    /* bytes with the NUL, such as "episodes[999].metrics.loss" */
#define API_FAULT_MESSAGE_MAX 144 /* bytes with the NUL */

/* One thing that is wrong with a request: which member, and what it should have been. */
struct api_fault {
    char field[API_FAULT_FIELD_MAX];
    char message[API_FAULT_MESSAGE_MAX];
};

struct api_error {
    enum api_error_id id; /* API_OK until something fails */
    int status;           /* HTTP status, 400..599 */
    const char *code;     /* static storage; clients switch on it */
    char message[240];    /* one UTF-8 sentence for a person; never holds secrets */
    int retry_after_s;    /* for the Retry-After header; 0 = none */
    size_t fault_count;   /* all of them; min(fault_count, API_FAULTS_MAX) are in faults[] */
    struct api_fault faults[API_FAULTS_MAX];
};

/*
 * Fill *err from the catalogue; fmt replaces the row's sentence when not NULL. Faults noted
 * before stay. Returns false, so that a caller can `return api_fail(...)`.
 */
bool api_fail(struct api_error *err, enum api_error_id id, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Note one wrong member and make *err FIELD_INVALID (422); the sentence is the first fault's.
 * Checking goes on after it, so that a client hears of all its faults at once. Returns false.
 */
bool api_fault(struct api_error *err, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The standard phrase of an HTTP status, such as "Not Found"; "Error" when it is not one of ours.
 */
const char *api_status_phrase(int status);

#endif
