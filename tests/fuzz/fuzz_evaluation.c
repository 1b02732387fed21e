/*
 * fuzz_evaluation.c - what clients say of an evaluation. What is taken is within its limits and the
 * same as itself; what is refused is told why.
 */
#include "fuzz.h"

#include "base/json_text.h"
#include "training/evaluation.h"

#include <math.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_error err = {.id = API_OK};
    struct evaluation evaluation = {.created_ms = 1};
    char *text = fuzz_text(data, size);
    json_object *body = NULL;

    if (!json_text_parse(text, size, &body, &err)) {
        free(text);
        return 0;
    }
    if (evaluation_from_json(body, &evaluation, &err)) {
        const size_t path = strlen(evaluation.checkpoint_path);
        const size_t opponent = strlen(evaluation.opponent_type);

        CLAIM(path > 0 && path <= RUN_PATH_MAX);
        CLAIM(opponent > 0 && opponent <= EVALUATION_OPPONENT_MAX);
        CLAIM(evaluation.games_played >= 1);
        CLAIM(evaluation.win_rate >= 0.0 && evaluation.win_rate <= 1.0);
        CLAIM(isfinite(evaluation.avg_game_length) && evaluation.avg_game_length >= 0.0);
        CLAIM(evaluation_same(&evaluation, &evaluation));
    } else {
        CLAIM(err.status == 422 && err.fault_count > 0);
    }
    json_object_put(body);
    free(text);
    return 0;
}
