/*
 * metric.h - what an episode measures: the named metrics of the two client families, and custom
 * ones by their own names. The reward has two names, total_reward (kept) and reward_sum.
 */
#ifndef TRAINING_METRIC_H
#define TRAINING_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRIC_NAME_MAX 64           /* bytes, not counting the NUL */
#define METRIC_CUSTOM_MAX 64         /* custom metrics in one episode */
#define METRIC_REWARD "total_reward" /* the reward's name in storage */
#define METRIC_REWARD_ALIAS "reward_sum"

enum metric_kind {
    METRIC_REAL,  /* any double; not finite ones come as "NaN", "Infinity", "-Infinity" */
    METRIC_WHOLE, /* an integer of at least 0 */
    METRIC_WIN,   /* a bool, or a number from 0 to 1 (0.5 is a draw) */
};

struct metric {
    const char *name;
    enum metric_kind kind;
};

/* The named metrics in the order of exports; the reward occurs under both its names. */
extern const struct metric metric_table[];
extern const size_t metric_table_count;

/* The row of a named metric, or NULL for a custom one's name. */
const struct metric *metric_find(const char *name);

/* The name under which a metric is stored: total_reward for reward_sum, else name itself. */
const char *metric_stored_name(const char *name);

/* The other name of the reward when name is one of its two; else NULL. */
const char *metric_other_name(const char *name);

/* May a custom metric have this name? 1-64 of A-Z a-z 0-9 . _ - / and not one of an episode's. */
bool metric_name_is_valid(const char *name);
bool metric_name_is_reserved(const char *name);

/* One value as the client gave it: its type comes back as it was. */
enum metric_type { METRIC_IS_REAL, METRIC_IS_WHOLE, METRIC_IS_BOOL };

struct metric_value {
    const char *name; /* as stored; borrowed from what the episode was read from */
    enum metric_type type;
    double real;   /* the value as a number, whatever its type: true is 1 */
    int64_t whole; /* the value when type is METRIC_IS_WHOLE */
};

#endif
