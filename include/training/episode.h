/*
 * episode.h - one episode's report and a batch of them: rules and JSON forms.
 * Pure: no sockets and no database. Kept by store/store_episode.h.
 */
#ifndef TRAINING_EPISODE_H
#define TRAINING_EPISODE_H

#include "base/api_error.h"
#include "base/ident.h"
#include "base/json_out.h"
#include "training/metric.h"

#include <json-c/json.h>

#define EPISODE_NUMBER_MAX INT64_C(9007199254740991) /* 2^53 - 1: exact in every JSON reader */

struct episode {
    int64_t number;                   /* 1 to EPISODE_NUMBER_MAX, the key within its run */
    int64_t created_ms;               /* when the report reached nginx, UTC */
    char session_id[IDENT_UUID_SIZE]; /* "" when not given */
    const struct metric_value *values;
    size_t value_count;
};

/* Episodes in ascending order of their numbers, each number once. */
struct episode_list {
    struct episode *items;
    size_t count;
    size_t reported;             /* before the last of two reports of one number won */
    struct metric_value *values; /* all items' values */
};

/* Which bodies a route takes: one report, {"episodes": […]}, or either. */
enum episode_form { EPISODE_ONE, EPISODE_BATCH, EPISODE_EITHER };

/*
 * Check a body and fill *list, which borrows names from body: clear it first. batch_max bounds
 * the episodes in one body. Error: FIELD_INVALID, every fault listed; a fault in a batch names
 * its index ("episodes[3].roi_pct").
 */
bool episode_list_from_json(json_object *body, enum episode_form form, size_t batch_max,
                            int64_t arrived_ms, struct episode_list *list, struct api_error *err);

void episode_list_clear(struct episode_list *list);

/* The value of a metric (by its stored name), or NULL when the episode has none. */
const struct metric_value *episode_metric(const struct episode *episode, const char *name);

/* {"episode_number","metrics":{…},"session_id","created_at"}: seed 000's form. */
void episode_write_nested(const struct episode *episode, struct json_out *json);

/* {"episode","total_reward",…,"session_id","created_at"}: seed 004's form. */
void episode_write_flat(const struct episode *episode, struct json_out *json);

/*
 * The same with these metrics alone, under these names (the reward's either or both), as far as
 * the episode has them. No name may occur twice.
 */
void episode_write_chosen(const struct episode *episode, const char *const *names, size_t count,
                          struct json_out *json);

#endif
