/* store_slice.h - deletes documents a bounded number at a time; for app/store alone. */
#ifndef STORE_SLICE_H
#define STORE_SLICE_H

#include "base/auto.h"
#include "store_private.h"

/* All episodes of a run, as a filter on `episodes`: one range of its key. */
void slice_filter_episodes(bson_t *filter, const bson_oid_t *run);

/* All blocks of a run, as a filter on `blocks`. */
void slice_filter_blocks(bson_t *filter, const bson_oid_t *run);

/*
 * Delete at most max documents that match; *removed of them were. *more: there may be more.
 * The filter is served by an index. Errors: STORE_UNAVAILABLE.
 */
bool slice_delete(struct store *store, enum store_collection_id from, const bson_t *filter,
                  int64_t max, int64_t *removed, bool *more, struct api_error *err);

#endif
