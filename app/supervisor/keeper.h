/*
 * keeper.h - the process between supervisor and trainer. It is the trainer's parent, hears through
 * a pipe what the supervisor wants, and when the supervisor dies it hears that too: then it ends
 * the trainer and everything that came from it. Whoever dies first, nothing is orphaned.
 */
#ifndef SUPERVISOR_KEEPER_H
#define SUPERVISOR_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

/* What the supervisor writes into the control pipe, a byte each; its end means KEEPER_KILL. */
enum keeper_order { KEEPER_TERM = 't', KEEPER_KILL = 'k' };

/* What the keeper writes into the news pipe. */
enum keeper_word {
    KEEPER_LAUNCHED,     /* value: the trainer's pid */
    KEEPER_NOT_LAUNCHED, /* value: errno */
    KEEPER_ENDED,        /* value: the status of waitpid(2); nothing of the trainer is left */
};

struct keeper_news {
    int32_t word; /* enum keeper_word */
    int32_t value;
};

/* What the keeper needs; its own ends of the pipes. */
struct keeper_setup {
    char *const *argv, *const *environment; /* of the trainer; argv[0] is looked up in PATH */
    const char *folder;                     /* where the trainer starts */
    int control, news, input, output;
};

/* Launch and keep a trainer, right after the fork; never returns. */
_Noreturn void keeper_run(const struct keeper_setup *setup);

/*
 * Kill and reap all children of this process and, as they become its children when it is a
 * subreaper, all of theirs.
 */
void keeper_end_children(void);

#endif
