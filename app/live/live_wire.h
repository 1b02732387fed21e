/*
 * live_wire.h - one connection of libwebsockets: a wire with one task, and the server that it is
 * of. Seen by live_server.c, live_wire.c and live_request.c alone: what needs libwebsockets.h.
 */
#ifndef LIVE_WIRE_H
#define LIVE_WIRE_H

#include "live_gate.h"
#include "live_server.h"

#include <libwebsockets.h>

enum live_task {
    TASK_NONE,
    TASK_REPLY,  /* send `reply`, then close */
    TASK_POLL,   /* send the session's next payload, then close */
    TASK_POST,   /* read a body for a session */
    TASK_STREAM, /* an event stream */
    TASK_SOCKET  /* a WebSocket */
};

struct live_wire {
    struct lws *wsi;
    struct live_server *server;
    enum live_task task;
    bool head_only;             /* HEAD */
    bool event_source;          /* a browser's */
    bool discards;              /* the body is not wanted */
    struct live_client *client; /* TASK_POLL, _STREAM, _SOCKET: lives as long as the wire */
    uint32_t place; /* TASK_POST: of the client, which may be gone when the body is here */
    uint64_t serial;
    struct live_reply reply;
    char request_id[65];
    char *text; /* what has come of a body or of a message; owned */
    size_t text_size;
};

struct live_server {
    const struct live_settings *settings;
    struct ev_loop *loop; /* epoll: a quiet client costs nothing (poll() would look at each) */
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws *listening;
    struct live_hub *hub;
    struct live_queue *queue;
    struct live_access *access;
    lws_sorted_usec_list_t tick;
    size_t wires, wires_max;
    int64_t stop_by_ms; /* 0: not stopping */
    bool done;
};

/* The head of a request, copied; what is too long or not there is "". */
void live_request_read(struct lws *wsi, bool upgrade, struct live_request *request);

/*
 * What libwebsockets calls on_client for; each returns what is returned to it: 0, or -1 to close
 * the connection.
 */
int live_wire_begin_request(struct live_wire *wire, struct lws *wsi);
int live_wire_begin_socket(struct live_wire *wire, struct lws *wsi);
int live_wire_hear_body(struct live_wire *wire, const void *bytes, size_t size);
int live_wire_end_body(struct live_wire *wire);
int live_wire_hear_socket(struct live_wire *wire, const void *bytes, size_t size);
int live_wire_serve_http(struct live_wire *wire);
int live_wire_serve_socket(struct live_wire *wire);

/* The connection is gone; once is enough, twice does no harm. */
void live_wire_close(struct live_wire *wire);

#endif
