/*
 * settings.h - a program's settings as a table: one row a setting. The value comes from the
 * environment, else from the settings file (KEY=VALUE lines, # comments, optional "…" or '…'
 * quotes), else the row's fallback. A bad value stops the start with its name and range.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SETTING_TEXT_MAX 1024 /* bytes with the NUL: the size of a text member */

enum setting_type {
    SETTING_IS_TEXT,  /* char member[SETTING_TEXT_MAX]; min and max are its length in bytes */
    SETTING_IS_WHOLE, /* int64_t member; min and max are its value */
};

struct setting {
    const char *name; /* of the environment variable */
    enum setting_type type;
    size_t offset; /* of the member in the program's struct */
    int64_t min, max;
    const char *fallback;
    const char *unit; /* "ms", "bytes", … or "" */
    const char *help; /* one sentence */
    bool secret;      /* its value is never printed */
};

/* clang-format off */
#define SETTING_TEXT(key, type, member, lo, hi, fallback, help) \
    {key, SETTING_IS_TEXT, offsetof(type, member), lo, hi, fallback, "", help, false}
#define SETTING_SECRET(key, type, member, lo, hi, fallback, help) \
    {key, SETTING_IS_TEXT, offsetof(type, member), lo, hi, fallback, "", help, true}
#define SETTING_WHOLE(key, type, member, lo, hi, fallback, unit, help) \
    {key, SETTING_IS_WHOLE, offsetof(type, member), lo, hi, fallback, unit, help, false}
/* clang-format on */

/*
 * Read every row into *out (the struct that the offsets belong to). file may be NULL. On a bad
 * value, or a file that cannot be read, false with a sentence in fault (always NUL-terminated).
 */
bool settings_read(const struct setting *table, size_t count, const char *file, void *out,
                   char *fault, size_t fault_size);

/* The settings as they stand, one "NAME=value  # unit, range: help" a line; secrets as ***. */
void settings_print(const struct setting *table, size_t count, const void *from, FILE *to);

#endif
