/*
 * store_schema.h - brings a collection or a view to what a file of schema/mongo/ says. Applying
 * a file again changes nothing.
 */
#ifndef STORE_STORE_SCHEMA_H
#define STORE_STORE_SCHEMA_H

#include "store/store.h"

/*
 * Called with each thing looked at, such as ("index", "runs.by_status", "created"). What was
 * done is one of "created", "changed", "unchanged", or a short sentence. All borrowed.
 */
typedef void store_schema_report(const char *kind, const char *name, const char *done,
                                 void *context);

/*
 * Apply one file's text (Extended JSON), either
 *   {"collection": NAME, "validator": {…}, "indexes": [{"name", "key", "unique"?, …}]}   or
 *   {"view": NAME, "on": COLLECTION, "pipeline": […]}.
 * An index of the same name or the same key with another definition is dropped and built anew;
 * an index that the file does not name is left alone, and reported. May take as long as building
 * an index does. Errors: INTERNAL (with a sentence: the text is wrong, or the database refused),
 * STORE_UNAVAILABLE, STORE_FULL.
 */
bool store_schema_apply(struct store *store, const char *text, store_schema_report *report,
                        void *context, struct api_error *err);

/* Report what applying the file would do, and change nothing. Errors: as above. */
bool store_schema_check(struct store *store, const char *text, store_schema_report *report,
                        void *context, struct api_error *err);

#endif
