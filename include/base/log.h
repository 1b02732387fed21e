/*
 * log.h - one JSON object a line on stderr: {"time":…,"level":…,"event":…,"pid":…, fields…}.
 * Every value is escaped; a line is at most LOG_LINE_MAX bytes and written with one write(2),
 * so that lines of several processes never mix. Never pass a secret.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#define LOG_LINE_MAX 4096 /* bytes with the newline; longer values are cut */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_KIND_TEXT, LOG_KIND_WHOLE, LOG_KIND_REAL };

struct log_field {
    const char *name;
    enum log_kind kind;
    const char *text; /* NULL leaves the field out */
    int64_t whole;
    double real;
};

#define LOG_TEXT(key, value) \
    ((struct log_field){.name = (key), .kind = LOG_KIND_TEXT, .text = (value)})
#define LOG_WHOLE(key, value) \
    ((struct log_field){.name = (key), .kind = LOG_KIND_WHOLE, .whole = (value)})
#define LOG_REAL(key, value) \
    ((struct log_field){.name = (key), .kind = LOG_KIND_REAL, .real = (value)})

/* log_event(LOG_WARN, "worker_died", LOG_WHOLE("pid", pid), LOG_TEXT("how", "SIGSEGV")); */
#define log_event(level, event, ...)                                                     \
    log_write((level), (event), (const struct log_field[]){{.name = ""}, ##__VA_ARGS__}, \
              sizeof((const struct log_field[]){{.name = ""}, ##__VA_ARGS__}) /          \
                      sizeof(struct log_field) -                                         \
                  1)

/* Lines below this level are not written; LOG_INFO at start. */
void log_set_level(enum log_level level);

/* Used through log_event: fields[0] is a placeholder, fields[1..count] are written. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               unsigned long count);

#endif
