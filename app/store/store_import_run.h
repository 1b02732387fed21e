/* store_import_run.h - imports one document; for app/store alone. */
#ifndef STORE_IMPORT_RUN_H
#define STORE_IMPORT_RUN_H

#include "store/store_import.h"
#include "store_import_episodes.h"

struct importing {
    struct store *to;
    const struct store_import *import;
    struct store_import_counts *counts;
    struct import_batch *batch; /* its room; owned by the caller */
};

/* False: the database failed; a document that cannot be taken is told and true. */
bool import_run(struct importing *importing, const bson_t *doc, struct api_error *err);

#endif
