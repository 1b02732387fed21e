/* store_summary.h - mends a header whose figures are out of step; for app/store alone. */
#ifndef STORE_SUMMARY_H
#define STORE_SUMMARY_H

#include "store/store_run.h"

/*
 * Recompute run->summary from the run's episodes and, if no transaction has changed them meanwhile
 * (merges: the header's count of those), store it. Errors: STORE_UNAVAILABLE.
 */
bool store_summary_mend(struct store *store, struct run *run, int64_t merges,
                        struct api_error *err);

#endif
