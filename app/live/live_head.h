/* live_head.h - the head of an HTTP answer, as text. Pure. */
#ifndef LIVE_HEAD_H
#define LIVE_HEAD_H

#include "live_gate.h"

#define LIVE_HEAD_MAX 1536 /* bytes with the NUL */

/* length: of the body; -1: until the connection closes. Returns the head's length. */
size_t live_head_format(const struct live_reply *reply, int64_t length, char head[LIVE_HEAD_MAX]);

#endif
