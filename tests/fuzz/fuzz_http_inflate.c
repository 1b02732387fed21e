/*
 * fuzz_http_inflate.c - compressed bodies. Input: how they are cut into pieces, then gzip's bytes.
 * Whatever comes: no more than the limit is made, and pieces change nothing.
 */
#include "fuzz.h"

#include "http/http_inflate.h"

#define MOST 4096

static char *
inflated(const char *bytes, size_t size, size_t piece, size_t *made, struct api_error *err)
{
    struct http_inflate *gzip = http_inflate_new(MOST);
    char *text = NULL;
    bool good = true;

    for (size_t at = 0; good && at < size; at += piece)
        good = http_inflate_feed(gzip, bytes + at, size - at < piece ? size - at : piece, err);
    if (good)
        text = http_inflate_take(gzip, made, err);
    http_inflate_free(gzip);
    CLAIM((text == NULL) == (err->id != API_OK));
    CLAIM(text != NULL || err->id == API_BODY_NOT_GZIP || err->id == API_BODY_TOO_LARGE);
    CLAIM(text == NULL || (*made <= MOST && text[*made] == '\0'));
    return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_error whole_err = {.id = API_OK}, err = {.id = API_OK};
    size_t whole_made = 0, made = 0;
    char *bytes, *whole, *text;

    if (size == 0)
        return 0;
    bytes = fuzz_text(data + 1, size - 1);
    whole = inflated(bytes, size - 1, size, &whole_made, &whole_err);
    text = inflated(bytes, size - 1, 1 + data[0] % 16, &made, &err);
    CLAIM((text == NULL) == (whole == NULL));
    CLAIM(text == NULL || (made == whole_made && memcmp(text, whole, made) == 0));
    free(text);
    free(whole);
    free(bytes);
    return 0;
}
