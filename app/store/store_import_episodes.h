/* store_import_episodes.h - the embedded episodes of a document; for app/store alone. */
#ifndef STORE_IMPORT_EPISODES_H
#define STORE_IMPORT_EPISODES_H

#include "store_import_doc.h"
#include "training/episode.h"

#define IMPORT_BATCH_MAX 1000 /* episodes in one transaction */

/*
 * metrics.episodes, an array, into made->episodes: in number order, each number once. Of two with
 * one number the last stands, and the other is told, unless they are equal (made->twice).
 */
void import_episodes_index(const bson_iter_t *array, struct import_doc *made, import_doc_tell *tell,
                           void *context);

/* Some episodes of a document, read. */
struct import_batch {
    struct episode episodes[IMPORT_BATCH_MAX]; /* in number order */
    size_t count;
    json_object *bodies[IMPORT_BATCH_MAX];       /* owned: names are borrowed from them */
    struct episode_list lists[IMPORT_BATCH_MAX]; /* owned: values are borrowed from them */
};

/*
 * Read made->episodes from *next on, as many as fit, and move *next. What is unfit is told and
 * left out. Without a time of its own an episode is as old as the run. Clear it after each use.
 */
void import_batch_read(const struct import_doc *made, size_t *next, struct import_batch *batch,
                       import_doc_tell *tell, void *context);

void import_batch_clear(struct import_batch *batch);

#endif
