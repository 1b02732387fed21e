/*
 * store_pack.h - a long run's numbers a second time, packed: a metric of a million episodes is
 * read in milliseconds, where its rows take a second or two. Made by idle workers, read by
 * store_episode_metric. Rows stay the truth, and all blocks may be dropped at any time.
 */
#ifndef STORE_STORE_PACK_H
#define STORE_STORE_PACK_H

#include "store/store.h"

/*
 * This worker has met a run that is long enough to be put into blocks, or on into them, and
 * store_pack_step has something to look at.
 */
bool store_pack_waits(const struct store *store);

/*
 * Look at one such run and put at most a few thousand of its rows into blocks, in one transaction
 * that keeps its writers waiting meanwhile. A run that is being written is left for later, unless
 * it has become very long. What goes wrong is logged and forgotten: whoever reads the run next
 * wants it again.
 *
 * Returns in how many milliseconds there may be more to do; -1: nothing waits.
 */
int64_t store_pack_step(struct store *store, int64_t now_ms);

#endif
