/*
 * live_event.h - the payloads of `episodes` and `run_updated`, and how reports of one run are
 * gathered into few events; for app/live alone.
 */
#ifndef LIVE_EVENT_H
#define LIVE_EVENT_H

#include "live_queue.h"
#include "live_text.h"
#include "training/episode.h"
#include "training/run.h"

/*
 * Reports of one run that wait to be told together. An event ends where a commit ends, for a
 * client resumes behind a commit: so it holds at most LIVE_EPISODES_MAX reports of several
 * commits, or those of one (which is no larger than a batch may be).
 */
#define LIVE_EPISODES_MAX 1000
#define LIVE_EPISODES_BYTES_MAX (256 * 1024) /* no further commit is added beyond this */

struct live_gather {
    struct live_text text; /* the episodes, as elements of a JSON array */
    size_t count;
    int64_t seq;         /* of the last commit */
    size_t commit_bytes; /* of text, and commit_count of the episodes, are older commits' */
    size_t commit_count;
    int64_t older_seq; /* of the commit before the last */
};

void live_gather_init(struct live_gather *gather);
void live_gather_clear(struct live_gather *gather);

/* Called with each event that is complete; it takes the event. */
typedef void live_event_sink(struct live_event *event, void *context);

/* Where a gathering's events belong. Texts are borrowed. */
struct live_place {
    const char *account, *run_id;
    live_event_sink *sink;
    void *context;
};

/* Take a report. together: it may share an event with earlier commits. */
void live_gather_add(struct live_gather *gather, const struct episode *episode, int64_t seq,
                     bool together, const struct live_place *place);

/* Tell what has been gathered; with amid the last commit is not complete, and stays. */
void live_gather_flush(struct live_gather *gather, bool amid, const struct live_place *place);

/*
 * The TrainingRun as it is, and its seq. in_step false: the averages are in doubt and told as null
 * (the next reader of a list mends them, which is another event). NULL when memory ran out.
 */
struct live_event *live_event_run_updated(const char *account, const struct run *run, bool in_step,
                                          int64_t seq);

/*
 * Events up to seq cannot be told any more: read the run anew, or with run_id NULL all that is
 * listened to. account NULL: everybody's. NULL when memory ran out.
 */
struct live_event *live_event_reset(const char *account, const char *run_id, int64_t seq);

#endif
