/*
 * fuzz_run.c - what clients say of a run: opening it, changing it, a checkpoint. What is taken is
 * within its limits; a run matches the request that would have made it.
 */
#include "fuzz.h"

#include "base/json_text.h"
#include "training/run.h"

#define CONFIG_MAX 2000

static void
check_request(json_object *body)
{
    struct api_error err = {.id = API_OK};
    struct run_request request;
    struct run run = {.status = RUN_RUNNING};

    if (!run_request_from_json(body, CONFIG_MAX, &request, &err)) {
        CLAIM(err.status == 422 && err.fault_count > 0);
        return;
    }
    CLAIM(request.agent_id != NULL && strlen(request.agent_id) <= RUN_NAME_MAX);
    CLAIM(request.algorithm != NULL && strlen(request.algorithm) <= RUN_NAME_MAX);
    CLAIM(request.tag_count <= RUN_TAGS_MAX);
    CLAIM(request.episodes_total >= 0 && request.episodes_total <= RUN_EPISODES_MAX);
    CLAIM(request.strategy_id[0] == '\0' || ident_is_uuid(request.strategy_id));
    if (request.id[0] != '\0') {
        char id[RUN_ID_MAX + 1];

        memcpy(id, request.id, sizeof id);
        CLAIM(run_id_settle(id) && strcmp(id, request.id) == 0);
    }
    if (request.config != NULL)
        run.config_json = json_text_of(request.config);
    run.strategy_id = request.strategy_id;
    CLAIM(run_matches(&run, &request, &err));
}

static void
check_change(json_object *body)
{
    struct api_error err = {.id = API_OK};
    struct run_change change;

    if (run_change_from_json(body, CONFIG_MAX, &change, &err))
        CLAIM(change.tag_count <= RUN_TAGS_MAX && change.episodes_total >= 0);
    else
        CLAIM(err.status == 422 && err.fault_count > 0);
    run_change_clear(&change);
}

static void
check_checkpoint(json_object *body)
{
    struct api_error err = {.id = API_OK};
    struct run_checkpoint checkpoint = {.path = NULL};

    if (run_checkpoint_from_json(body, &checkpoint, &err))
        CLAIM(checkpoint.episode >= 0 && checkpoint.path != NULL && checkpoint.path[0] != '\0');
    else
        CLAIM(err.status == 422 && err.fault_count > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_error err = {.id = API_OK};
    char *text = fuzz_text(data, size);
    json_object *body = NULL;

    if (json_text_parse(text, size, &body, &err)) {
        check_request(body);
        check_change(body);
        check_checkpoint(body);
    }
    json_object_put(body);
    free(text);
    return 0;
}
