/* wire.h - a reply's way to nginx: struct http_wire over a FastCGI request. */
#ifndef API_WIRE_H
#define API_WIRE_H

#include "http/http_reply.h"

#include <fcgiapp.h>

struct wire {
    struct http_wire http; /* first: the reply knows only this */
    FCGX_Request *fcgi;    /* borrowed */
};

/* A wire to fcgi; good until the request is finished. */
struct wire wire_to(FCGX_Request *fcgi);

/*
 * Give up a broken answer: close the connection in a way that nginx does not take for its end, so
 * that nginx cuts the client's connection too. In place of FCGX_Finish_r.
 */
void wire_cut(FCGX_Request *fcgi);

#endif
