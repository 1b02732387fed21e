/* store_episode_newest.h - the newest values of a metric, without reading the whole run. */
#ifndef STORE_STORE_EPISODE_NEWEST_H
#define STORE_STORE_EPISODE_NEWEST_H

#include "store/store_episode.h"

/*
 * Called with each value of one metric (its stored name), from the highest episode number down,
 * until visit returns false or there are no more. Reads little more than was asked for.
 * Errors: STORE_UNAVAILABLE.
 */
bool store_episode_newest(struct store *store, const struct run *run, const char *metric,
                          store_metric_visit *visit, void *context, struct api_error *err);

#endif
