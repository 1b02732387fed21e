/* fuzz_job.c - whatever is asked of a training is within its bounds, or refused with its faults. */
#include "fuzz.h"

#include "base/json_text.h"
#include "training/job.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct api_error err = {.id = API_OK};
    struct job_request request;
    json_object *body = NULL;

    if (json_text_parse(text, size, &body, &err)) {
        if (job_request_from_json(body, &request, &err)) {
            CLAIM(request.scenario != NULL);
            CLAIM(request.num_episodes >= 1 && request.num_episodes <= JOB_EPISODES_MAX);
            CLAIM(request.save_interval >= 1 && request.save_interval <= JOB_EPISODES_MAX);
            CLAIM(request.eval_episodes >= 1 && request.eval_episodes <= JOB_EVAL_MAX);
            CLAIM(request.seed >= JOB_NO_SEED && request.seed <= JOB_SEED_MAX);
            if (job_scenario_is_valid(request.scenario))
                CLAIM(strpbrk(request.scenario, "/. '\"$;\\") == NULL &&
                      request.scenario[0] != '-');
        } else {
            CLAIM(err.status == 422 && err.fault_count > 0);
        }
        json_object_put(body);
    }
    free(text);
    return 0;
}
