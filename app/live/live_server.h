/*
 * live_server.h - the loop: connections, signals and the clock, on libwebsockets. One thread.
 */
#ifndef LIVE_SERVER_H
#define LIVE_SERVER_H

#include "live_settings.h"

#include "base/listen.h"

/* Block the signals that the loop waits for: before any thread is started. */
void live_server_block_signals(void);

/*
 * Serve until TERM, INT or QUIT, then say goodbye to every client. Borrows both. False, with a
 * log line, when it could not begin.
 */
bool live_server_run(const struct live_settings *settings, struct listener *listener);

#endif
