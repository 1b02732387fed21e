/* routes.h - the table and what the worker does before a handler. */
#ifndef ROUTES_ROUTES_H
#define ROUTES_ROUTES_H

#include "http/http_route.h"

#include <stdio.h>

extern const struct route routes[];
extern const size_t routes_count;

/* "GET" and so on. */
const char *route_method_name(enum http_method method);

/* The table as text, a row a line: method, pattern, scope ("-": open to everyone). */
void routes_print(FILE *out);

/*
 * Find out whose request it is: the key's account; without a key the session's; without either
 * the anonymous one when the limits name it and the client is on loopback. Fills call->account,
 * call->scopes and call->actor, and counts a write.
 * Errors: KEY_MISSING, KEY_WRONG, SESSION_OVER, STORE_UNAVAILABLE, RATE_LIMITED.
 */
bool route_authenticate(struct call *call, const struct route *route, struct api_error *err);

/*
 * May this caller do this? The key needs the route's scope, and no foreign web page writes.
 * Errors: SCOPE_MISSING, CROSS_SITE.
 */
bool route_authorise(const struct call *call, const struct route *route, struct api_error *err);

#endif
