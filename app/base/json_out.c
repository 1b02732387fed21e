/* json_out.c - writes JSON piece by piece. Called by the routes. Next: number.c, clock.c. */
#include "base/json_out.h"

#include "base/clock.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>

/* A string with what RFC 8259 section 7 wants escaped; the text is valid UTF-8. */
static void
write_string(struct out *out, const char *text)
{
    const char *from = text;

    out_char(out, '"');
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        char escape[8];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        out_bytes(out, from, (size_t)(text - from));
        from = text + 1;
        if (c == '"' || c == '\\')
            out_bytes(out, (const char[]){'\\', (char)c}, 2);
        else
            out_bytes(out, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
    }
    out_bytes(out, from, (size_t)(text - from));
    out_char(out, '"');
}

void
json_out_key(struct json_out *json, const char *key)
{
    if (json->comma)
        out_char(json->out, ',');
    if (key != NULL) {
        write_string(json->out, key);
        out_char(json->out, ':');
    }
    json->comma = true;
}

void
json_out_object(struct json_out *json, const char *key)
{
    json_out_key(json, key);
    out_char(json->out, '{');
    json->comma = false;
}

void
json_out_object_end(struct json_out *json)
{
    out_char(json->out, '}');
    json->comma = true;
}

void
json_out_array(struct json_out *json, const char *key)
{
    json_out_key(json, key);
    out_char(json->out, '[');
    json->comma = false;
}

void
json_out_array_end(struct json_out *json)
{
    out_char(json->out, ']');
    json->comma = true;
}

void
json_out_raw(struct json_out *json, const char *key, const char *text)
{
    json_out_key(json, key);
    if (text == NULL)
        text = "null";
    out_bytes(json->out, text, strlen(text));
}

void
json_out_null(struct json_out *json, const char *key)
{
    json_out_raw(json, key, NULL);
}

void
json_out_text(struct json_out *json, const char *key, const char *text)
{
    if (text == NULL) {
        json_out_null(json, key);
        return;
    }
    json_out_key(json, key);
    write_string(json->out, text);
}

void
json_out_bool(struct json_out *json, const char *key, bool value)
{
    json_out_raw(json, key, value ? "true" : "false");
}

void
json_out_whole(struct json_out *json, const char *key, int64_t value)
{
    char text[NUMBER_TEXT_SIZE];

    json_out_key(json, key);
    out_bytes(json->out, text, number_format_whole(value, text));
}

void
json_out_real(struct json_out *json, const char *key, double value)
{
    char text[NUMBER_TEXT_SIZE];

    if (!isfinite(value)) {
        json_out_null(json, key);
        return;
    }
    json_out_key(json, key);
    out_bytes(json->out, text, number_format_real(value, text));
}

void
json_out_real_exact(struct json_out *json, const char *key, double value)
{
    if (isfinite(value))
        json_out_real(json, key, value);
    else
        json_out_text(json, key, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

void
json_out_time(struct json_out *json, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];

    json_out_text(json, key, ms == 0 ? NULL : clock_format(ms, text));
}
