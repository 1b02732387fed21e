/* pack.h - what an idle worker does for long runs: it puts their rows into blocks. */
#ifndef API_PACK_H
#define API_PACK_H

#include "store/store.h"

struct pack {
    struct store *store;       /* borrowed; knows the long runs that this worker has met */
    struct store_lanes *lanes; /* borrowed; one worker of a machine packs at a time */
    int64_t at_ms;             /* steady clock: the next step; 0: none is planned */
    bool going_on;             /* the last step was not the last one */
};

/* How long an idle worker may sleep, for epoll_wait; plans the next step when there is work. */
int pack_wait_ms(struct pack *pack);

/* Do one bounded step, if it is time and this worker's turn. */
void pack_run(struct pack *pack);

#endif
