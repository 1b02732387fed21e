/*
 * live_event.c - makes events of what happened to a run. Called by live_watch.c, live_resume.c.
 * Next: live_queue.c.
 */
#include "live_event.h"

#include <math.h>
#include <stdlib.h>

void
live_gather_init(struct live_gather *gather)
{
    *gather = (struct live_gather){.count = 0};
    live_text_init(&gather->text);
}

void
live_gather_clear(struct live_gather *gather)
{
    live_text_clear(&gather->text);
    live_gather_init(gather);
}

/* An event of the first `bytes` of what is gathered. */
static void
tell(const struct live_gather *gather, size_t bytes, int64_t seq, const struct live_place *place)
{
    struct live_event *event =
        live_event_new(LIVE_EPISODES, LIVE_NAME_EPISODES, place->account, place->run_id, seq);
    struct live_text text;
    struct json_out json = {.out = &text.out};

    if (event == NULL)
        abort(); /* see live_text.c */
    live_text_init(&text);
    json_out_object(&json, NULL);
    json_out_text(&json, "run_id", place->run_id);
    json_out_whole(&json, "seq", seq);
    json_out_array(&json, "episodes");
    out_bytes(&text.out, gather->text.out.buffer, bytes);
    json_out_array_end(&json);
    json_out_object_end(&json);
    event->json = live_text_take(&text, &event->json_size);
    place->sink(event, place->context);
}

/* The older commits, without the last one. */
static void
tell_older(struct live_gather *gather, const struct live_place *place)
{
    if (gather->commit_count == 0)
        return;
    tell(gather, gather->commit_bytes, gather->older_seq, place);
    live_text_drop(&gather->text, gather->commit_bytes + 1); /* the comma between them too */
    gather->count -= gather->commit_count;
    gather->commit_bytes = gather->commit_count = 0;
}

void
live_gather_flush(struct live_gather *gather, bool amid, const struct live_place *place)
{
    if (amid) {
        tell_older(gather, place);
        return;
    }
    if (gather->count == 0)
        return;
    tell(gather, gather->text.out.used, gather->seq, place);
    live_gather_clear(gather);
}

static void
begin_commit(struct live_gather *gather, int64_t seq, bool together, const struct live_place *place)
{
    if (!together || gather->count >= LIVE_EPISODES_MAX ||
        gather->text.out.used >= LIVE_EPISODES_BYTES_MAX)
        live_gather_flush(gather, false, place);
    gather->commit_bytes = gather->text.out.used;
    gather->commit_count = gather->count;
    gather->older_seq = gather->seq;
    gather->seq = seq;
}

void
live_gather_add(struct live_gather *gather, const struct episode *episode, int64_t seq,
                bool together, const struct live_place *place)
{
    struct json_out json = {.out = &gather->text.out};

    if (gather->count == 0 || gather->seq != seq)
        begin_commit(gather, seq, together, place);
    if (gather->count >= LIVE_EPISODES_MAX)
        tell_older(gather, place);
    json.comma = gather->count > 0;
    episode_write_flat(episode, &json);
    gather->count++;
}

struct live_event *
live_event_run_updated(const char *account, const struct run *run, bool in_step, int64_t seq)
{
    struct live_event *event =
        live_event_new(LIVE_RUN_UPDATED, LIVE_NAME_RUN_UPDATED, account, run->id, seq);
    struct run_summary summary = run->summary;
    struct live_text text;
    struct json_out json = {.out = &text.out};

    if (event == NULL)
        return NULL;
    if (!in_step)
        summary.avg_roi_pct = summary.avg_sharpe = NAN;
    live_text_init(&text);
    json_out_object(&json, NULL);
    run_write_names(run, false, &json); /* it was heard of just now: not stale */
    run_write_figures(&summary, &json);
    if (run->deleted_ms != 0)
        json_out_bool(&json, "deleted", true);
    json_out_whole(&json, "seq", seq);
    json_out_object_end(&json);
    event->json = live_text_take(&text, &event->json_size);
    return event;
}

struct live_event *
live_event_reset(const char *account, const char *run_id, int64_t seq)
{
    struct live_event *event = live_event_new(LIVE_RESET, LIVE_NAME_RESET, account, run_id, seq);
    struct live_text text;
    struct json_out json = {.out = &text.out};

    if (event == NULL)
        return NULL;
    live_text_init(&text);
    json_out_object(&json, NULL);
    json_out_text(&json, "run_id", run_id);
    json_out_whole(&json, "seq", seq);
    json_out_object_end(&json);
    event->json = live_text_take(&text, &event->json_size);
    return event;
}
