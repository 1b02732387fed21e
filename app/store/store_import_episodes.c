/*
 * store_import_episodes.c - embedded episodes: where they are, and what they say.
 * Called by store_import_doc.c, store_import_run.c. Next: training/import.c.
 */
#include "store_import_episodes.h"

#include "store_json.h"
#include "training/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct teller {
    import_doc_tell *tell;
    void *context;
    uint32_t position;
    int64_t number; /* 0: not known */
};

/* "metrics.episodes[3].steps (episode 4)" */
static void
tell_of(const char *member, const char *why, void *context)
{
    const struct teller *teller = context;
    char place[192], number[40] = "";

    if (teller->number > 0)
        snprintf(number, sizeof number, " (episode %lld)", (long long)teller->number);
    snprintf(place, sizeof place, "metrics.episodes[%u]%s%.96s%s", teller->position,
             member[0] == '\0' ? "" : ".", member, number);
    for (char *c = place; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = '?';
    teller->tell(place, why, teller->context);
}

/* 0 when it is no episode's number. */
static int64_t
whole_of(const bson_iter_t *at)
{
    double real;

    if (BSON_ITER_HOLDS_INT(at)) {
        const int64_t whole = bson_iter_as_int64(at);

        return whole >= 1 && whole <= EPISODE_NUMBER_MAX ? whole : 0;
    }
    if (!BSON_ITER_HOLDS_DOUBLE(at))
        return 0;
    real = bson_iter_double(at);
    return real >= 1.0 && real <= (double)EPISODE_NUMBER_MAX && real == nearbyint(real)
               ? (int64_t)real
               : 0;
}

static int64_t
number_of(const bson_iter_t *item)
{
    bson_iter_t member;

    if (!BSON_ITER_HOLDS_DOCUMENT(item) || !bson_iter_recurse(item, &member))
        return 0;
    while (bson_iter_next(&member))
        if (strcmp(bson_iter_key(&member), "episode") == 0 ||
            strcmp(bson_iter_key(&member), "episode_number") == 0)
            return whole_of(&member);
    return 0;
}

static void
add_entry(struct import_doc *made, size_t *room, const bson_iter_t *item, int64_t number,
          uint32_t position)
{
    struct import_entry *entry;

    if (made->episode_count == *room) {
        *room = *room == 0 ? 1024 : 2 * *room; /* bounded by a document's 16 MiB */
        made->episodes = realloc(made->episodes, *room * sizeof *made->episodes);
        if (made->episodes == NULL)
            abort(); /* out of memory ends the program; importing again goes on */
    }
    entry = &made->episodes[made->episode_count++];
    *entry = (struct import_entry){.number = number, .position = position};
    bson_iter_document(item, &entry->size, &entry->bytes);
}

static int
by_number(const void *a, const void *b)
{
    const struct import_entry *left = a, *right = b;

    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return left->position < right->position ? -1 : left->position > right->position;
}

/* Of several with one number the last stands. */
static void
settle_twice(struct import_doc *made, import_doc_tell *tell, void *context)
{
    size_t kept = 0;

    if (made->episode_count > 0)
        qsort(made->episodes, made->episode_count, sizeof *made->episodes, by_number);
    for (size_t i = 0; i < made->episode_count; i++) {
        const struct import_entry *entry = &made->episodes[i], *after = entry + 1;
        struct teller teller = {tell, context, entry->position, entry->number};

        if (i + 1 == made->episode_count || entry->number != after->number)
            made->episodes[kept++] = *entry;
        else if (entry->size == after->size && memcmp(entry->bytes, after->bytes, entry->size) == 0)
            made->twice++;
        else
            tell_of("", "the same number comes again with other values: the last one stands",
                    &teller);
    }
    made->episode_count = kept;
}

void
import_episodes_index(const bson_iter_t *array, struct import_doc *made, import_doc_tell *tell,
                      void *context)
{
    size_t room = 0;
    uint32_t position = 0;
    bson_iter_t item;

    if (BSON_ITER_HOLDS_NULL(array) || made->episodes != NULL)
        return;
    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &item)) {
        tell("metrics.episodes", "must be an array", context);
        return;
    }
    for (; bson_iter_next(&item); position++) {
        const int64_t number = number_of(&item);
        struct teller teller = {tell, context, position, 0};

        if (number > 0)
            add_entry(made, &room, &item, number, position);
        else
            tell_of("", "has no episode number: an integer from 1 to 9007199254740991", &teller);
    }
    if (item.err_off != 0)
        tell("metrics.episodes", "is damaged BSON from here on", context);
    settle_twice(made, tell, context);
}

/* An entry as JSON; NULL: it has no such form, which is told. */
static json_object *
entry_json(const struct import_entry *entry, struct teller *teller)
{
    json_object *object = json_object_new_object();
    bson_iter_t member;
    bson_t doc;

    if (!bson_init_static(&doc, entry->bytes, entry->size) || !bson_iter_init(&member, &doc)) {
        json_object_put(object);
        tell_of("", "is damaged BSON", teller);
        return NULL;
    }
    while (bson_iter_next(&member)) {
        json_object *value = NULL;
        const char *key = bson_iter_key(&member), *why = "";

        if (json_object_object_get_ex(object, key, NULL))
            tell_of(key, "comes twice: the first one stands", teller);
        else if (!store_json_read(&member, &value, &why))
            tell_of(key, why, teller);
        else
            json_object_object_add(object, key, value);
    }
    return object;
}

void
import_batch_read(const struct import_doc *made, size_t *next, struct import_batch *batch,
                  import_doc_tell *tell, void *context)
{
    batch->count = 0;
    while (*next < made->episode_count && batch->count < IMPORT_BATCH_MAX) {
        const struct import_entry *entry = &made->episodes[(*next)++];
        struct teller teller = {tell, context, entry->position, entry->number};
        json_object *body = entry_json(entry, &teller);
        struct episode_list *list = &batch->lists[batch->count];

        if (body == NULL || !import_episode(body, made->started_ms, list, tell_of, &teller)) {
            json_object_put(body);
            continue;
        }
        batch->bodies[batch->count] = body;
        batch->episodes[batch->count++] = list->items[0];
    }
}

void
import_batch_clear(struct import_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        json_object_put(batch->bodies[i]);
        episode_list_clear(&batch->lists[i]);
    }
    batch->count = 0;
}
