/* store_row.h - the rows of `episodes`, one after another; for app/store alone. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "store_private.h"

/* Called with each row; borrowed. False ends the reading early, which is no error. */
typedef bool store_row_visit(const bson_t *row, void *context);

/* The rows that filter finds; opts as mongoc_collection_find_with_opts takes them. */
bool store_row_each(struct store *store, const bson_t *filter, const bson_t *opts,
                    store_row_visit *visit, void *context, struct api_error *err);

#endif
