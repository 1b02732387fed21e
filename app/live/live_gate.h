/*
 * live_gate.h - an HTTP request, and what is done with it: which path, which method, from which web
 * page, for which client. Pure but for the hub.
 */
#ifndef LIVE_GATE_H
#define LIVE_GATE_H

#include "live_hub.h"

enum live_method { LIVE_GET, LIVE_HEAD, LIVE_POST, LIVE_OPTIONS, LIVE_OTHER_METHOD };

/* A request's head. Members that were not sent are "". */
struct live_request {
    enum live_method method;
    bool upgrade;      /* to a WebSocket */
    bool key_too_big;  /* longer than any key */
    bool event_source; /* Accept names event streams: a browser's EventSource */
    char path[256];
    char revision[8];   /* EIO= */
    char transport[16]; /* transport= */
    char sid[64];       /* sid= */
    char host[256], scheme[8], origin[256], fetch_site[16];
    char remote[64]; /* the client's address, as nginx says */
    char key[64], cookie[4096];
    char last_event_id[32];
    char id[65]; /* X-Request-Id */
};

/* An answer without anything to follow. */
struct live_reply {
    int status;
    const char *type;          /* of body; NULL: there is none */
    const char *allow;         /* methods for a 405 and for OPTIONS; NULL: not sent */
    struct live_message *body; /* owned; NULL: none */
    char origin[256];          /* a page from there may read the answer; "": none */
    bool preflight;
};

enum live_verdict {
    LIVE_REPLY,     /* send *reply */
    LIVE_POLL,      /* the client's session: its next payload is the answer */
    LIVE_POST_BODY, /* the body is for the client's session */
    LIVE_EVENTS,    /* the client's event stream */
    LIVE_UPGRADE    /* a WebSocket for the client's session */
};

/* Decide; *client is whom it is for. With LIVE_REPLY *reply is filled, else its origin only. */
enum live_verdict live_gate(struct live_hub *hub, const struct live_request *request,
                            struct live_client **client, struct live_reply *reply);

/* An error as application/problem+json, the API's own shape. */
void live_reply_problem(struct live_reply *reply, enum api_error_id error, const char *request_id);

/*
 * "Come again in a second", as an EventSource understands it: one that is answered an error gives
 * up for good.
 */
void live_reply_come_again(struct live_reply *reply);

/* An error as Engine.IO servers tell it. */
void live_reply_engineio(struct live_reply *reply, int status, int code, const char *message);

/* Prometheus's text of what there is to count (live_metrics.c). The caller owns it. */
struct live_message *live_metrics(const struct live_hub *hub);

#endif
