/*
 * store_watch_doc.h - the documents of a change stream: which are asked for, and what they say.
 * For app/store alone. Pure: no database.
 */
#ifndef STORE_WATCH_DOC_H
#define STORE_WATCH_DOC_H

#include "base/auto.h"
#include "store/store_watch.h"

/* A place in the log as a seq, and back. */
int64_t watch_seq(uint32_t seconds, uint32_t increment);
void watch_time(int64_t seq, uint32_t *seconds, uint32_t *increment);

/*
 * The commit that a resume token ({_data: hexadecimal}) stands at; 0 when it does not tell. MongoDB
 * calls tokens opaque; their first value is the cluster time (KeyString: type 0x82, seconds and
 * increment in big-endian), which mongosh's decodeResumeToken shows too.
 */
int64_t watch_token_seq(const bson_t *token);

/*
 * "pipeline" of an aggregate command: a stream that begins after token (NULL: at from->seq), and of
 * its documents what watch_doc_visit reads.
 */
void watch_append_pipeline(bson_t *command, const bson_t *token,
                           const struct store_watch_from *from);

/* Visit what one document of the stream says; perhaps nothing. */
void watch_doc_visit(const bson_t *doc, store_change_visit *visit, void *context);

/* Is it a report of a transaction? More of them may follow. */
bool watch_doc_is_amid(const bson_t *doc);

#endif
