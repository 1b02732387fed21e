/* wire.c - writes a reply's bytes into the FastCGI stream. Called by worker.c, http/http_reply.c.
 */
#include "wire.h"

#include <limits.h>
#include <unistd.h>

static bool
write_stream(struct http_wire *http, const char *bytes, size_t size)
{
    const struct wire *wire = (const struct wire *)http;

    while (size > 0) {
        const int part = size > INT_MAX ? INT_MAX : (int)size;

        if (FCGX_PutStr(bytes, part, wire->fcgi->out) != part)
            return false; /* nginx is gone, or took nothing for TRAINING_API_STALL_MS */
        bytes += part;
        size -= (size_t)part;
    }
    return true;
}

struct wire
wire_to(FCGX_Request *fcgi)
{
    return (struct wire){.http = {.write = write_stream}, .fcgi = fcgi};
}

void
wire_cut(FCGX_Request *fcgi)
{
    /*
     * With fastcgi_keep_conn off nginx takes a connection that merely ends for a whole answer. A
     * record of version 0 is an error to it, whatever its settings (FastCGI 1.0, 3.3: version 1).
     */
    static const char no_record[8] = {0};
    const ssize_t sent = write(fcgi->ipcFd, no_record, sizeof no_record);

    (void)sent; /* when even that fails, nginx is gone */
    FCGX_Free(fcgi, 1);
}
