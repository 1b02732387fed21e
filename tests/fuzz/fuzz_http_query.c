/*
 * fuzz_http_query.c - a query string: names and values stay within their buffer, integers within
 * their range, and a value that is encoded again decodes to the same.
 */
#include "fuzz.h"

#include "http/http_query.h"

static void
check_value(const char *value)
{
    static struct http_query again;
    static char raw[4 * HTTP_QUERY_MAX];
    struct api_error err = {.id = API_OK};

    strcpy(raw, "v=");
    CLAIM(http_query_encode(raw, sizeof raw, value));
    if (strlen(raw) >= HTTP_QUERY_MAX)
        return;
    CLAIM(http_query_parse(raw, &again, &err));
    CLAIM(strcmp(http_query_text(&again, "v"), value) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_query query;
    struct api_error err = {.id = API_OK};
    char *raw = fuzz_text(data, size);

    if (http_query_parse(raw, &query, &err))
        for (size_t i = 0; i < query.count; i++) {
            const char *value = query.params[i].value;
            int64_t whole = 5;

            CLAIM(query.params[i].name >= query.text);
            CLAIM(value + strlen(value) < query.text + sizeof query.text);
            (void)http_query_whole(&query, query.params[i].name, 1, 100, &whole, &err);
            CLAIM(whole >= 1 && whole <= 100);
            if (value[0] != '\0')
                check_value(value);
        }
    else
        CLAIM(err.status == 422);
    free(raw);
    return 0;
}
