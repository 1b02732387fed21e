/* job_lines.c - a trainer's last lines. Called by supervisor/output.c, store/store_job_work.c. */
#include "training/job_lines.h"

#include <string.h>

#define REPLACEMENT '?'

/*
 * The bytes of the UTF-8 character at text, size bytes being there; 0: it is none (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF).
 */
static size_t
character_size(const unsigned char *text, size_t size)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        size_t size;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last || size < forms[i].size ||
            text[1] < forms[i].low || text[1] > forms[i].high)
            continue;
        for (size_t at = 2; at < forms[i].size; at++)
            if ((text[at] & 0xc0) != 0x80)
                return 0;
        return forms[i].size;
    }
    return 0;
}

/* In place: control characters become blanks, bytes that are no UTF-8 question marks. */
static void
clean(char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        const size_t length = character_size((const unsigned char *)text + at, size - at);

        if (length == 0)
            text[at] = REPLACEMENT;
        else if ((unsigned char)text[at] < ' ' || text[at] == 0x7f)
            text[at] = ' ';
        at += length == 0 ? 1 : length;
    }
}

static void
end_line(struct job_lines *lines)
{
    char *kept = lines->kept[lines->count++ % JOB_LINES_MAX];

    clean(lines->open, lines->open_size);
    memcpy(kept, lines->open, lines->open_size);
    kept[lines->open_size] = '\0';
    lines->open_size = 0;
    lines->returned = false;
}

static void
add_byte(struct job_lines *lines, char byte)
{
    if (byte == '\n') {
        end_line(lines);
        return;
    }
    if (lines->returned) /* a progress bar draws itself anew */
        lines->open_size = 0;
    lines->returned = byte == '\r';
    if (byte != '\r' && lines->open_size < JOB_LINE_MAX)
        lines->open[lines->open_size++] = byte;
}

void
job_lines_add(struct job_lines *lines, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        add_byte(lines, bytes[i]);
}

void
job_lines_finish(struct job_lines *lines)
{
    if (lines->open_size > 0)
        end_line(lines);
}

size_t
job_lines_kept(const struct job_lines *lines)
{
    return lines->count < JOB_LINES_MAX ? (size_t)lines->count : JOB_LINES_MAX;
}

const char *
job_lines_line(const struct job_lines *lines, size_t i)
{
    return lines->kept[(lines->count - job_lines_kept(lines) + i) % JOB_LINES_MAX];
}
