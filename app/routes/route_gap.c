/*
 * route_gap.c - GET /api/training-runs/{run_id}/gaps: the episode numbers that a client must send
 * again. Called through routes.c. Next: training/gaps.c, store/store_episode_read.c.
 */
#include "route_private.h"

#include "store/store_episode.h"
#include "training/gaps.h"

static bool
add_number(const struct episode *episode, void *context)
{
    struct gaps *gaps = context;

    gaps_add(gaps, episode->number);
    return !gaps->json->out->failed;
}

/*
 * Numbers are at least 1 and occur once, and the header's count and highest number change in the
 * same commit as the episodes do and are read together here: as many as the highest says are all
 * of them. So a run without gaps, however long, is told by its header.
 */
static bool
has_gaps(const struct run *run, int64_t highest)
{
    return run->summary.episodes != highest;
}

/*
 * {"missing": [[from, to], …], "highest": n}, as of the header: what comes in while the numbers
 * are read can only fill gaps. No episode: highest is 0, so that highest + 1 is always the next.
 */
static bool
reply_gaps(struct call *call, const struct run_held *held, struct api_error *err)
{
    const int64_t highest = store_run_highest(held);
    const struct store_episode_range range = {.from = 1, .to = highest, .numbers_only = true};
    struct json_out json = http_reply_json(call->reply, 200);
    struct gaps gaps = {.json = &json};

    json_out_object(&json, NULL);
    json_out_array(&json, "missing");
    if (has_gaps(&held->run, highest) &&
        !store_episode_read(call->store, &held->run, &range, add_number, &gaps, err))
        return false;
    json_out_array_end(&json);
    json_out_whole(&json, "highest", highest);
    json_out_object_end(&json);
    return true;
}

bool
route_gap_list(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    good = route_unchanged(call, &held.run) || reply_gaps(call, &held, err);
    store_run_release(&held);
    return good;
}
