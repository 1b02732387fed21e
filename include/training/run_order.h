/*
 * run_order.h - in which order runs are listed, and a place in such a list as text (a cursor).
 * Pure: no sockets and no database. Used by routes/route_list.c, store/store_run_list.c.
 */
#ifndef TRAINING_RUN_ORDER_H
#define TRAINING_RUN_ORDER_H

#include "training/run.h"

#include <stddef.h>

#define RUN_ORDER_CHOICES \
    "-start_time, start_time, -episodes, episodes, -avg_reward, avg_reward, -win_rate, win_rate"
#define RUN_CURSOR_SIZE 128 /* bytes of a cursor with the NUL */

enum run_sort {
    RUN_SORT_START_TIME,
    RUN_SORT_EPISODES,
    RUN_SORT_AVG_REWARD,
    RUN_SORT_WIN_RATE,
    RUN_SORT_COUNT
};

/*
 * Runs without the figure come last either way. Ties are broken by run_id, A to Z when the figure
 * descends, Z to A when it ascends.
 */
struct run_order {
    enum run_sort sort;
    bool ascending;
};

/* "-start_time", "episodes" …. False when text is none of them. */
bool run_order_find(const char *text, struct run_order *order);

/* A run's place in a list. */
struct run_place {
    int64_t whole;           /* its start time in ms, or its episodes; else 0 */
    double figure;           /* its mean reward or win rate, NAN: it has none; else 0 */
    char id[RUN_ID_MAX + 1]; /* "": no place */
};

/* Beside that place: the runs after it, or, backwards, those before it. */
struct run_cursor {
    struct run_place place;
    bool backwards;
};

/* A cursor as text, for the list in that order alone. It needs no encoding in a URL's query. */
void run_cursor_write(const struct run_cursor *cursor, struct run_order order,
                      char text[RUN_CURSOR_SIZE]);

/* False when text is no cursor of a list in that order. */
bool run_cursor_read(const char *text, struct run_order order, struct run_cursor *cursor);

#endif
