/*
 * episode_query.c - reads metrics=, sort= and where=, and holds episodes against them.
 * Called by routes/route_episode_list.c. Next: episode_rank.c (the order), metric.c.
 */
#include "training/episode_query.h"

#include "base/auto.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONDITION_SIZE 192 /* bytes with the NUL: a name, an operator, a number, some spaces */

/* A piece of a list, up to its comma, without the spaces around it. False when it is too long. */
static bool
copy_piece(const char *text, size_t size, char piece[CONDITION_SIZE])
{
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ')
        size--;
    if (size >= CONDITION_SIZE)
        return false;
    memcpy(piece, text, size);
    piece[size] = '\0';
    return true;
}

typedef bool piece_reader(struct episode_query *query, const char *piece, struct api_error *err);

/* Each piece of a comma-separated list; an empty one is a piece too. */
static bool
each_piece(struct episode_query *query, const char *text, piece_reader *read, struct api_error *err)
{
    bool good = true;

    for (bool more = true; more;) {
        const size_t size = strcspn(text, ",");
        char piece[CONDITION_SIZE];

        good = read(query, copy_piece(text, size, piece) ? piece : text, err) && good;
        more = text[size] == ',';
        text += size + 1;
    }
    return good;
}

static bool
is_chosen(const struct episode_query *query, const char *name)
{
    for (size_t i = 0; i < query->metric_count; i++)
        if (strcmp(query->metrics[i], name) == 0)
            return true;
    return false;
}

static bool
choose_metric(struct episode_query *query, const char *name, struct api_error *err)
{
    if (!metric_name_is_valid(name))
        return api_fault(err, "metrics", "must be names of metrics, with commas; this is none: %s",
                         name);
    if (is_chosen(query, name))
        return true;
    if (query->metric_count == EPISODE_CHOICE_MAX)
        return api_fault(err, "metrics", "names more than %d metrics", EPISODE_CHOICE_MAX);
    strcpy(query->metrics[query->metric_count++], name);
    return true;
}

bool
episode_query_read_metrics(struct episode_query *query, const char *text, struct api_error *err)
{
    return each_piece(query, text, choose_metric, err);
}

bool
episode_query_read_sort(struct episode_query *query, const char *text, struct api_error *err)
{
    const bool descending = text[0] == '-';
    const char *name = text + (descending ? 1 : 0);

    if (!metric_name_is_valid(name))
        return api_fault(err, "sort", "must be a metric or episode, - before it reverses: %s",
                         text);
    query->descending = descending;
    strcpy(query->sort, strcmp(name, EPISODE_NUMBER_METRIC) == 0 ? "" : name);
    return true;
}

static bool
read_comparison(const char **text, enum episode_comparison *comparison)
{
    /* Those of two characters first: "<=" also begins with "<". */
    static const struct {
        const char *sign;
        enum episode_comparison comparison;
    } signs[] = {
        {"<=", EPISODE_AT_MOST}, {">=", EPISODE_AT_LEAST}, {"!=", EPISODE_UNEQUAL},
        {"<", EPISODE_BELOW},    {">", EPISODE_ABOVE},     {"=", EPISODE_EQUAL},
    };

    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (strncmp(*text, signs[i].sign, strlen(signs[i].sign)) == 0) {
            *text += strlen(signs[i].sign);
            *comparison = signs[i].comparison;
            return true;
        }
    return false;
}

static bool
read_decimal(const char *text, double *number)
{
    char *end;

    /* strtod alone would also take hexadecimal numbers, and words in any case. */
    if (text[0] == '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    *number = strtod(text, &end);
    return *end == '\0' && isfinite(*number);
}

/* What an episode's value may be written as in a report: a number, a word, for `win` a bool. */
static bool
read_value(const char *text, struct episode_condition *condition)
{
    const bool equality =
        condition->comparison == EPISODE_EQUAL || condition->comparison == EPISODE_UNEQUAL;
    const bool win = strcmp(condition->metric, "win") == 0;
    const struct {
        const char *word;
        bool allowed;
        double number;
    } words[] = {
        {"NaN", equality, NAN}, {"Infinity", true, INFINITY}, {"-Infinity", true, -INFINITY},
        {"true", win, 1.0},     {"false", win, 0.0},
    };

    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(text, words[i].word) == 0) {
            condition->number = words[i].number;
            return words[i].allowed;
        }
    return read_decimal(text, &condition->number);
}

static bool
read_condition(const char *text, struct episode_condition *condition)
{
    const size_t size = strcspn(text, "<>=! ");

    if (size > METRIC_NAME_MAX)
        return false;
    memcpy(condition->metric, text, size);
    condition->metric[size] = '\0';
    text += size;
    text += strspn(text, " ");
    if (!metric_name_is_valid(condition->metric) || !read_comparison(&text, &condition->comparison))
        return false;
    return read_value(text + strspn(text, " "), condition);
}

static bool
add_condition(struct episode_query *query, const char *text, struct api_error *err)
{
    if (query->condition_count == EPISODE_CONDITIONS_MAX)
        return api_fault(err, "where", "holds more than %d comparisons", EPISODE_CONDITIONS_MAX);
    if (!read_condition(text, &query->conditions[query->condition_count]))
        return api_fault(
            err, "where",
            "must be like steps>100,win=true with < <= > >= = != and numbers; this is not: %s",
            text);
    query->condition_count++;
    return true;
}

bool
episode_query_read_where(struct episode_query *query, const char *text, struct api_error *err)
{
    return each_piece(query, text, add_condition, err);
}

static bool
holds(const struct episode_condition *condition, double value)
{
    const double number = condition->number;
    const bool equal = value == number || (isnan(value) && isnan(number));

    switch (condition->comparison) {
    case EPISODE_BELOW:
        return value < number;
    case EPISODE_AT_MOST:
        return value <= number;
    case EPISODE_ABOVE:
        return value > number;
    case EPISODE_AT_LEAST:
        return value >= number;
    case EPISODE_EQUAL:
        return equal;
    case EPISODE_UNEQUAL:
        return !equal;
    }
    return false;
}

static bool
is_about_number(const struct episode_condition *condition)
{
    return strcmp(condition->metric, EPISODE_NUMBER_METRIC) == 0;
}

bool
episode_query_matches(const struct episode_query *query, const struct episode *episode)
{
    for (size_t i = 0; i < query->condition_count; i++) {
        const struct episode_condition *condition = &query->conditions[i];
        const struct metric_value *value =
            episode_metric(episode, metric_stored_name(condition->metric));

        if (is_about_number(condition) ? !holds(condition, (double)episode->number)
                                       : value == NULL || !holds(condition, value->real))
            return false;
    }
    return true;
}

/* The number as an episode's, at the nearest end when it is beyond all of them. */
static int64_t
clamp(double number)
{
    if (!(number > 0.0))
        return 0;
    return number >= (double)EPISODE_NUMBER_MAX ? EPISODE_NUMBER_MAX : (int64_t)number;
}

void
episode_query_narrow(const struct episode_query *query, int64_t *from, int64_t *to)
{
    for (size_t i = 0; i < query->condition_count; i++) {
        const struct episode_condition *condition = &query->conditions[i];
        const enum episode_comparison comparison = condition->comparison;
        const int64_t low = clamp(floor(condition->number));
        const int64_t high = clamp(ceil(condition->number));

        if (!is_about_number(condition) || comparison == EPISODE_UNEQUAL)
            continue;
        if (comparison != EPISODE_BELOW && comparison != EPISODE_AT_MOST && low > *from)
            *from = low;
        if (comparison != EPISODE_ABOVE && comparison != EPISODE_AT_LEAST && high < *to)
            *to = high;
    }
}

void
episode_query_write(const struct episode_query *query, const struct episode *episode,
                    struct json_out *json)
{
    const char *names[EPISODE_CHOICE_MAX];

    for (size_t i = 0; i < query->metric_count; i++)
        names[i] = query->metrics[i];
    if (query->metric_count == 0)
        episode_write_flat(episode, json);
    else
        episode_write_chosen(episode, names, query->metric_count, json);
}
