/* master.h - the process that keeps the workers running and never touches the database. */
#ifndef API_MASTER_H
#define API_MASTER_H

#include "api_settings.h"
#include "base/listen.h"

/*
 * Block the signals that master_run waits for. Call it before anything is made that must be
 * undone, so that none of them kills the process on the way.
 */
void master_block_signals(void);

/*
 * Run settings->workers workers on the listener until TERM, INT or QUIT. settings_file (NULL:
 * none) is read again at each HUP. Returns the program's exit code: 0, or 2 when the workers
 * say that the settings are bad.
 */
int master_run(const struct api_settings *settings, const char *settings_file,
               struct listener *listener);

#endif
