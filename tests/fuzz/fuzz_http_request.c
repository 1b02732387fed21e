/*
 * fuzz_http_request.c - a request as FastCGI hands it over. Input: "NAME=value" lines, an empty
 * line, then the body, which arrives in pieces. What libfcgi itself makes of broken records is not
 * ours to fuzz.
 */
#include "fuzz.h"

#include "http/http_route.h"

#include "../fakes/fake_fcgi.h"

#define BODY_MAX 4096

static const struct route table[] = {
    {.method = HTTP_GET, .pattern = "/a"},
    {.method = HTTP_POST, .pattern = "/a/:x"},
    {.method = HTTP_PATCH, .pattern = "/a/:x/b/:y"},
};

/* The lines before the empty one become parameters. Returns where the body begins. */
static char *
split(char *text, struct fake_fcgi *fake)
{
    while (*text != '\0' && *text != '\n') {
        char *line = text;

        text += strcspn(text, "\n");
        if (*text == '\n')
            *text++ = '\0';
        fake_fcgi_param(fake, line);
    }
    return *text == '\n' ? text + 1 : text;
}

static void
serve(struct fake_fcgi *fake, struct http_request *req, struct api_error *err)
{
    char allow[16];

    if (!http_request_read_head(&fake->request, 1, req, err))
        return;
    CLAIM(strlen(req->path) < sizeof req->path && strlen(req->id) < sizeof req->id);
    CLAIM(req->query != NULL && req->scheme != NULL && req->remote != NULL);
    CLAIM(req->arrived_ms > 0);
    (void)http_route_find(table, sizeof table / sizeof table[0], req, allow, sizeof allow, err);
    CLAIM(strlen(allow) < sizeof allow);
    *err = (struct api_error){.id = API_OK};
    if (http_request_read_body(&fake->request, HTTP_BODY_JSON, BODY_MAX, req, err))
        CLAIM(req->body_size == req->content_length && req->body_size <= BODY_MAX);
    else
        CLAIM(err->status >= 400 && err->status < 600);
    http_request_drain(&fake->request);
    CLAIM(fake->body_at == fake->body_size || req->body_size == req->content_length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_fcgi fake, heads = {.param_count = 0};
    struct http_request req;
    struct api_error err = {.id = API_OK};
    char *text = fuzz_text(data, size);
    char *body = split(text, &heads);

    fake_fcgi_init(&fake, body, (size_t)(text + size - body));
    memcpy(fake.params, heads.params, sizeof heads.params);
    fake.piece = 1 + size % 7;
    serve(&fake, &req, &err);
    http_request_clear(&req);
    free(text);
    return 0;
}
