/*
 * settings.c - reads a table of settings from environment and file, all or nothing.
 * Called by api/api_settings.c, admin/main.c.
 */
#include "base/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LINE_MAX 4096 /* bytes of one line of the settings file */

/* What was found for one row, as text, before it is checked. */
struct found {
    bool given;
    char text[SETTING_TEXT_MAX + 1]; /* one more than fits: too long shows as too long */
};

/* Always false, so that a caller can `return complain(...)`. */
__attribute__((format(printf, 3, 4))) static bool
complain(char *fault, size_t fault_size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(fault, fault_size, fmt, args);
    va_end(args);
    return false;
}

static void
keep(struct found *found, const char *text)
{
    found->given = true;
    snprintf(found->text, sizeof found->text, "%s", text);
}

static char *
trim(char *text)
{
    size_t size;

    text += strspn(text, " \t");
    size = strlen(text);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
        text[--size] = '\0';
    return text;
}

/* Take "…" or '…' off the value; false when a quote is not closed or something follows it. */
static bool
unquote(char **value)
{
    const char quote = **value;
    char *end;

    if (quote != '"' && quote != '\'')
        return true;
    end = strchr(*value + 1, quote);
    if (end == NULL || end[1] != '\0')
        return false;
    *end = '\0';
    (*value)++;
    return true;
}

/* One line: KEY=VALUE of a row, or nothing that concerns this program. NULL, or what is wrong. */
static const char *
read_line(char *line, const struct setting *table, size_t count, struct found *found)
{
    char *value, *name = trim(line);

    if (*name == '\0' || *name == '#')
        return NULL;
    value = strchr(name, '=');
    if (value == NULL || value == name)
        return "this is not KEY=VALUE";
    *value++ = '\0';
    name = trim(name);
    value = trim(value);
    if (!unquote(&value))
        return "the quotes do not match";
    for (size_t i = 0; i < count; i++) /* other names belong to other programs: one file for all */
        if (strcmp(table[i].name, name) == 0)
            keep(&found[i], value);
    return NULL;
}

static bool
read_file(const char *file, const struct setting *table, size_t count, struct found *found,
          char *fault, size_t fault_size)
{
    char line[FILE_LINE_MAX];
    const char *wrong = NULL;
    int number = 0;
    FILE *from = fopen(file, "re");

    if (from == NULL)
        return complain(fault, fault_size, "The settings file %s cannot be read: %s.", file,
                        strerror(errno));
    while (wrong == NULL && fgets(line, (int)sizeof line, from) != NULL) {
        number++;
        if (strlen(line) == sizeof line - 1 && line[sizeof line - 2] != '\n')
            wrong = "the line is too long";
        else
            wrong = read_line(line, table, count, found);
    }
    if (wrong != NULL) {
        complain(fault, fault_size, "%s, line %d: %s.", file, number, wrong);
    } else if (ferror(from)) {
        wrong = strerror(errno);
        complain(fault, fault_size, "The settings file %s cannot be read: %s.", file, wrong);
    }
    fclose(from);
    return wrong == NULL;
}

/* " ms" for the end of a sentence, or "". */
static const char *
unit_of(const struct setting *row, char text[32])
{
    snprintf(text, 32, "%s%s", row->unit[0] == '\0' ? "" : " ", row->unit);
    return text;
}

static bool
read_whole(const char *text, int64_t *value)
{
    char *end;
    long long number;

    if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
        return false; /* strtoll would take blanks and a plus sign */
    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return false;
    *value = number;
    return true;
}

static bool
check(const struct setting *row, const char *text, char *fault, size_t fault_size)
{
    const int64_t size = (int64_t)strlen(text);
    char unit[32];
    int64_t value;

    if (row->type == SETTING_IS_WHOLE) {
        if (read_whole(text, &value) && value >= row->min && value <= row->max)
            return true;
        return complain(fault, fault_size,
                        "%s must be a whole number from %" PRId64 " to %" PRId64
                        "%s; it is \"%.64s\".",
                        row->name, row->min, row->max, unit_of(row, unit), text);
    }
    if (size < row->min || size > row->max)
        return complain(fault, fault_size,
                        "%s must have %" PRId64 " to %" PRId64 " bytes; it has %s%" PRId64 ".",
                        row->name, row->min, row->max, size == SETTING_TEXT_MAX ? "at least " : "",
                        size);
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            return complain(fault, fault_size, "%s must not hold control characters.", row->name);
    return true;
}

/* text was checked. */
static void
store(const struct setting *row, const char *text, void *out)
{
    char *member = (char *)out + row->offset;
    int64_t value = 0;

    if (row->type == SETTING_IS_TEXT) {
        memset(member, 0, SETTING_TEXT_MAX);
        memcpy(member, text, strnlen(text, SETTING_TEXT_MAX - 1));
    } else if (read_whole(text, &value)) {
        memcpy(member, &value, sizeof value);
    }
}

bool
settings_read(const struct setting *table, size_t count, const char *file, void *out, char *fault,
              size_t fault_size)
{
    struct found *found = calloc(count, sizeof *found);
    bool good = true;

    fault[0] = '\0';
    if (found == NULL)
        return complain(fault, fault_size, "There is no memory to read the settings.");
    if (file != NULL)
        good = read_file(file, table, count, found, fault, fault_size);
    for (size_t i = 0; good && i < count; i++) {
        const char *from_environment = getenv(table[i].name);

        if (from_environment != NULL)
            keep(&found[i], from_environment);
        if (!found[i].given)
            keep(&found[i], table[i].fallback);
        good = check(&table[i], found[i].text, fault, fault_size);
    }
    for (size_t i = 0; good && i < count; i++)
        store(&table[i], found[i].text, out);
    free(found);
    return good;
}

/* The value as a line of the settings file holds it: in quotes when it needs them. */
static void
print_text(const char *text, FILE *to)
{
    const char *quote = "";

    if (text[0] == '\'' || text[0] == '"' || strpbrk(text, " \t#$&;()<>|*?~`\\") != NULL)
        quote = strchr(text, '\'') == NULL ? "'" : "\"";
    fprintf(to, "%s%s%s", quote, text, quote);
}

void
settings_print(const struct setting *table, size_t count, const void *from, FILE *to)
{
    for (size_t i = 0; i < count; i++) {
        const struct setting *row = &table[i];
        const char *member = (const char *)from + row->offset;
        const char *unit = row->type == SETTING_IS_TEXT ? "bytes" : row->unit;
        int64_t value;

        fprintf(to, "%s=", row->name);
        if (row->secret) {
            fputs("***", to);
        } else if (row->type == SETTING_IS_TEXT) {
            print_text(member, to);
        } else {
            memcpy(&value, member, sizeof value);
            fprintf(to, "%" PRId64, value);
        }
        fprintf(to, "  # %s%s%" PRId64 " to %" PRId64 ": %s\n", unit, unit[0] == '\0' ? "" : ", ",
                row->min, row->max, row->help);
    }
}
