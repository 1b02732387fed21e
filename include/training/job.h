/*
 * job.h - one training that was asked for: what may be asked, its states, how it ends, its JSON
 * forms (seed 003). Pure: no sockets and no database. Kept by store/store_job.h.
 */
#ifndef TRAINING_JOB_H
#define TRAINING_JOB_H

#include "base/api_error.h"
#include "base/ident.h"
#include "base/json_out.h"
#include "training/run.h"

#include <json-c/json.h>
#include <stdint.h>

#define JOB_OID_SIZE RUN_OID_SIZE
#define JOB_SCENARIO_MAX 64      /* bytes, not counting the NUL */
#define JOB_SUPERVISOR_MAX 127   /* the same; "host:pid" */
#define JOB_ERROR_MAX 239        /* the same; one sentence */
#define JOB_SIGNAL_MAX 15        /* the same; "SIGSEGV" */
#define JOB_EPISODES_MAX 1000000 /* num_episodes and save_interval */
#define JOB_EVAL_MAX 10000       /* eval_episodes */
#define JOB_SEED_MAX 4294967295  /* 2^32 - 1: what every random generator takes */
#define JOB_TIME_TEXT_SIZE 24    /* "2025-11-06T10:30:00Z" and room for far years */
#define JOB_NO_SEED INT64_C(-1)

enum job_state {
    JOB_STATE_NONE,
    JOB_QUEUED,    /* asked for, or taken by a supervisor that has not launched it yet */
    JOB_STARTING,  /* the trainer's program runs; it has not opened its run yet */
    JOB_RUNNING,   /* its run is open */
    JOB_STOPPING,  /* it was told to save and end */
    JOB_COMPLETED, /* ended, like the ones below */
    JOB_STOPPED,
    JOB_FAILED,
};

/* "queued" …; NULL for JOB_STATE_NONE. And back: JOB_STATE_NONE when text is none of them. */
const char *job_state_name(enum job_state state);
enum job_state job_state_find(const char *text);

/* What a client asks for. */
struct job_request {
    const char *scenario; /* borrowed from its JSON; NULL: missing or no string */
    int64_t num_episodes, save_interval, eval_episodes;
    int64_t seed; /* JOB_NO_SEED: not given */
};

/*
 * Check the body of a start; what is not given has its default. request->scenario is set whenever
 * it is a string, also when something else is wrong: whether there is such a scenario is asked
 * first (404 before 422). Error: FIELD_INVALID, every fault listed.
 */
bool job_request_from_json(json_object *body, struct job_request *request, struct api_error *err);

/*
 * May a scenario have this name? 1 to JOB_SCENARIO_MAX of A-Z a-z 0-9 _ -, the first a letter or a
 * digit: so it is never an option, never a path.
 */
bool job_scenario_is_valid(const char *name);

/* A stored job. */
struct job {
    char oid[JOB_OID_SIZE]; /* the storage key: 24 hexadecimal digits */
    char account[65];       /* whose */
    enum job_state state;
    bool active; /* not ended; at most one is */
    char scenario[JOB_SCENARIO_MAX + 1];
    int64_t num_episodes, save_interval, eval_episodes;
    int64_t seed; /* JOB_NO_SEED: none */
    char run_id[RUN_ID_MAX + 1];
    int64_t requested_ms, started_ms, ended_ms, stop_requested_ms; /* UTC; 0: not yet */
    int64_t lease_until_ms; /* its supervisor is alive until then at least; the database's time */
    char supervisor[JOB_SUPERVISOR_MAX + 1]; /* "": none has taken it */
    char key_id[17];                         /* of the trainer's key; "" */
    char error[JOB_ERROR_MAX + 1];           /* "" */
};

/* How a trainer ended: by itself with an exit code, or by a signal. */
struct job_exit {
    int code;                        /* 0 to 255; -1: by a signal, or not known */
    char signal[JOB_SIGNAL_MAX + 1]; /* "SIGKILL"; "": by itself, or not known */
    bool asked;                      /* it had been told to stop */
    bool forced;                     /* it did not listen and was killed */
};

/*
 * What became of a job whose trainer has ended, its run being as run_status says (RUN_STATUS_NONE:
 * it never opened one). A trainer that ended its run knows best, unless it broke afterwards.
 */
enum job_state job_outcome(const struct job_exit *how, enum run_status run_status);

/* The status that an unended run of such a job gets. */
enum run_status job_run_status(enum job_state outcome);

/* A sentence about how the trainer ended, into text; "" when there is nothing to say. */
void job_describe_exit(const struct job_exit *how, enum job_state outcome, char *text, size_t size);

/* UTC as seed 003 prints it, and Z: "2025-11-06T10:30:00Z". Returns text. */
char *job_time(int64_t ms, char text[JOB_TIME_TEXT_SIZE]);

#endif
