/* store_pace.c - rows of a reply, by the size of a row. Called by store_row.c. */
#include "store_pace.h"

#define ROWS_MAX 4000
#define REPLY_SIZE (768 * 1024) /* bytes */

void
store_pace_keep(struct store_pace *pace, mongoc_cursor_t *cursor, const bson_t *row)
{
    const uint32_t fitting = REPLY_SIZE / row->len;

    if (pace->rows == 0)
        pace->rows = fitting < ROWS_MAX ? fitting : ROWS_MAX;
    else if (fitting < pace->rows)
        pace->rows = fitting;
    else
        return;
    if (pace->rows == 0)
        pace->rows = 1;
    mongoc_cursor_set_batch_size(cursor, pace->rows);
}
