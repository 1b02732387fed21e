/*
 * evaluation.h - one evaluation of a checkpoint: so many games against an opponent, and how they
 * went. Pure: no sockets and no database. Kept by store/store_evaluation.h.
 */
#ifndef TRAINING_EVALUATION_H
#define TRAINING_EVALUATION_H

#include "base/api_error.h"
#include "base/json_out.h"
#include "training/run.h"

#include <json-c/json.h>

#define EVALUATION_OPPONENT_MAX 256 /* bytes */
#define EVALUATION_ID_SIZE 25       /* 24 hexadecimal digits and a NUL */

struct evaluation {
    char id[EVALUATION_ID_SIZE]; /* "" until it is stored */
    int64_t created_ms;          /* when the report reached nginx, UTC */
    const char *checkpoint_path; /* 1 to RUN_PATH_MAX bytes */
    const char *opponent_type;   /* 1 to EVALUATION_OPPONENT_MAX bytes */
    int64_t games_played;        /* at least 1: a rate over no games says nothing */
    double win_rate;             /* 0 to 1 */
    double avg_reward;           /* any double, also one that is not finite */
    double avg_game_length;      /* at least 0 */
};

/*
 * Check a body and fill *evaluation but for id and created_ms; texts are borrowed from body. All
 * six members are required. Error: FIELD_INVALID, every fault listed.
 */
bool evaluation_from_json(json_object *body, struct evaluation *evaluation, struct api_error *err);

/* Do both say the same, whenever it was said? */
bool evaluation_same(const struct evaluation *a, const struct evaluation *b);

/* The evaluation as an object: its six members, id, run_id and created_at. */
void evaluation_write(const struct evaluation *evaluation, const char *run_id,
                      struct json_out *json);

#endif
