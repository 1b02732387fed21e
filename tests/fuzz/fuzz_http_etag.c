/* fuzz_http_etag.c - If-None-Match, as anybody may send it. */
#include "fuzz.h"

#include "http/http_etag.h"

#define TAG "5f3a-1-0-f-00ff"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *list = fuzz_text(data, size);
    const bool matches = http_etag_matches(list, TAG);

    CLAIM(!matches || strstr(list, "\"" TAG "\"") != NULL || strchr(list, '*') != NULL);
    free(list);
    return 0;
}
