/* store_run_doc.h - a run's header as a document, both ways; for app/store alone. */
#ifndef STORE_RUN_DOC_H
#define STORE_RUN_DOC_H

#include "base/auto.h"
#include "store/store_run.h"

/* The document of a new run. */
void run_doc_new(bson_t *doc, const char *account, const struct run_request *request,
                 int64_t now_ms);

/* Take a copy of doc and read it into held->run. held must be zero. */
void run_doc_hold(const bson_t *doc, struct run_held *held);

/* The same, but the document is borrowed: held is good while doc is. Release it all the same. */
void run_doc_borrow(const bson_t *doc, struct run_held *held);

/* May the header's sums, extremes and wins be trusted? */
bool run_doc_in_step(const bson_t *doc);

/* The header that a held run is read from; borrowed. */
const bson_t *run_doc_of(const struct run_held *held);

#endif
