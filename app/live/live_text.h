/* live_text.h - JSON text in memory, as long as it gets; for app/live alone. */
#ifndef LIVE_TEXT_H
#define LIVE_TEXT_H

#include "base/json_out.h"

struct live_text {
    struct out out; /* first: written through out_bytes and json_out; out.used: bytes so far */
};

/* Zero it first, or give it to this. Nothing is allocated before something is written. */
void live_text_init(struct live_text *text);

/* What was written, with a NUL after it, is the caller's; the text is empty again. */
char *live_text_take(struct live_text *text, size_t *size);

/* Only what comes after the first bytes stays. */
void live_text_drop(struct live_text *text, size_t bytes);

void live_text_clear(struct live_text *text);

#endif
