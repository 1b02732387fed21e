/*
 * store_header.h - one run's header, found and changed; deleted runs too. For app/store alone.
 */
#ifndef STORE_HEADER_H
#define STORE_HEADER_H

#include "base/auto.h"
#include "store/store_run.h"
#include "store_private.h"

/*
 * The run of this name, deleted or not; *edits counts its changes (may be NULL). *found false when
 * there is none. Errors: STORE_UNAVAILABLE.
 */
bool store_header_find(struct store *store, const char *account, const char *run_id,
                       struct run_held *held, int64_t *edits, bool *found, struct api_error *err);

/* findAndModify on `runs` that gives the header afterwards; lacks the write concern or session. */
void store_header_append_modify(bson_t *command, const bson_t *query, const bson_t *update);

/* findAndModify that removes a header; lacks the write concern or session. */
void store_header_append_remove(bson_t *command, const bson_t *query);

/* How many episodes went with the header that this command removed: those of its tail. */
int64_t store_header_tail_count(const bson_t *reply, bool *removed);

/* Hold the header of that command's reply. False: no run matched. */
bool store_header_hold(const bson_t *reply, struct run_held *held);

/* The same command on its own. *found false when no run matches; else it is held. */
bool store_header_modify(struct store *store, const bson_t *query, const bson_t *update,
                         struct run_held *held, bool *found, struct api_error *err);

#endif
