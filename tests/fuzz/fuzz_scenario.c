/* fuzz_scenario.c - a scenario's file, whatever it holds, gives one line of text or is refused. */
#include "fuzz.h"

#include "supervisor/scenario.c"

#include <bson/bson.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char description[SCENARIO_DESCRIPTION_MAX + 1];

    if (scenario_description(text, size, description)) {
        CLAIM(strlen(description) <= SCENARIO_DESCRIPTION_MAX);
        CLAIM(bson_utf8_validate(description, strlen(description), false));
        CLAIM(strpbrk(description, "\n\r\t") == NULL);
    }
    free(text);
    return 0;
}
