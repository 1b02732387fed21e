/* http_reply.c - from struct http_reply to the wire. Last stop of a request. */
#include "http/http_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Status line and headers, once. */
static bool
send_head(struct http_reply *reply)
{
    char head[HTTP_REPLY_HEADERS_MAX + 512], type[128] = "", length[64] = "";
    int size;

    if (reply->content_type != NULL)
        snprintf(type, sizeof type, "Content-Type: %s\r\n", reply->content_type);
    /*
     * nginx leaves a short answer uncompressed when it knows that it is short. A HEAD whose handler
     * wrote no body must not tell the length of a body that GET would have (RFC 9110, 8.6).
     */
    if (reply->content_type != NULL && reply->whole && !(reply->head_only && reply->out.used == 0))
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", reply->out.used);
    size = snprintf(head, sizeof head, "Status: %d %s\r\n%s%s%.*s\r\n", reply->status,
                    api_status_phrase(reply->status), type, length, (int)reply->headers_size,
                    reply->headers);
    reply->started = true;
    return reply->wire->write(reply->wire, head, (size_t)size);
}

/* struct out's overflow: the buffer goes on the wire. */
static bool
send_buffer(struct out *out)
{
    struct http_reply *reply = (struct http_reply *)out;

    if (reply->broken || (!reply->started && !send_head(reply)))
        return false;
    if (!reply->head_only && out->used > 0 &&
        !reply->wire->write(reply->wire, out->buffer, out->used)) {
        reply->broken = true;
        return false;
    }
    if (!reply->head_only)
        reply->bytes_sent += out->used;
    out->used = 0;
    return true;
}

void
http_reply_init(struct http_reply *reply, struct http_wire *wire)
{
    char *buffer = malloc(HTTP_REPLY_BUFFER_SIZE);

    if (buffer == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    *reply = (struct http_reply){
        .out = {.buffer = buffer, .size = HTTP_REPLY_BUFFER_SIZE, .overflow = send_buffer},
        .wire = wire,
        .content_type = "application/json",
    };
}

struct json_out
http_reply_json(struct http_reply *reply, int status)
{
    reply->status = status;
    reply->content_type = "application/json";
    return (struct json_out){.out = &reply->out};
}

void
http_reply_empty(struct http_reply *reply, int status)
{
    reply->status = status;
    reply->content_type = NULL;
}

void
http_reply_header(struct http_reply *reply, const char *name, const char *value)
{
    const size_t room = sizeof reply->headers - reply->headers_size;
    int size;

    if (strpbrk(value, "\r\n") != NULL)
        return; /* a value from outside must not become a header of its own */
    size = snprintf(reply->headers + reply->headers_size, room, "%s: %s\r\n", name, value);
    if (size > 0 && (size_t)size < room)
        reply->headers_size += (size_t)size;
}

void
http_reply_keep_headers(struct http_reply *reply)
{
    reply->headers_kept = reply->headers_size;
}

void
http_reply_no_store(struct http_reply *reply)
{
    http_reply_header(reply, "Cache-Control", "no-store");
    reply->no_store = true;
}

static void
write_faults(struct json_out *json, const char *key, const struct api_error *err)
{
    json_out_array(json, key);
    for (size_t i = 0; i < err->fault_count && i < API_FAULTS_MAX; i++) {
        json_out_object(json, NULL);
        json_out_text(json, "field", err->faults[i].field);
        json_out_text(json, "message", err->faults[i].message);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

/*
 * RFC 9457's members, then what the existing clients read: "detail" (seeds 003 and 004) and
 * "error" (seed 000).
 */
static void
write_problem(struct http_reply *reply, const struct api_error *err)
{
    struct json_out json = http_reply_json(reply, err->status);

    reply->content_type = "application/problem+json";
    json_out_object(&json, NULL);
    json_out_text(&json, "type", "about:blank");
    json_out_text(&json, "title", api_status_phrase(err->status));
    json_out_whole(&json, "status", err->status);
    json_out_text(&json, "detail", err->message);
    json_out_text(&json, "code", err->code);
    json_out_text(&json, "request_id", reply->request_id);
    if (err->fault_count > 0) {
        json_out_whole(&json, "errors_total", (int64_t)err->fault_count);
        write_faults(&json, "errors", err);
    }
    json_out_object(&json, "error");
    json_out_text(&json, "code", err->code);
    json_out_text(&json, "message", err->message);
    write_faults(&json, "details", err);
    json_out_object_end(&json);
    json_out_object_end(&json);
}

void
http_reply_error(struct http_reply *reply, const struct api_error *err)
{
    if (reply->started) {
        reply->broken = true;
        return;
    }
    reply->out.used = 0;
    reply->out.failed = false;
    reply->headers_size = reply->headers_kept;
    if (err->retry_after_s > 0) {
        char seconds[16];

        snprintf(seconds, sizeof seconds, "%d", err->retry_after_s);
        http_reply_header(reply, "Retry-After", seconds);
    }
    write_problem(reply, err);
}

bool
http_reply_finish(struct http_reply *reply)
{
    if (reply->out.failed)
        reply->broken = true;
    reply->whole = true;
    return send_buffer(&reply->out) && !reply->broken;
}

void
http_reply_clear(struct http_reply *reply)
{
    free(reply->out.buffer);
    *reply = (struct http_reply){0};
}
