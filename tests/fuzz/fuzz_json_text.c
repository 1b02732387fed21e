/*
 * fuzz_json_text.c - strict JSON: whatever is taken is written again as a text that is taken too
 * and has the same value.
 */
#include "fuzz.h"

#include "base/json_text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct api_error err = {.id = API_OK};
    json_object *first = NULL, *second = NULL;

    if (json_text_parse(text, size, &first, &err)) {
        const char *again = json_text_of(first);

        CLAIM(err.id == API_OK);
        CLAIM(json_text_parse(again, strlen(again), &second, &err));
        CLAIM(json_text_same(first, second));
        CLAIM(strcmp(again, json_text_of(second)) == 0);
    } else {
        CLAIM(err.status == 400 || err.status == 422);
        CLAIM(first == NULL);
    }
    json_object_put(first);
    json_object_put(second);
    free(text);
    return 0;
}
