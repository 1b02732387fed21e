/*
 * store_run_search.h - which runs a list shows, asked so that an index answers alone; for app/store
 * alone.
 *
 * Every index of the lists (schema/mongo/runs.json, list_by_…) ends with what lists filter by. So a
 * filter is judged by the index's keys, and no document is read but those that are shown: 51 for a
 * page of 50, whatever the filters are and however few runs meet them. Measured with 100 000 runs:
 * the rarest search looks at all keys, in 0.12 s; trigrams would take some hundred keys a run and
 * still read documents.
 */
#ifndef STORE_RUN_SEARCH_H
#define STORE_RUN_SEARCH_H

#include "base/auto.h"
#include "store/store_run.h"

/* What may be searched for in a run. */
struct run_texts {
    const char *id, *strategy_label, *agent_id, *algorithm; /* NULL: none */
    const char *const *tags;
    size_t tag_count;
};

/*
 * The header's member `search`: all these texts in one. One text and not an array: an index with
 * an array in it could not judge by its keys alone.
 */
void run_search_append(bson_t *doc, const struct run_texts *texts);

/* The same after the run's tags have changed. */
void run_search_append_retagged(bson_t *doc, const struct run *run, const char *const *tags,
                                size_t tag_count);

/*
 * What the query asks for, but for its order, its place and the start times.
 * Every value is compared as text.
 */
void run_search_filter(bson_t *filter, const char *account, const struct run_query *query);

/* Members of a condition on started_at. */
void run_search_append_times(bson_t *range, const struct run_query *query);

/* The index that has the fewest keys of other runs. */
const char *run_search_index(const struct run_query *query);

/* The filter and the index to count by; index is static. */
void run_search_count(bson_t *filter, const char *account, const struct run_query *query,
                      const char **index);

#endif
