/* sweep.h - what an idle worker does now and then: it purges the runs whose time is over. */
#ifndef API_SWEEP_H
#define API_SWEEP_H

#include "store/store.h"

struct sweep {
    struct store *store;       /* borrowed */
    struct store_lanes *lanes; /* borrowed; one worker of a machine sweeps at a time */
    int64_t every_ms;          /* between two looks */
    int64_t at_ms;             /* steady clock: this worker's next look */
    bool going_on;             /* the last step was not the last one */
};

/* Plan this worker's first look, not at the same moment as the others'. */
void sweep_init(struct sweep *sweep, struct store *store, struct store_lanes *lanes,
                int64_t every_ms);

/* How long an idle worker may sleep: for epoll_wait. */
int sweep_wait_ms(const struct sweep *sweep);

/*
 * Do one bounded step, if it is time and this worker's turn. What goes wrong is logged by the
 * store, and tried again at the next look.
 */
void sweep_run(struct sweep *sweep);

#endif
