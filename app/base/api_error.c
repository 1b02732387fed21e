/* api_error.c - fills struct api_error from the catalogue. Called by every layer. */
#include "base/api_error.h"

#include "base/auto.h"

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
static const struct {
    int status;
    const char *code;
    const char *text;
} catalogue[] = {
    [API_OK] = {200, "ok", ""},
#define X(name, http_status, machine_code, sentence) \
    [API_##name] = {http_status, machine_code, sentence},
    API_ERRORS(X)
#undef X
};

/* RFC 9110, section 15: reason phrases. */
static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {200, "OK"}, {201, "Created"}, {204, "No Content"},
    {304, "Not Modified"}, {400, "Bad Request"},
    {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
    {405, "Method Not Allowed"}, {409, "Conflict"}, {413, "Content Too Large"},
    {415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"}, {503, "Service Unavailable"}, {507, "Insufficient Storage"},
};
/* clang-format on */

/* A text cut in the middle of a UTF-8 character loses that character, not its validity. */
static void
drop_cut_character(char *text, size_t size)
{
    size_t end = strlen(text);
    size_t start = end;

    if (end + 1 < size)
        return;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0)
        text[start - 1] = '\0';
}

bool
api_fail(struct api_error *err, enum api_error_id id, const char *fmt, ...)
{
    va_list ap;

    err->id = id;
    err->status = catalogue[id].status;
    err->code = catalogue[id].code;
    err->retry_after_s = err->status == 503 || err->status == 429 ? 1 : 0;
    va_start(ap, fmt);
    if (fmt != NULL)
        vsnprintf(err->message, sizeof err->message, fmt, ap);
    else
        snprintf(err->message, sizeof err->message, "%s", catalogue[id].text);
    va_end(ap);
    drop_cut_character(err->message, sizeof err->message);
    return false;
}

bool
api_fault(struct api_error *err, const char *field, const char *fmt, ...)
{
    struct api_fault unlisted;
    struct api_fault *fault =
        err->fault_count < API_FAULTS_MAX ? &err->faults[err->fault_count] : &unlisted;
    va_list ap;

    snprintf(fault->field, sizeof fault->field, "%s", field);
    va_start(ap, fmt);
    vsnprintf(fault->message, sizeof fault->message, fmt, ap);
    va_end(ap);
    drop_cut_character(fault->field, sizeof fault->field);
    drop_cut_character(fault->message, sizeof fault->message);
    if (err->fault_count++ == 0)
        return api_fail(err, API_FIELD_INVALID, "%s%s%s", fault->field, *fault->field ? ": " : "",
                        fault->message);
    return false;
}

const char *
api_status_phrase(int status)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}
