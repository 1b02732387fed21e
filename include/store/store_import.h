/*
 * store_import.h - takes over runs that seed 004's own logger wrote: one document a run, its
 * episodes embedded. Importing again changes nothing but what has changed in the source since.
 */
#ifndef STORE_STORE_IMPORT_H
#define STORE_STORE_IMPORT_H

#include "store/store.h"

struct store_import_counts {
    int64_t total; /* documents in the source; 0: not known */
    int64_t runs;  /* documents seen; each is one of the next four */
    int64_t imported, extended, unchanged;
    int64_t refused;
    int64_t episodes;   /* taken from the documents */
    int64_t inserted;   /* that were not here */
    int64_t replaced;   /* that were here with other values */
    int64_t superseded; /* that were reported here later than the source says: those stand */
    int64_t twice;      /* equal copies within one document */
    int64_t not_taken;  /* things told */
};

/* One thing that is not taken: of which document, which member, why. All borrowed. */
typedef void store_import_tell(const char *document, const char *member, const char *why,
                               void *context);

/* Called before the first document and after each, for a progress bar. */
typedef void store_import_step(const struct store_import_counts *counts, void *context);

struct store_import {
    const char *account; /* whose the runs become */
    bool dry;            /* look only: nothing is written */
    store_import_tell *tell;
    store_import_step *step;
    void *context;
};

/*
 * Import every document of a collection of `from`, in the order of _id. Runs are written one
 * after another, so that after an error, or when the program is killed, doing it again goes on.
 * Needs the memory of a few documents. Errors: FIELD_INVALID (the collection is a view),
 * STORE_UNAVAILABLE, STORE_BUSY, STORE_FULL.
 */
bool store_import_collection(struct store *from, const char *collection, struct store *to,
                             const struct store_import *import, struct store_import_counts *counts,
                             struct api_error *err);

/*
 * The same from a file: mongodump's BSON, or, when its name does not end in .bson, Extended JSON,
 * one document after another, as mongoexport writes. Errors: FIELD_INVALID (it cannot be read, or
 * is damaged: the documents before that place are imported), and as above.
 */
bool store_import_file(const char *path, struct store *to, const struct store_import *import,
                       struct store_import_counts *counts, struct api_error *err);

#endif
