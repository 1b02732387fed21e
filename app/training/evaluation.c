/*
 * evaluation.c - rules and JSON form of evaluations. Called by routes/route_evaluation.c.
 * Next: store/store_evaluation.c.
 */
#include "training/evaluation.h"

#include "base/json_number.h"
#include "base/json_text.h"

#include <math.h>
#include <string.h>

static json_object *
member(json_object *body, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(body, name, &value);
    return value;
}

static void
read_text(json_object *body, const char *name, size_t max, const char **text, struct api_error *err)
{
    const char *given = json_text_string(member(body, name));

    if (given == NULL || given[0] == '\0' || strlen(given) > max)
        api_fault(err, name, "is required: a string of 1 to %zu bytes, without NUL", max);
    else
        *text = given;
}

static void
read_games(json_object *body, int64_t *games, struct api_error *err)
{
    int64_t read = 0;

    if (!json_number_whole(member(body, "games_played"), &read) || read < 1 ||
        read > JSON_NUMBER_WHOLE_MAX)
        api_fault(err, "games_played", "is required: an integer from 1 to 9007199254740991");
    else
        *games = read;
}

bool
evaluation_from_json(json_object *body, struct evaluation *evaluation, struct api_error *err)
{
    if (!json_object_is_type(body, json_type_object))
        return api_fault(err, "", "the body must be an object");
    read_text(body, "checkpoint_path", RUN_PATH_MAX, &evaluation->checkpoint_path, err);
    read_text(body, "opponent_type", EVALUATION_OPPONENT_MAX, &evaluation->opponent_type, err);
    read_games(body, &evaluation->games_played, err);
    if (!json_number_finite(member(body, "win_rate"), &evaluation->win_rate) ||
        evaluation->win_rate < 0.0 || evaluation->win_rate > 1.0)
        api_fault(err, "win_rate", "is required: a number from 0 to 1");
    if (!json_number_real(member(body, "avg_reward"), &evaluation->avg_reward))
        api_fault(err, "avg_reward",
                  "is required: a number, or \"NaN\", \"Infinity\" or \"-Infinity\"");
    if (!json_number_finite(member(body, "avg_game_length"), &evaluation->avg_game_length) ||
        evaluation->avg_game_length < 0.0)
        api_fault(err, "avg_game_length", "is required: a number of at least 0");
    return err->id == API_OK;
}

static bool
same_real(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool
evaluation_same(const struct evaluation *a, const struct evaluation *b)
{
    return strcmp(a->checkpoint_path, b->checkpoint_path) == 0 &&
           strcmp(a->opponent_type, b->opponent_type) == 0 && a->games_played == b->games_played &&
           a->win_rate == b->win_rate && same_real(a->avg_reward, b->avg_reward) &&
           a->avg_game_length == b->avg_game_length;
}

void
evaluation_write(const struct evaluation *evaluation, const char *run_id, struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_text(json, "id", evaluation->id);
    json_out_text(json, "run_id", run_id);
    json_out_text(json, "checkpoint_path", evaluation->checkpoint_path);
    json_out_text(json, "opponent_type", evaluation->opponent_type);
    json_out_whole(json, "games_played", evaluation->games_played);
    json_out_real(json, "win_rate", evaluation->win_rate);
    json_out_real_exact(json, "avg_reward", evaluation->avg_reward);
    json_out_real(json, "avg_game_length", evaluation->avg_game_length);
    json_out_time(json, "created_at", evaluation->created_ms);
    json_out_object_end(json);
}
