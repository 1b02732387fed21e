/*
 * fuzz_import.c - documents of another program: whatever BSON comes, what is taken of it is a run
 * and episodes within our rules, and what is not is told with a reason.
 */
#include "fuzz.h"

#include "base/json_text.h"
#include "store_import_episodes.h"

#include <bson/bson.h>

static void
tell(const char *member, const char *why, void *context)
{
    int *told = context;

    CLAIM(member != NULL && why[0] != '\0');
    (*told)++;
}

static void
check_run(const struct import_doc *made)
{
    json_object *back = NULL;
    struct api_error err = {.id = API_OK};
    const char *text = json_text_of(made->request.metadata);

    CLAIM(made->status != RUN_STATUS_NONE && made->started_ms != INT64_MIN);
    CLAIM(made->request.id[0] != '\0');
    CLAIM(json_text_parse(text, strlen(text), &back, &err));
    CLAIM(made->checkpoint_count <= RUN_CHECKPOINTS_MAX);
    json_object_put(back);
}

static void
check_episodes(const struct import_doc *made, struct import_batch *batch, int *told)
{
    int64_t last = 0;
    size_t next = 0;

    while (next < made->episode_count) {
        import_batch_read(made, &next, batch, tell, told);
        for (size_t i = 0; i < batch->count; i++) {
            const struct episode *episode = &batch->episodes[i];

            CLAIM(episode->number > last && episode->number <= EPISODE_NUMBER_MAX);
            CLAIM(episode->value_count <= 8 + METRIC_CUSTOM_MAX);
            last = episode->number;
        }
        import_batch_clear(batch);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct import_batch batch;
    uint8_t *copy = (uint8_t *)fuzz_text(data, size);
    struct import_doc made;
    int told = 0;
    bson_t doc;

    if (size >= 5 && bson_init_static(&doc, copy, size)) {
        if (import_doc_read(&doc, &made, tell, &told)) {
            check_run(&made);
            check_episodes(&made, &batch, &told);
        } else {
            CLAIM(told > 0);
        }
        import_doc_clear(&made);
    }
    free(copy);
    return 0;
}
