/* store_tail.c - reads and writes a header's tail. Called by store_append.c, store_merge.c. */
#include "store_tail.h"

#include "store_bson.h"

#include <stdlib.h>

static int
by_number(const void *a, const void *b)
{
    const struct episode *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* How many values all entries have together: only so much memory is taken. */
static size_t
count_values(bson_iter_t at)
{
    size_t count = 0;

    do {
        bson_iter_t entry, value;

        if (!bson_iter_recurse(&at, &entry) || !bson_iter_find(&entry, "metrics") ||
            !bson_iter_recurse(&entry, &value))
            continue;
        while (bson_iter_next(&value))
            count++;
    } while (bson_iter_next(&at));
    return count;
}

static struct tail *
new_tail(size_t values)
{
    struct tail *tail = calloc(1, sizeof *tail);

    if (tail == NULL || (tail->values = calloc(values + 1, sizeof *tail->values)) == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
    return tail;
}

struct tail *
tail_read(const bson_t *header)
{
    struct tail *tail;
    size_t used = 0;
    bson_iter_t at;

    if (!store_read_inside(header, "tail", &at) || !bson_iter_next(&at))
        return NULL;
    tail = new_tail(count_values(at));
    do {
        struct episode *episode = &tail->items[tail->count];
        const uint8_t *bytes;
        uint32_t size;
        bson_t doc;

        bson_iter_document(&at, &size, &bytes);
        if (!bson_init_static(&doc, bytes, size) ||
            !episode_doc_read(&doc, episode, tail->values + used))
            continue;
        used += episode->value_count;
        tail->count++;
    } while (tail->count < TAIL_MAX && bson_iter_next(&at));
    qsort(tail->items, tail->count, sizeof tail->items[0], by_number);
    return tail;
}

void
tail_free(struct tail *tail)
{
    if (tail == NULL)
        return;
    free(tail->values);
    free(tail);
}

const struct episode *
tail_find(const struct tail *tail, int64_t number)
{
    for (size_t i = 0; tail != NULL && i < tail->count; i++)
        if (tail->items[i].number == number)
            return &tail->items[i];
    return NULL;
}

void
tail_append(bson_t *array, const char *key, const struct episode *episode, bool is_new)
{
    bson_t doc;

    BSON_APPEND_DOCUMENT_BEGIN(array, key, &doc);
    store_append_whole(&doc, "n", episode->number);
    episode_doc_append_report(&doc, episode);
    if (is_new)
        BSON_APPEND_BOOL(&doc, "new", true);
    bson_append_document_end(array, &doc);
}
