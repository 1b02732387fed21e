/*
 * store_run_sort.h - a sorted list as a few ranges of one index, read one after another; for
 * app/store alone.
 *
 * "After the run X with value v" is two ranges: the same value with a later run_id, then the later
 * values. "Without the figure last, either way" is one more. Each range is what an index can start
 * at and read on from, which a condition with "or" is not.
 */
#ifndef STORE_RUN_SORT_H
#define STORE_RUN_SORT_H

#include "base/auto.h"
#include "store/store_run.h"

#define RUN_SECTIONS_MAX 3

enum run_section {
    SECTION_ALL,    /* every run that has the figure */
    SECTION_NONE,   /* every run that has it not */
    SECTION_TIES,   /* with the place's value, beyond its run_id */
    SECTION_BEYOND, /* with values beyond the place's */
};

/* The sections that make up the list from the query's place on, in their order. How many. */
size_t run_sort_sections(const struct run_query *query,
                         enum run_section sections[RUN_SECTIONS_MAX]);

/* The section's condition, with the query's start times. */
void run_sort_filter(bson_t *filter, const struct run_query *query, enum run_section section);

/* "sort": {…} */
void run_sort_order(bson_t *opts, const struct run_query *query, enum run_section section);

/* "projection": {…}: what a place is made of, all of it in the index. And the place of such a row.
 */
void run_sort_append_keys(bson_t *opts, const struct run_query *query);
void run_sort_read_place(const bson_t *row, const struct run_query *query, struct run_place *place);

/* The index to read by, whatever else the query asks for. */
const char *run_sort_index(const struct run_query *query);

#endif
