/*
 * store_import_doc.h - a run's document as seed 004's logger wrote it, taken apart; for app/store
 * alone. Pure: no database.
 */
#ifndef STORE_IMPORT_DOC_H
#define STORE_IMPORT_DOC_H

#include "base/auto.h"
#include "training/run.h"

#define IMPORT_NAME_SIZE 160        /* bytes with the NUL of what names a document in a report */
#define IMPORT_OBJECT_MAX (1 << 20) /* bytes of config's, or metadata's, JSON text */

/* Told of each thing that is not taken; member such as "metrics.episodes[3].steps". */
typedef void import_doc_tell(const char *member, const char *why, void *context);

/* An embedded episode: where it stands in the document. */
struct import_entry {
    int64_t number;
    uint32_t position;    /* in metrics.episodes */
    const uint8_t *bytes; /* of its BSON; borrowed from the document */
    uint32_t size;
};

struct import_doc {
    char name[IMPORT_NAME_SIZE]; /* "run_id (_id)", for people */
    bson_oid_t oid;
    bool has_oid;      /* its _id is an ObjectId */
    json_object *body; /* owned; request borrows from it */
    struct run_request request;
    bson_t config; /* as it stands, when has_config; borrowed from the document */
    bool has_config;
    bson_t metadata; /* owned: the document's, and what has no place of its own in `imported` */
    enum run_status status;
    int64_t started_ms, ended_ms;       /* UTC; ended_ms 0: null */
    struct run_checkpoint *checkpoints; /* owned; their paths are borrowed from paths */
    size_t checkpoint_count;
    json_object *paths;            /* owned */
    struct import_entry *episodes; /* owned; in number order, each number once */
    size_t episode_count;
    int64_t twice; /* equal copies of an episode, left out */
};

/*
 * Take doc apart; *made borrows from it and is cleared with import_doc_clear, also after false,
 * which means that the run cannot be taken at all (told too). made->name is always filled.
 */
bool import_doc_read(const bson_t *doc, struct import_doc *made, import_doc_tell *tell,
                     void *context);

void import_doc_clear(struct import_doc *made);

#endif
