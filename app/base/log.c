/* log.c - writes one JSON line an event to stderr. Called by every program. */
#include "base/log.h"

#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 1024 /* bytes of one escaped value, so that one cannot crowd out the others */
#define TAIL 2         /* "}\n" always has room */

struct line {
    char text[LOG_LINE_MAX];
    size_t used;
};

static enum log_level lowest = LOG_INFO;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void
log_set_level(enum log_level level)
{
    lowest = level;
}

/* All of it or nothing. */
static bool
append(struct line *line, const char *bytes, size_t size)
{
    if (size > sizeof line->text - TAIL - line->used)
        return false;
    memcpy(line->text + line->used, bytes, size);
    line->used += size;
    return true;
}

/* How many bytes the UTF-8 character at text has; 0 when it is none (RFC 3629, section 4). */
static size_t
utf8_size(const unsigned char *text)
{
    const unsigned char first = text[0];
    unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */
    size_t size;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0)
        low = 0xa0; /* overlong below */
    if (first == 0xed)
        high = 0x9f; /* surrogates above */
    if (first == 0xf0)
        low = 0x90; /* overlong below */
    if (first == 0xf4)
        high = 0x8f; /* beyond U+10FFFF above */
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return size;
}

/* One character of text as it stands in a JSON string; *taken says how many bytes it was. */
static size_t
escape(const char *text, char out[8], size_t *taken)
{
    const unsigned char c = (unsigned char)*text;
    const size_t size = utf8_size((const unsigned char *)text);

    *taken = size == 0 ? 1 : size;
    if (size == 0) { /* a byte that is no text: the replacement character */
        memcpy(out, "\xef\xbf\xbd", 3);
        return 3;
    }
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c < 0x20 || c == 0x7f)
        return (size_t)snprintf(out, 8, "\\u%04x", c);
    memcpy(out, text, size);
    return size;
}

/* A quoted value, cut with an ellipsis when it is too long or the line is full. */
static bool
append_text(struct line *line, const char *text)
{
    static const char ellipsis[] = "\xe2\x80\xa6\"";
    const size_t start = line->used;
    size_t end = sizeof line->text - TAIL - sizeof ellipsis;

    if (end < start + 16)
        return false;
    if (end > start + VALUE_MAX)
        end = start + VALUE_MAX;
    append(line, "\"", 1);
    while (*text != '\0') {
        char out[8];
        size_t taken;
        const size_t size = escape(text, out, &taken);

        if (line->used + size > end)
            return append(line, ellipsis, sizeof ellipsis - 1);
        append(line, out, size);
        text += taken;
    }
    return append(line, "\"", 1);
}

static bool
append_value(struct line *line, const struct log_field *field)
{
    char number[NUMBER_TEXT_SIZE] = "null";
    size_t size = strlen(number);

    if (field->kind == LOG_KIND_TEXT)
        return append_text(line, field->text);
    if (field->kind == LOG_KIND_WHOLE)
        size = number_format_whole(field->whole, number);
    else if (isfinite(field->real))
        size = number_format_real(field->real, number);
    return append(line, number, size);
}

/* ,"name":value - or nothing of it when the line is full. */
static void
append_field(struct line *line, const struct log_field *field)
{
    const size_t before = line->used;

    if (field->kind == LOG_KIND_TEXT && field->text == NULL)
        return;
    if (!append(line, before == 1 ? "\"" : ",\"", before == 1 ? 1 : 2) ||
        !append(line, field->name, strlen(field->name)) || !append(line, "\":", 2) ||
        !append_value(line, field))
        line->used = before;
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields,
          unsigned long count)
{
    const int errno_before = errno; /* so that a caller can log first and look at errno later */
    struct line line = {.text = "{", .used = 1};
    char now[CLOCK_TEXT_SIZE];

    if (level < lowest)
        return;
    append_field(&line, &LOG_TEXT("time", clock_format(clock_now_ms(), now)));
    append_field(&line, &LOG_TEXT("level", level_names[level]));
    append_field(&line, &LOG_TEXT("event", event));
    append_field(&line, &LOG_WHOLE("pid", getpid()));
    for (unsigned long i = 1; i <= count; i++)
        append_field(&line, &fields[i]);
    memcpy(line.text + line.used, "}\n", TAIL);
    line.used += TAIL;
    while (write(STDERR_FILENO, line.text, line.used) == -1 && errno == EINTR)
        ;
    errno = errno_before;
}
