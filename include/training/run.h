/*
 * run.h - one training run: what a client may say of it, what is known of it, its JSON forms.
 * Pure: no sockets and no database. Kept by store/store_run.h.
 */
#ifndef TRAINING_RUN_H
#define TRAINING_RUN_H

#include "base/api_error.h"
#include "base/ident.h"
#include "base/json_out.h"

#include <json-c/json.h>
#include <stdint.h>

#define RUN_ID_MAX 64    /* bytes, not counting the NUL */
#define RUN_OID_SIZE 25  /* the storage key: 24 hexadecimal digits and a NUL */
#define RUN_NAME_MAX 256 /* bytes of a label, an agent_id, an algorithm */
#define RUN_TAGS_MAX 32
#define RUN_TAG_MAX 128     /* bytes */
#define RUN_NOTES_MAX 65536 /* bytes of Markdown */
#define RUN_PATH_MAX 4096   /* bytes of a checkpoint's path */
#define RUN_CHECKPOINTS_MAX 10000
#define RUN_EPISODES_MAX INT64_C(9007199254740991) /* planned; 2^53 - 1 */

enum run_status { RUN_STATUS_NONE, RUN_RUNNING, RUN_COMPLETED, RUN_STOPPED, RUN_FAILED };

/* "running" … ; NULL for RUN_STATUS_NONE. And back: RUN_STATUS_NONE when text is none of them. */
const char *run_status_name(enum run_status status);
enum run_status run_status_find(const char *text);

/* May a run have this id? A UUID is turned into lower case, in place. */
bool run_id_settle(char *id);

/* What a client asks for when it opens a run. Texts and objects are borrowed from its JSON. */
struct run_request {
    char id[RUN_ID_MAX + 1];           /* "" when none was given */
    json_object *config;               /* NULL: not given */
    char strategy_id[IDENT_UUID_SIZE]; /* "" : not given */
    const char *strategy_label;        /* NULL: none, neither given nor in config */
    const char *agent_id;              /* never NULL */
    const char *algorithm;             /* never NULL */
    int64_t episodes_total;            /* 0: not known */
    json_object *metadata;             /* NULL: none */
    const char *tags[RUN_TAGS_MAX];
    size_t tag_count;
    const char *notes; /* NULL: none */
};

/*
 * Check a body that opens a run. config_max: bytes of config's and metadata's JSON text. Error:
 * FIELD_INVALID, every fault listed.
 */
bool run_request_from_json(json_object *body, size_t config_max, struct run_request *request,
                           struct api_error *err);

/* What a client changes of a run (PATCH). Borrowed from its JSON. */
struct run_change {
    enum run_status status; /* RUN_STATUS_NONE: no change */
    bool sets_metadata, sets_tags, sets_notes, sets_episodes_total;
    json_object *metadata; /* owned: members to merge, error_message among them; or NULL */
    const char *tags[RUN_TAGS_MAX];
    size_t tag_count;
    const char *notes;      /* NULL clears them */
    int64_t episodes_total; /* 0 clears it */
};

/* Clear with run_change_clear, also after an error. */
bool run_change_from_json(json_object *body, size_t config_max, struct run_change *change,
                          struct api_error *err);
void run_change_clear(struct run_change *change);

struct run_checkpoint {
    int64_t episode; /* 0 or more */
    const char *path;
};

/* {"episode", "path"}; borrowed from body. */
bool run_checkpoint_from_json(json_object *body, struct run_checkpoint *checkpoint,
                              struct api_error *err);

/*
 * What the stored header says of the episodes, changed in the same commit as they are. Means and
 * extremes are NAN while no episode has the metric.
 */
struct run_summary {
    int64_t episodes;
    double avg_roi_pct, avg_sharpe, avg_reward, min_reward, max_reward, final_win_rate;
};

/* The figures that a run has its place by in a sorted list; they may be older than the summary. */
struct run_rank {
    int64_t episodes;
    double avg_reward, win_rate; /* NAN: none */
};

/* A stored run. Texts are borrowed from what holds it (store/store_run.h). */
struct run {
    char oid[RUN_OID_SIZE];
    const char *id;
    enum run_status status;
    const char *config_json; /* the client's text; NULL: null */
    const char *strategy_id; /* NULL: null */
    const char *strategy_label;
    const char *agent_id;
    const char *algorithm;
    int64_t episodes_total;       /* 0: null */
    int64_t started_ms, ended_ms; /* UTC; 0: null */
    int64_t reported_ms;          /* of the last episode or change */
    int64_t deleted_ms;           /* 0: it is not */
    int64_t revision, edits;      /* one of them grows with every change of the run */
    const char *metadata_json;    /* NULL: {} */
    const char *tags[RUN_TAGS_MAX];
    size_t tag_count;
    const char *notes;
    const struct run_checkpoint *checkpoints;
    size_t checkpoint_count;
    struct run_summary summary;
    struct run_rank rank;
    const void *tail; /* the store's own: reports that are not yet among the episodes' documents */
    int64_t rows_max, blocks_to; /* the store's own, too: its store_block.h */
};

/* Is this request a repeat of the one that made the run? What it leaves out does not count. */
bool run_matches(const struct run *run, const struct run_request *request, struct api_error *err);

/* Is it among the run's? The same (episode, path) twice is one. */
bool run_has_checkpoint(const struct run *run, const struct run_checkpoint *checkpoint);

/* A running run that nobody has heard of for stale_after_ms. */
bool run_is_stale(const struct run *run, int64_t now_ms, int64_t stale_after_ms);

/* Members of seed 000's and 001's TrainingRun, but for the figures; the object is open. */
void run_write_names(const struct run *run, bool stale, struct json_out *json);
/* The rest of them: episodes_completed, total_episodes, avg_roi_pct, avg_sharpe. */
void run_write_figures(const struct run_summary *summary, struct json_out *json);

/* Members of seed 004's RunDocument, but for metrics and summary; the object is open. */
void run_write_document(const struct run *run, bool stale, struct json_out *json);
/* "summary": {…}. */
void run_write_summary(const struct run_summary *summary, struct json_out *json);

#endif
