/* route_private.h - the handlers, and what they share; seen by app/routes alone. */
#ifndef ROUTE_PRIVATE_H
#define ROUTE_PRIVATE_H

#include "base/spool.h"
#include "http/http_query.h"
#include "routes/routes.h"
#include "store/store_run.h"

/* seed 000 and 001: /api/v1/training */
http_handler route_run_create;
http_handler route_run_list;
http_handler route_run_show;
http_handler route_run_complete;
http_handler route_episode_report;
http_handler route_episode_report_batch;
http_handler route_curve_show;
http_handler route_compare_show;

/* seed 004: /api/training-runs */
http_handler route_training_run_create;
http_handler route_training_run_list;
http_handler route_training_run_show;
http_handler route_training_run_change;
http_handler route_episode_log;
http_handler route_checkpoint_log;
http_handler route_agent_list;

/* seed 004: deletion and its undoing; the audit */
http_handler route_training_run_delete;
http_handler route_training_run_restore;
http_handler route_audit_list;

/* seed 004: reading a run's episodes in pieces */
http_handler route_episode_list;
http_handler route_gap_list;

/* evaluations and benchmark: route_evaluation.c, route_benchmark.c */
http_handler route_evaluation_log;
http_handler route_evaluation_list;
http_handler route_benchmark_show;

/* seed 004: downloads */
http_handler route_export_show;

/* who may call: /api/keys, /api/session */
http_handler route_key_list;
http_handler route_key_create;
http_handler route_key_revoke;
http_handler route_session_show;
http_handler route_session_create;
http_handler route_session_delete;

/* seed 003: /api/training */
http_handler route_control_start;
http_handler route_control_stop;
http_handler route_control_status;
http_handler route_control_scenarios;

/* operations */
http_handler route_health_live;
http_handler route_health_ready;
http_handler route_prometheus_show;

/*
 * The path's run id as it is stored. False, with RUN_NOT_FOUND, when no run can have it.
 */
bool route_run_id(const struct call *call, char id[RUN_ID_MAX + 1], struct api_error *err);

/*
 * The path's run, held until released. Errors: RUN_NOT_FOUND, STORE_UNAVAILABLE.
 */
bool route_run_find(const struct call *call, struct run_held *held, struct api_error *err);

/* Who asks, for the store's changes and their audit. Borrows from call. */
struct store_author route_author(const struct call *call);

/*
 * Open the run that the body asks for, or find the same one. *held is the stored run.
 * id_needed: a body without run_id is a fault; else the server makes a UUID.
 * Errors: FIELD_INVALID, RUN_DIFFERS, RUN_DELETED, STORE_UNAVAILABLE.
 */
bool route_run_open(const struct call *call, bool id_needed, struct run_held *held,
                    struct api_error *err);

/*
 * Tag the answer to a read of this run, and find out whether the client has it already: true, and
 * the reply is a 304. One call between the query's checks and the reading of episodes:
 *     if (route_unchanged(call, &held.run)) { store_run_release(&held); return true; }
 * Good for whatever the run's header and episodes, path and query decide. What comes from other
 * collections as well (evaluations, audit) needs no call: answers that fit in the reply's buffer
 * are tagged by their bytes (http_etag.h).
 */
bool route_unchanged(struct call *call, const struct run *run);

/* The same for an answer that needs several runs; count 0 is fine. */
struct route_mark {
    uint64_t hash;
};
void route_mark_run(struct route_mark *mark, const struct call *call, const struct run *run);
bool route_unchanged_since(struct call *call, const struct route_mark *mark);

/* The same by the text that waits to be sent, and by the headers written so far. */
bool route_unchanged_text(struct call *call, struct spool *text);

/*
 * Who calls: fills call->account, ->scopes, ->actor. What route_authenticate does for routes that
 * need a scope. Errors: KEY_MISSING, KEY_WRONG, SESSION_OVER, STORE_UNAVAILABLE.
 */
bool route_identify(struct call *call, struct api_error *err);

/* Count a write of this caller. Error: RATE_LIMITED. */
bool route_count_write(struct call *call, struct api_error *err);

/* Give the browser its session's cookie; token "" takes it away. */
void route_set_cookie(struct call *call, const char *token, int64_t life_ms);

/* "scopes": ["read", …] */
void route_write_scopes(struct json_out *json, unsigned scopes);

/* Is this run of the stale kind, now? */
bool route_run_stale(const struct call *call, const struct run *run);

/* 200 or 201 with the TrainingRun of seed 000 and 001. */
bool route_reply_run(struct call *call, int status, const struct run *run);

/*
 * The RunDocument of seed 004 with at most `most` episodes; says so when there are more.
 * Errors: STORE_UNAVAILABLE, INTERNAL.
 */
bool route_reply_document(struct call *call, int status, const struct run *run, int64_t most,
                          struct api_error *err);

/*
 * Append to links (size bytes, NUL-terminated) this request's URL with another place, such as
 * `after=7` or `cursor=…`, as `<…>; rel="next"`. False when there is no room, which leaves links
 * as they were: no link is better than half of one.
 */
bool route_link_append(const struct call *call, const struct http_query *parsed, const char *rel,
                       const char *place, char *links, size_t size);

/*
 * A list being answered. Its text waits in a spool, because the Link header, which tells where
 * the page ends, is sent before it.
 */
struct route_listing {
    struct call *call;
    struct http_query parsed; /* query borrows from it */
    struct run_query query;
    struct spool text;
    struct json_out json; /* into text */
    /* The page's ends. */
    int64_t count;
    struct run_place first, last;
};

/*
 * Read the parameters that both families know: status strategy_label agent_id q tag limit offset
 * since until sort cursor. After true, route_listing_send must follow. Error: FIELD_INVALID.
 */
bool route_listing_start(struct route_listing *listing, struct call *call, int64_t limit_max,
                         struct api_error *err);

/* Note that visit has written this run. What visit returns: false when the text is lost. */
bool route_listing_add(struct route_listing *listing, const struct run *run);

/*
 * Let visit (context: the listing) write the runs, then reply 200 with X-Total-Count, Link (next,
 * prev) and the array. Errors: STORE_UNAVAILABLE, INTERNAL (the disk is full).
 */
bool route_listing_send(struct route_listing *listing, store_run_visit *visit,
                        struct api_error *err);

#endif
