/* supervisor.h - the process that trains what is asked for, one training at a time. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "place.h"
#include "supervisor_settings.h"

/* Block the signals that supervisor_run waits for. */
void supervisor_block_signals(void);

/*
 * Work until TERM, INT or QUIT; a training under way is then stopped first. HUP: the scenarios are
 * read again. Returns the program's exit code: 0, or 2 when MONGODB_URI is no connection string.
 */
int supervisor_run(const struct supervisor_settings *settings, const struct place *place);

#endif
