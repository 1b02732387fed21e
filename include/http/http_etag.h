/*
 * http_etag.h - tags of answers, and the answer 304 to a client that has the tagged one already
 * (RFC 9110, sections 8.8.3 and 13.1.2). All tags are weak: nginx may compress what they stand for.
 */
#ifndef HTTP_HTTP_ETAG_H
#define HTTP_HTTP_ETAG_H

#include "http/http_route.h"

#define HTTP_ETAG_SIZE 96 /* bytes of a tag's text between its quotes, with the NUL */

/* Does If-None-Match (a list of tags, or "*") name this tag? Strong and weak count the same. */
bool http_etag_matches(const char *list, const char *tag);

/*
 * Tag the answer (tag: without quotes and W/). True: the client has it already, and the reply is a
 * 304 without a body now. Only for GET, and before anything of the body is on the wire.
 */
bool http_etag_offer(struct call *call, const char *tag);

/*
 * Last thing before a reply is sent: a 200 to GET or HEAD that nobody has tagged, and that is whole
 * in the buffer still, gets a tag of its headers and bytes. One that is no-store gets none.
 */
void http_etag_settle(struct call *call);

#endif
