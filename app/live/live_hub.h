/*
 * live_hub.h - all clients of this gateway, what they listen to and what they may. Everything here
 * belongs to the loop's thread. Connections are known as wires only: live_server.c has them.
 */
#ifndef LIVE_HUB_H
#define LIVE_HUB_H

#include "live_access.h"
#include "live_engineio.h"
#include "live_room.h"
#include "live_socketio.h"

struct live_wire; /* one connection; opaque here */

/* Of live_server.c (a fake in tests): the wire may write when it can; it is cut at once. */
void live_wire_wake(struct live_wire *wire);
void live_wire_cut(struct live_wire *wire);

/* What a deployment allows one client; borrowed from the settings. */
struct live_limits {
    struct engineio_limits engine;
    size_t clients_max;
    size_t runs_max;   /* that one client listens to */
    size_t outbox_max; /* bytes that wait for one client */
    int64_t stall_ms;  /* a client that takes nothing for so long is dropped */
    int64_t greet_ms;  /* a client must have connected to "/" within this time */
    int64_t beat_ms;   /* a comment on a quiet event stream */
    const char *anonymous;
    const char *origins;
};

/* ---- who a client says it is (live_credential.c) ---- */

enum live_claim_kind {
    LIVE_CLAIM_NONE,    /* shows nothing: the anonymous account, where there is one */
    LIVE_CLAIM_KEY,     /* an API key */
    LIVE_CLAIM_SESSION, /* the cookie of a session */
    LIVE_CLAIM_WRONG    /* something that can be neither */
};

struct live_claim {
    enum live_claim_kind kind;
    bool local; /* from this machine: only such a client may be anonymous */
    char secret[STORE_KEY_TEXT_SIZE];
};

/* One claim, shared by all clients that make it, and what the database said of it. */
struct live_credential {
    struct live_claim claim;
    unsigned uses;  /* clients, and a question that is under way */
    bool known;     /* error, account and scopes hold */
    bool asked;     /* a question is under way */
    bool ask_again; /* something changed meanwhile */
    enum api_error_id error;
    char account[STORE_ACCOUNT_SIZE];
    unsigned scopes;
    struct live_credential *next;
};

struct live_hub;

/* The claim's credential, asked for when nothing is known yet. One use; NULL: no memory. */
struct live_credential *live_credential_use(struct live_hub *hub, const struct live_claim *claim);

/* NULL is fine. */
void live_credential_drop(struct live_hub *hub, struct live_credential *credential);

/* Ask the database about all that are in use. */
void live_credentials_check(struct live_hub *hub);

/* An answer came: note it. The credential, of which the question's use goes over to the caller. */
struct live_credential *live_credential_hear(struct live_hub *hub, const struct live_ask *ask);

/* ---- one client (live_client.c) ---- */

/* Why a client ended; also what the log and the counters call it. */
#define LIVE_ENDS(X)                               \
    X(NONE, "none")                                \
    X(GOODBYE, "goodbye")   /* it said so */       \
    X(GONE, "gone")         /* its connection */   \
    X(SILENT, "silent")     /* no pong */          \
    X(SLOW, "slow")         /* takes too little */ \
    X(KEY, "key")           /* revoked */          \
    X(PROTOCOL, "protocol") /* sent nonsense */    \
    X(STRANGER, "stranger") /* never connected */  \
    X(FAILED, "failed")     /* out of memory */    \
    X(SHUTDOWN, "shutdown")

enum live_end {
#define X(name, text) LIVE_END_##name,
    LIVE_ENDS(X)
#undef X
        LIVE_END_COUNT
};

enum live_client_kind { LIVE_SOCKET, LIVE_STREAM };

/* How far a client has come. */
enum live_stage {
    LIVE_NEW,     /* Socket.IO: not connected to "/" yet */
    LIVE_WAITING, /* the database is asked: who is it, is the run there */
    LIVE_OPEN,    /* it gets events */
    LIVE_REFUSED  /* an event stream that will be answered with `refusal` */
};

struct live_client {
    struct live_hub *hub;
    enum live_client_kind kind;
    enum live_stage stage;
    uint32_t place; /* in the hub's table */
    uint64_t serial;
    int64_t began_ms, moved_ms; /* moved: it last took something, or had nothing to take */
    struct live_credential *credential;
    struct live_outbox outbox;
    struct live_seat *seats;
    size_t seat_count; /* of runs */

    struct live_wire *wire;  /* its event stream, or the WebSocket that carries its session */
    struct live_wire *poll;  /* a poll that waits for something to say */
    struct live_wire *probe; /* a WebSocket that wants to carry its session */
    int64_t probe_by_ms;

    /* Socket.IO */
    struct engineio_session engine;
    char sid[ENGINEIO_SID_SIZE];
    bool noop_due;  /* a waiting poll must be answered */
    bool probe_due; /* "3probe" must be sent on `probe` */

    /* An event stream */
    char run_id[LIVE_NAME_SIZE];
    int64_t after_seq; /* of Last-Event-ID; -1: none */
    bool head_sent;
    enum api_error_id refusal;

    enum live_end end;
    int64_t end_by_ms;             /* what is still connected then is cut */
    struct live_message *farewell; /* goes before the connection is closed */
};

/* A new client at a free place. NULL: there is none, or no memory. */
struct live_client *live_client_open(struct live_hub *hub, enum live_client_kind kind,
                                     const struct live_claim *claim);

/* The client at a place when it is still that one; NULL: it is gone. serial 0: any. */
struct live_client *live_client_at(struct live_hub *hub, uint32_t place, uint64_t serial);

/* Let it wait for the wire. Borrows message (NULL: there was no memory). A client that does not
 * keep up is ended. */
void live_client_send(struct live_client *client, struct live_message *message);

/* The same, and drops the caller's use of message. */
void live_client_send_own(struct live_client *client, struct live_message *message);

/* The next message for the wire; the caller drops it. NULL: nothing waits. */
struct live_message *live_client_take(struct live_client *client);

/* Wake whichever wire could carry something now. */
void live_client_wake(struct live_client *client);

/*
 * Listen to a run ("": to what concerns the whole account); after_seq -1: from now on, else what
 * happened since is replayed first. False: too many runs, or no memory.
 */
bool live_client_sit(struct live_client *client, const char *run_id, int64_t after_seq);

/* Does it listen to the run already? */
bool live_client_sits(struct live_client *client, const char *run_id);

/* Listen no more to a run, or with NULL to all of them. */
void live_client_rise(struct live_client *client, const char *run_id);

/* The client is over: it hears nothing more but its farewell. Freed by a later tick. */
void live_client_end(struct live_client *client, enum live_end end);

/* A connection is gone. */
void live_client_lose(struct live_client *client, const struct live_wire *wire);

void live_client_free(struct live_client *client);

/* ---- its session (live_session.c) ---- */

/* Text that came on a road: one packet on a WebSocket, a payload on polling. */
void live_session_take(struct live_client *client, enum engineio_road road, const char *text,
                       size_t size);

/* The credential of a waiting client became known. */
void live_session_admit(struct live_client *client);

/* The answer to a waiting poll; NULL: there is nothing to say yet. The caller owns it. */
struct live_message *live_session_poll(struct live_client *client);

void live_session_tick(struct live_client *client);

/* ---- an event stream (live_sse.c) ---- */

/* What is known decides how the stream goes on: refused, asked further, or opened. */
void live_stream_admit(struct live_client *client);

/* The answer whether its run is there. */
void live_stream_hear(struct live_client *client, enum api_error_id error);

/* An event as Server-Sent Events have it (WHATWG HTML, "Server-sent events"). Caller owns. */
struct live_message *live_stream_event(const struct live_event *event);

void live_stream_tick(struct live_client *client);

/* ---- all of them (live_hub.c) ---- */

struct live_counters {
    uint64_t events;    /* taken from the queue */
    uint64_t messages;  /* put into clients' outboxes */
    uint64_t opened[2]; /* by enum live_client_kind */
    uint64_t ended[LIVE_END_COUNT];
    uint64_t refused; /* connections and requests that were turned away */
    size_t open[2];
};

struct live_hub {
    struct live_limits limits;
    struct live_access *access;
    int64_t now_ms; /* steady clock; set by the loop before it calls anything here */
    int64_t checked_ms;
    struct live_client **places; /* limits.clients_max of them */
    uint32_t *free_places;       /* a stack */
    size_t free_count;
    size_t places_used; /* those from here on never were in use */
    uint64_t clients_ever;
    struct live_rooms rooms;
    struct live_credential *credentials;
    struct live_counters counters;
    bool closing;
    size_t closed; /* while closing: clients at places below this have been told */
};

/* NULL: no memory. access is borrowed. */
struct live_hub *live_hub_new(const struct live_limits *limits, struct live_access *access);
void live_hub_free(struct live_hub *hub);

/* An event for whom it concerns; frees it. */
void live_hub_tell(struct live_hub *hub, struct live_event *event);

/* An answer of the access thread; frees it. */
void live_hub_hear(struct live_hub *hub, struct live_ask *ask);

/* What the time asks for: pings, checks, ends. To be called every LIVE_TICK_MS. */
void live_hub_tick(struct live_hub *hub);

/* Everybody is told that it is over, some now and some at each tick; nobody new is let in. */
void live_hub_close(struct live_hub *hub);

/* Is nobody connected any more? */
bool live_hub_is_empty(const struct live_hub *hub);

const char *live_end_name(enum live_end end);

#define LIVE_TICK_MS 200
#define LIVE_CLOSE_TICK_MS 20  /* while closing */
#define LIVE_CLOSE_AT_ONCE 256 /* lws walks a list of all that are closing, for each one more */
#define LIVE_CHECK_MS 1000     /* with the 2 s that an answer may be old: revoked keys end in 3 s */
#define LIVE_FAREWELL_MS 1500  /* for the last words, and for a client that takes them */

#endif
