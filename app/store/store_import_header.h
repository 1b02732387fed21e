/* store_import_header.h - the header of an imported run; for app/store alone. */
#ifndef STORE_IMPORT_HEADER_H
#define STORE_IMPORT_HEADER_H

#include "store/store_run.h"
#include "store_import_doc.h"

struct import_target {
    struct store *to;
    const char *account;
    bool dry; /* nothing is written */
};

enum import_header {
    IMPORT_HEADER_FAILED,  /* *err says why */
    IMPORT_HEADER_REFUSED, /* the run here is not the document's: told */
    IMPORT_HEADER_NEW,     /* made; *held is empty */
    IMPORT_HEADER_CHANGED, /* was here, and has learnt something; *held is it as it was */
    IMPORT_HEADER_SAME,
};

/*
 * Make the run's header, or bring to the one that is here what it lacks: an end, checkpoints,
 * members of metadata. The rest must be the same, or the run is refused. Release *held.
 */
enum import_header import_header_settle(const struct import_target *target,
                                        const struct import_doc *doc, struct run_held *held,
                                        import_doc_tell *tell, void *context,
                                        struct api_error *err);

/* When the source heard of the run last, as far as it says. */
int64_t import_reported_ms(const struct import_doc *doc);

#endif
