/* store_job_doc.h - a job as a document, and the commands on `jobs`; for app/store alone. */
#ifndef STORE_JOB_DOC_H
#define STORE_JOB_DOC_H

#include "base/auto.h"
#include "store/store_job.h"
#include "store_private.h"

/* A new job's document, but for its lease. */
void job_doc_append(bson_t *doc, const bson_oid_t *oid, const struct job *job);

/* Read a document into *job; what is not there is empty. */
void job_doc_read(const bson_t *doc, struct job *job);

/* {_id: oid} appended to a query. */
void job_doc_append_oid(bson_t *query, const char *oid);

/* The first job that the query finds, in the order of sort (NULL: any). */
bool job_doc_find(struct store *store, const char *doing, const bson_t *query, const bson_t *sort,
                  struct job *job, bool *found, struct api_error *err);

/*
 * Change the one job that the query finds; stages: the array of an update's pipeline, in which
 * $$NOW is the database's time. *matched false: none.
 */
bool job_doc_update(struct store *store, const char *doing, const bson_t *query,
                    const bson_t *stages, bool *matched, struct api_error *err);

#endif
