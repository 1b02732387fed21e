/*
 * run_order.c - the orders of a list by name, and cursors: 'n' (on) or 'p' (back), the order, the
 * value and run_id of the run beside the place, as in `n-episodes:1000_run7`. Clients take them
 * from Link and need not know this.
 * Called by routes/route_list.c, store/store_run_sort.c. Next: training/run.c.
 */
#include "training/run_order.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_FIGURE "none"
#define FIGURE_DIGITS 16 /* a double's bits in hexadecimal: exact, whatever the locale */

static const char *const names[RUN_SORT_COUNT] = {
    [RUN_SORT_START_TIME] = "start_time",
    [RUN_SORT_EPISODES] = "episodes",
    [RUN_SORT_AVG_REWARD] = "avg_reward",
    [RUN_SORT_WIN_RATE] = "win_rate",
};

bool
run_order_find(const char *text, struct run_order *order)
{
    const bool descending = text[0] == '-';

    for (enum run_sort sort = 0; sort < RUN_SORT_COUNT; sort++)
        if (strcmp(text + descending, names[sort]) == 0) {
            *order = (struct run_order){.sort = sort, .ascending = !descending};
            return true;
        }
    return false;
}

static bool
is_whole(enum run_sort sort)
{
    return sort == RUN_SORT_START_TIME || sort == RUN_SORT_EPISODES;
}

static void
write_value(const struct run_place *place, enum run_sort sort, char *text, size_t size)
{
    uint64_t bits;

    memcpy(&bits, &place->figure, sizeof bits);
    if (is_whole(sort))
        snprintf(text, size, "%" PRId64, place->whole);
    else if (isnan(place->figure))
        snprintf(text, size, NO_FIGURE);
    else
        snprintf(text, size, "%0*" PRIx64, FIGURE_DIGITS, bits);
}

void
run_cursor_write(const struct run_cursor *cursor, struct run_order order,
                 char text[RUN_CURSOR_SIZE])
{
    char value[24];

    write_value(&cursor->place, order.sort, value, sizeof value);
    snprintf(text, RUN_CURSOR_SIZE, "%c%s%s:%s_%s", cursor->backwards ? 'p' : 'n',
             order.ascending ? "" : "-", names[order.sort], value, cursor->place.id);
}

/* The start of a value's text, and how long it is. */
struct part {
    const char *text;
    size_t size;
};

static bool
read_whole(struct part value, int64_t *whole)
{
    const char *digits = value.text + (value.text[0] == '-'); /* imported runs may predate 1970 */
    char *end;

    errno = 0;
    *whole = strtoll(value.text, &end, 10);
    return errno == 0 && end == value.text + value.size && *digits >= '0' && *digits <= '9';
}

static bool
read_figure(struct part value, double *figure)
{
    uint64_t bits;
    char *end;

    *figure = NAN;
    if (value.size == strlen(NO_FIGURE) && memcmp(value.text, NO_FIGURE, value.size) == 0)
        return true;
    if (value.size != FIGURE_DIGITS || strspn(value.text, "0123456789abcdef") < FIGURE_DIGITS)
        return false;
    bits = strtoull(value.text, &end, 16);
    memcpy(figure, &bits, sizeof *figure);
    return isfinite(*figure);
}

/* The order's name, written as run_cursor_write writes it. NULL: it is another. */
static const char *
skip_order(const char *text, struct run_order order)
{
    const char *name = names[order.sort];

    if ((text[0] == '-') == order.ascending)
        return NULL;
    text += !order.ascending;
    if (strncmp(text, name, strlen(name)) != 0 || text[strlen(name)] != ':')
        return NULL;
    return text + strlen(name) + 1;
}

bool
run_cursor_read(const char *text, struct run_order order, struct run_cursor *cursor)
{
    struct run_place *place = &cursor->place;
    struct part value;
    const char *id;

    if (text[0] != 'n' && text[0] != 'p')
        return false;
    *cursor = (struct run_cursor){.backwards = text[0] == 'p'};
    value.text = skip_order(text + 1, order);
    id = value.text == NULL ? NULL : strchr(value.text, '_');
    if (id == NULL || strlen(id + 1) > RUN_ID_MAX)
        return false;
    value.size = (size_t)(id - value.text);
    if (is_whole(order.sort) ? !read_whole(value, &place->whole)
                             : !read_figure(value, &place->figure))
        return false;
    snprintf(place->id, sizeof place->id, "%s", id + 1);
    return run_id_settle(place->id);
}
