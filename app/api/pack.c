/*
 * pack.c - puts long runs into blocks while nobody waits. Called by worker.c.
 * Next: store/store_pack.c.
 */
#include "pack.h"

#include "base/clock.h"
#include "store/store_pack.h"

#include <limits.h>

#define IDLE_MS 200  /* for so long a worker has had nothing to do before it begins */
#define TURN_MS 2000 /* longer than a step: a turn whose worker was killed is over then */

int
pack_wait_ms(struct pack *pack)
{
    int64_t wait_ms;

    if (!store_pack_waits(pack->store))
        return INT_MAX;
    if (pack->at_ms == 0)
        pack->at_ms = clock_steady_ms() + IDLE_MS;
    wait_ms = pack->at_ms - clock_steady_ms();
    return wait_ms < 0 ? 0 : (int)wait_ms;
}

void
pack_run(struct pack *pack)
{
    int64_t wait_ms = IDLE_MS;

    if (pack->at_ms == 0 || clock_steady_ms() < pack->at_ms)
        return;
    pack->going_on = store_lanes_turn(pack->lanes, STORE_TURN_PACK, TURN_MS, pack->going_on);
    if (pack->going_on)
        wait_ms = store_pack_step(pack->store, clock_now_ms());
    pack->at_ms = wait_ms < 0 ? 0 : clock_steady_ms() + wait_ms;
    if (pack->going_on && (wait_ms < 0 || wait_ms >= IDLE_MS)) { /* the others first */
        store_lanes_turn(pack->lanes, STORE_TURN_PACK, 0, true);
        pack->going_on = false;
    }
}
