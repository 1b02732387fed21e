/*
 * sweep.c - purges deleted runs while nobody waits. Called by worker.c. Next: store/store_purge.c.
 */
#include "sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/store_purge.h"

#include <unistd.h>

/*
 * One step holds up a request that comes meanwhile, if no other worker is idle: a step of 500
 * episodes takes some 20 ms. In between the worker looks at its socket, and mongod at its clients.
 */
#define ROWS_AT_ONCE 500
#define PAUSE_MS 20
#define ACTOR "training-api"

void
sweep_init(struct sweep *sweep, struct store *store, struct store_lanes *lanes, int64_t every_ms)
{
    *sweep = (struct sweep){.store = store,
                            .lanes = lanes,
                            .every_ms = every_ms,
                            .at_ms = clock_steady_ms() + every_ms / 2 +
                                     (int64_t)getpid() * 37 % (every_ms / 2 + 1)};
}

int
sweep_wait_ms(const struct sweep *sweep)
{
    const int64_t wait_ms = sweep->at_ms - clock_steady_ms();

    return wait_ms < 0 ? 0 : (int)wait_ms;
}

void
sweep_run(struct sweep *sweep)
{
    const struct store_author by = {.actor = ACTOR, .now_ms = clock_now_ms()};
    struct store_purged done = {.runs = 0};
    struct api_error err = {.id = API_OK};
    bool more = false;

    if (clock_steady_ms() < sweep->at_ms)
        return;
    if (store_lanes_turn(sweep->lanes, STORE_TURN_SWEEP, sweep->every_ms, sweep->going_on) &&
        !store_purge_step(sweep->store, &by, ROWS_AT_ONCE, &done, &more, &err))
        more = false;
    if (done.runs > 0)
        log_event(LOG_INFO, "runs_purged", LOG_WHOLE("runs", done.runs));
    sweep->going_on = more;
    sweep->at_ms = clock_steady_ms() + (more ? PAUSE_MS : sweep->every_ms);
}
