/*
 * fuzz_episode.c - reports of episodes, one or a batch: what is taken is in number order, within
 * the limits, and is written as strict JSON.
 */
#include "fuzz.h"

#include "base/json_text.h"
#include "training/episode.h"

#include "../fakes/memory_out.h"

#define BATCH_MAX 50

static void
check_written(const struct episode *episode,
              void (*write)(const struct episode *, struct json_out *))
{
    struct memory_out memory;
    struct json_out json = {.out = &memory.out};
    struct api_error err = {.id = API_OK};
    json_object *back = NULL;
    const char *text;

    memory_out_init(&memory, 64);
    write(episode, &json);
    text = memory_out_text(&memory);
    CLAIM(json_text_parse(text, strlen(text), &back, &err));
    json_object_put(back);
    memory_out_clear(&memory);
}

static void
check_list(const struct episode_list *list)
{
    CLAIM(list->count >= 1 && list->count <= list->reported && list->reported <= BATCH_MAX);
    for (size_t i = 0; i < list->count; i++) {
        const struct episode *episode = &list->items[i];

        CLAIM(episode->number >= 1 && episode->number <= EPISODE_NUMBER_MAX);
        CLAIM(i == 0 || list->items[i - 1].number < episode->number);
        CLAIM(episode->value_count <= 8 + METRIC_CUSTOM_MAX);
        for (size_t v = 0; v < episode->value_count; v++)
            CLAIM(episode_metric(episode, episode->values[v].name) == &episode->values[v]);
        check_written(episode, episode_write_nested);
        check_written(episode, episode_write_flat);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum episode_form forms[] = {EPISODE_ONE, EPISODE_BATCH, EPISODE_EITHER};
    struct api_error err = {.id = API_OK};
    char *text = fuzz_text(data, size);
    json_object *body = NULL;

    if (json_text_parse(text, size, &body, &err))
        for (size_t i = 0; i < 3; i++) {
            struct episode_list list = {.count = 0};

            err = (struct api_error){.id = API_OK};
            if (episode_list_from_json(body, forms[i], BATCH_MAX, 1700000000000, &list, &err))
                check_list(&list);
            else
                CLAIM(err.status == 422 && err.fault_count > 0);
            episode_list_clear(&list);
        }
    json_object_put(body);
    free(text);
    return 0;
}
