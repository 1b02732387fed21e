/*
 * episode_csv.h - episodes as a table of comma-separated values (RFC 4180): a line an episode, a
 * column a metric. The columns are told before the first line, and no line has others.
 */
#ifndef TRAINING_EPISODE_CSV_H
#define TRAINING_EPISODE_CSV_H

#include "base/out.h"
#include "training/episode.h"

#define EPISODE_CSV_PLACES 128

struct csv_column; /* episode_csv.c: a metric's name and its value in the line being made */

/* Zero it first. */
struct episode_csv {
    struct csv_column *columns; /* owned; in their order once the header is written */
    size_t count, room;
    size_t places[EPISODE_CSV_PLACES]; /* the columns of the last line's values: a first guess */
};

/* Note a metric (its stored name) that occurs; twice is once. False when memory ran out. */
bool episode_csv_add_metric(struct episode_csv *csv, const char *name);

/*
 * "episode,created_at,session_id", the named metrics that occur, in metric_table's order, the
 * reward under both its names, then the custom ones in byte order. No metric may be added later.
 */
void episode_csv_write_header(struct episode_csv *csv, struct out *out);

/*
 * The episode's line. Empty: not given. Not finite: NaN, Infinity, -Infinity. A value of a metric
 * that has no column is left out.
 */
void episode_csv_write(struct episode_csv *csv, const struct episode *episode, struct out *out);

void episode_csv_clear(struct episode_csv *csv);

#endif
