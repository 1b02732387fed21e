/*
 * episode_query.h - which of a run's episodes a reader wants, what of them, and in which order, as
 * query parameters say it: metrics=loss,steps  sort=-total_reward  where=steps>100,win=true.
 * Pure: no sockets and no database. Read by routes/route_episode_list.c.
 */
#ifndef TRAINING_EPISODE_QUERY_H
#define TRAINING_EPISODE_QUERY_H

#include "base/api_error.h"
#include "training/episode.h"

#define EPISODE_CHOICE_MAX 100          /* metrics that one query may choose */
#define EPISODE_CONDITIONS_MAX 16       /* comparisons in one query */
#define EPISODE_NUMBER_METRIC "episode" /* an episode's number, in `sort` and `where` */

enum episode_comparison {
    EPISODE_BELOW,
    EPISODE_AT_MOST,
    EPISODE_ABOVE,
    EPISODE_AT_LEAST,
    EPISODE_EQUAL,
    EPISODE_UNEQUAL,
};

/* "steps>100" */
struct episode_condition {
    char metric[METRIC_NAME_MAX + 1]; /* as the client names it; or EPISODE_NUMBER_METRIC */
    enum episode_comparison comparison;
    double number; /* NAN only in EPISODE_EQUAL and EPISODE_UNEQUAL */
};

struct episode_query {
    char metrics[EPISODE_CHOICE_MAX][METRIC_NAME_MAX + 1]; /* as the client names them */
    size_t metric_count;                                   /* 0: all that an episode has */
    char sort[METRIC_NAME_MAX + 1];                        /* a metric; "": by number */
    bool descending;
    struct episode_condition conditions[EPISODE_CONDITIONS_MAX]; /* all must hold */
    size_t condition_count;
};

/*
 * Read one parameter's text into *query, which is zeroed before the first; where may come several
 * times. Whether the run has the metrics is not known here. Error: FIELD_INVALID (of the
 * parameter), every fault noted.
 */
bool episode_query_read_metrics(struct episode_query *query, const char *text,
                                struct api_error *err);
bool episode_query_read_sort(struct episode_query *query, const char *text, struct api_error *err);
bool episode_query_read_where(struct episode_query *query, const char *text, struct api_error *err);

/*
 * Does the episode meet all conditions? One on a metric that it does not have is not met. Infinite
 * values compare as in IEEE 754; NaN equals NaN, and is neither below nor above anything.
 */
bool episode_query_matches(const struct episode_query *query, const struct episode *episode);

/*
 * Narrow [*from, *to] to the numbers that the conditions on `episode` leave, so that a reader need
 * not look at others; it may still hold some that do not match. Empty: *from > *to.
 */
void episode_query_narrow(const struct episode_query *query, int64_t *from, int64_t *to);

/* The episode as seed 004 shows it (episode.h), with the chosen metrics that it has. */
void episode_query_write(const struct episode_query *query, const struct episode *episode,
                         struct json_out *json);

#endif
