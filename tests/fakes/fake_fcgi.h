/*
 * fake_fcgi.h - a FastCGI request that exists in memory only: parameters, and a body that comes in
 * pieces. libfcgi's stream is open enough for that. Included by unit tests and fuzzers.
 */
#ifndef FAKES_FAKE_FCGI_H
#define FAKES_FAKE_FCGI_H

#include <fcgiapp.h>
#include <stdint.h>
#include <string.h>

#define FAKE_FCGI_PARAMS_MAX 32

struct fake_fcgi {
    FCGX_Request request; /* what http_request.h reads */
    FCGX_Stream in;
    char *params[FAKE_FCGI_PARAMS_MAX + 1];
    size_t param_count;
    unsigned char *body; /* borrowed */
    size_t body_size, body_at;
    size_t piece;     /* bytes that arrive at once */
    int error_at_end; /* FCGX_GetError's answer once the body is over; 0: a proper end */
};

static inline void
fake_fcgi_fill(FCGX_Stream *stream)
{
    struct fake_fcgi *fake = stream->data;
    size_t size = fake->body_size - fake->body_at;

    if (size > fake->piece)
        size = fake->piece;
    stream->rdNext = stream->stopUnget = fake->body + fake->body_at;
    stream->stop = stream->rdNext + size;
    fake->body_at += size;
    if (size == 0) {
        stream->isClosed = 1;
        stream->FCGI_errno = fake->error_at_end;
    }
}

/* body is borrowed, and never written to. fake must not move afterwards. */
static inline void
fake_fcgi_init(struct fake_fcgi *fake, const char *body, size_t body_size)
{
    *fake = (struct fake_fcgi){
        .body = (unsigned char *)(uintptr_t)body, .body_size = body_size, .piece = SIZE_MAX};
    fake->in = (FCGX_Stream){
        .isReader = 1,
        .rdNext = fake->body,
        .stop = fake->body,
        .stopUnget = fake->body,
        .fillBuffProc = fake_fcgi_fill,
        .data = fake,
    };
    fake->request = (FCGX_Request){.in = &fake->in, .envp = fake->params};
}

/* "NAME=value"; borrowed, never written to. */
static inline void
fake_fcgi_param(struct fake_fcgi *fake, const char *param)
{
    if (fake->param_count < FAKE_FCGI_PARAMS_MAX)
        fake->params[fake->param_count++] = (char *)(uintptr_t)param;
}

#endif
