/* store_pace.h - how many rows of a long reading the server sends at once; for app/store alone. */
#ifndef STORE_PACE_H
#define STORE_PACE_H

#include <mongoc/mongoc.h>

/*
 * A reply of the server stays below a megabyte, whatever a row holds, so that reading a run of any
 * length needs the same memory and no single reply comes near the socket's time-out.
 */
/*
 * The cursor's batchSize at first: a megabyte of the widest usual rows. It must be given as an
 * INT64: libmongoc changes no other.
 */
#define STORE_ROWS_FIRST 500

/* Zero it first. */
struct store_pace {
    uint32_t rows; /* asked for at once; 0: the first row is not there yet */
};

/* Look at a row that the cursor has given, and let its next replies be as long as is right. */
void store_pace_keep(struct store_pace *pace, mongoc_cursor_t *cursor, const bson_t *row);

#endif
