/*
 * live_training.h - seed 003's five events about the training that was started at
 * /api/training/start; for app/live alone. Used by the watcher's thread.
 */
#ifndef LIVE_TRAINING_H
#define LIVE_TRAINING_H

#include "live_feed.h"
#include "store/store_watch.h"

struct live_training;

/* NULL when memory ran out. */
struct live_training *live_training_new(struct live_feed *feed);

/* NULL is fine. */
void live_training_free(struct live_training *training);

/* A job is in another state. False: the database is away; to be called again. */
bool live_training_job(struct live_training *training, struct store *store, const char *oid,
                       int64_t seq);

/* A report of a run that somebody listens to: perhaps the training's. */
void live_training_episode(struct live_training *training, const char *account, const char *run_id,
                           const struct store_change *change);

/*
 * Called after each turn. After a start, learn which training is under way and its last episodes;
 * after a doubt, what has become of it. What cannot be read now is read at the next call.
 */
void live_training_recall(struct live_training *training, struct store *store);

/* Whatever is known was told long ago: as after a start. */
void live_training_forget(struct live_training *training);

/* Changes were passed over. */
void live_training_doubt(struct live_training *training);

#endif
