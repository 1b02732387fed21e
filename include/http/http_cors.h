/*
 * http_cors.h - which web pages may read what is answered here (Fetch standard, CORS protocol):
 * those of the allow-list, and our own, which need no leave.
 */
#ifndef HTTP_HTTP_CORS_H
#define HTTP_HTTP_CORS_H

#include "http/http_route.h"

/* Is origin one of a comma-separated list? Compared as bytes: browsers send lower case. */
bool http_cors_is_listed(const char *origins, const char *origin);

/*
 * First thing of a reply: a page of a listed origin may read it, errors included, and with the
 * session's cookie. These headers stay, whatever becomes of the answer.
 */
void http_cors_announce(struct call *call);

/* OPTIONS on a path that has the methods `allow` ("GET, HEAD"): 204, and what a preflight asks. */
void http_cors_options(struct call *call, const char *allow);

#endif
