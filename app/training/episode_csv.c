/*
 * episode_csv.c - episodes as comma-separated values. Called by routes/route_export.c.
 * Next: base/number.c, base/clock.c.
 *
 * A spreadsheet takes a cell that begins with = + - @ for a formula. Of those only - can begin
 * one here, in a number or in a metric's name, whose A-Z a-z 0-9 . _ - / can call nothing: so all
 * is written as it is, and a program reads back what was reported.
 */
#include "training/episode_csv.h"

#include "base/clock.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_END "\r\n"
#define NO_COLUMN SIZE_MAX

struct csv_column {
    char name[METRIC_NAME_MAX + 1];
    size_t rank;                      /* its row in metric_table; custom ones come after them */
    size_t source;                    /* the column of its stored name, mostly itself */
    const struct metric_value *value; /* in the line being made; NULL: not given */
};

static size_t
rank_of(const char *name)
{
    const struct metric *named = metric_find(name);

    return named == NULL ? metric_table_count : (size_t)(named - metric_table);
}

static bool
append(struct episode_csv *csv, const char *name)
{
    if (csv->count == csv->room) {
        const size_t room = csv->room == 0 ? 32 : csv->room * 2;
        struct csv_column *columns = realloc(csv->columns, room * sizeof *columns);

        if (columns == NULL)
            return false;
        csv->columns = columns;
        csv->room = room;
    }
    csv->columns[csv->count] = (struct csv_column){.rank = rank_of(name)};
    snprintf(csv->columns[csv->count].name, sizeof csv->columns->name, "%s", name);
    csv->count++;
    return true;
}

bool
episode_csv_add_metric(struct episode_csv *csv, const char *name)
{
    const char *other = metric_other_name(name);

    return append(csv, name) && (other == NULL || append(csv, other));
}

static int
by_place(const void *a, const void *b)
{
    const struct csv_column *left = a, *right = b;

    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* NO_COLUMN when the metric was not told of before the header. */
static size_t
find_column(const struct episode_csv *csv, const char *name)
{
    struct csv_column key = {.rank = rank_of(name)};
    const struct csv_column *found;

    snprintf(key.name, sizeof key.name, "%s", name);
    found = csv->count == 0 ? NULL : bsearch(&key, csv->columns, csv->count, sizeof key, by_place);
    return found == NULL ? NO_COLUMN : (size_t)(found - csv->columns);
}

/* Each column once, in order, and where each takes its values from. */
static void
settle_columns(struct episode_csv *csv)
{
    size_t kept = 0;

    if (csv->count == 0)
        return;
    qsort(csv->columns, csv->count, sizeof *csv->columns, by_place);
    for (size_t i = 0; i < csv->count; i++)
        if (kept == 0 || by_place(&csv->columns[kept - 1], &csv->columns[i]) != 0)
            csv->columns[kept++] = csv->columns[i];
    csv->count = kept;
    for (size_t i = 0; i < csv->count; i++)
        csv->columns[i].source = find_column(csv, metric_stored_name(csv->columns[i].name));
}

/* RFC 4180, 2.5 to 2.7: quoted when it must be. */
static void
write_name(const char *name, struct out *out)
{
    if (strpbrk(name, ",\"\r\n") == NULL) {
        out_bytes(out, name, strlen(name));
        return;
    }
    out_char(out, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            out_char(out, '"');
        out_char(out, *name);
    }
    out_char(out, '"');
}

void
episode_csv_write_header(struct episode_csv *csv, struct out *out)
{
    static const char first[] = "episode,created_at,session_id";

    settle_columns(csv);
    out_bytes(out, first, sizeof first - 1);
    for (size_t i = 0; i < csv->count; i++) {
        out_char(out, ',');
        write_name(csv->columns[i].name, out);
    }
    out_bytes(out, LINE_END, 2);
}

/* The column of an episode's i-th value: most episodes have the same metrics in the same order. */
static size_t
column_of(struct episode_csv *csv, size_t i, const char *name)
{
    size_t place;

    if (i < EPISODE_CSV_PLACES) {
        place = csv->places[i];
        if (place < csv->count && strcmp(csv->columns[place].name, name) == 0)
            return place;
    }
    place = find_column(csv, name);
    if (i < EPISODE_CSV_PLACES && place != NO_COLUMN)
        csv->places[i] = place;
    return place;
}

static void
place_values(struct episode_csv *csv, const struct episode *episode)
{
    for (size_t i = 0; i < csv->count; i++)
        csv->columns[i].value = NULL;
    for (size_t i = 0; i < episode->value_count; i++) {
        const size_t place = column_of(csv, i, episode->values[i].name);

        if (place != NO_COLUMN)
            csv->columns[place].value = &episode->values[i];
    }
}

static void
write_text(const char *text, struct out *out)
{
    out_bytes(out, text, strlen(text));
}

static void
write_value(const struct metric_value *value, struct out *out)
{
    char text[NUMBER_TEXT_SIZE];

    if (value->type == METRIC_IS_BOOL)
        write_text(value->real != 0.0 ? "true" : "false", out);
    else if (value->type == METRIC_IS_WHOLE)
        out_bytes(out, text, number_format_whole(value->whole, text));
    else if (isfinite(value->real))
        out_bytes(out, text, number_format_real(value->real, text));
    else
        write_text(isnan(value->real) ? "NaN" : value->real > 0 ? "Infinity" : "-Infinity", out);
}

static void
write_origin(const struct episode *episode, struct out *out)
{
    char text[CLOCK_TEXT_SIZE > NUMBER_TEXT_SIZE ? CLOCK_TEXT_SIZE : NUMBER_TEXT_SIZE];

    out_bytes(out, text, number_format_whole(episode->number, text));
    out_char(out, ',');
    if (episode->created_ms != 0)
        write_text(clock_format(episode->created_ms, text), out);
    out_char(out, ',');
    write_text(episode->session_id, out);
}

void
episode_csv_write(struct episode_csv *csv, const struct episode *episode, struct out *out)
{
    place_values(csv, episode);
    write_origin(episode, out);
    for (size_t i = 0; i < csv->count; i++) {
        const struct metric_value *value = csv->columns[csv->columns[i].source].value;

        out_char(out, ',');
        if (value != NULL)
            write_value(value, out);
    }
    out_bytes(out, LINE_END, 2);
}

void
episode_csv_clear(struct episode_csv *csv)
{
    free(csv->columns);
    *csv = (struct episode_csv){.columns = NULL};
}
