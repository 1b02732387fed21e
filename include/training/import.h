/*
 * import.h - an episode as seed 004's own logger embedded it in its run's document, made one of
 * ours: the same rules as for a report over HTTP, but what is unfit is told and left out instead
 * of refusing the rest. Pure: no sockets and no database. Used by store/store_import.h.
 */
#ifndef TRAINING_IMPORT_H
#define TRAINING_IMPORT_H

#include "training/episode.h"

/* Called with each member that is not taken, such as ("steps", "must be an integer …"). */
typedef void import_tell(const char *member, const char *why, void *context);

/*
 * Read an episode. foreign is changed: members that have no meaning of their own become custom
 * metrics (true and false 1 and 0), `created_at` or `timestamp`, where it is a time, its
 * created_at; without one it is fallback_ms. *list, one episode, borrows from foreign: clear it
 * first. False when the episode's number is unfit, which is told too, or memory ran out.
 */
bool import_episode(json_object *foreign, int64_t fallback_ms, struct episode_list *list,
                    import_tell *tell, void *context);

/* A time: ISO-8601 text, or {"$date": text} as MongoDB's Extended JSON has it. False: it is none.
 */
bool import_time(json_object *value, int64_t *ms);

#endif
