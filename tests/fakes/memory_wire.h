/* memory_wire.h - a reply's wire that keeps what is sent. For unit tests. */
#ifndef FAKES_MEMORY_WIRE_H
#define FAKES_MEMORY_WIRE_H

#include "http/http_reply.h"

#include <stdlib.h>
#include <string.h>

struct memory_wire {
    struct http_wire wire; /* first */
    char *text;            /* owned, NUL-terminated; NULL while nothing was sent */
    size_t size;
    size_t writes;
    size_t writes_max; /* later ones fail: the client is gone */
};

static inline bool
memory_wire_write(struct http_wire *http, const char *bytes, size_t size)
{
    struct memory_wire *wire = (struct memory_wire *)http;

    if (wire->writes == wire->writes_max)
        return false;
    wire->writes++;
    wire->text = realloc(wire->text, wire->size + size + 1);
    if (wire->text == NULL)
        abort();
    memcpy(wire->text + wire->size, bytes, size);
    wire->size += size;
    wire->text[wire->size] = '\0';
    return true;
}

static inline void
memory_wire_init(struct memory_wire *wire)
{
    *wire = (struct memory_wire){.wire = {.write = memory_wire_write}, .writes_max = SIZE_MAX};
}

/* What follows the head's empty line; "" when there is none. */
static inline const char *
memory_wire_body(const struct memory_wire *wire)
{
    const char *end = wire->text == NULL ? NULL : strstr(wire->text, "\r\n\r\n");

    return end == NULL ? "" : end + 4;
}

static inline void
memory_wire_clear(struct memory_wire *wire)
{
    free(wire->text);
    *wire = (struct memory_wire){.size = 0};
}

#endif
