/*
 * episode_rank.c - the first so many episodes of an order. Called by routes/route_episode_list.c.
 * The heap is the binary one of J. W. J. Williams, "Algorithm 232: Heapsort" (1964).
 */
#include "training/episode_rank.h"

#include <math.h>
#include <stdlib.h>

/* Negative when a comes before b. Only one and the same episode is equal. */
static int
compare(const struct episode_rank *a, const struct episode_rank *b, bool descending)
{
    if (a->valued != b->valued)
        return a->valued ? -1 : 1;
    if (a->valued && a->value != b->value)
        return (a->value < b->value) == descending ? 1 : -1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool
comes_after(const struct episode_ranking *ranking, const struct episode_rank *a,
            const struct episode_rank *b)
{
    return compare(a, b, ranking->descending) > 0;
}

static struct episode_rank
rank_of(int64_t number, const double *value)
{
    const bool valued = value != NULL && isfinite(*value);

    return (struct episode_rank){
        .number = number, .valued = valued, .value = valued ? *value : 0.0};
}

void
episode_ranking_init(struct episode_ranking *ranking, size_t room, bool descending)
{
    *ranking = (struct episode_ranking){
        .descending = descending, .room = room, .items = calloc(room, sizeof *ranking->items)};
    if (ranking->items == NULL)
        abort(); /* out of memory ends the worker; the master starts another */
}

void
episode_ranking_begin_behind(struct episode_ranking *ranking, int64_t number, const double *value)
{
    ranking->begins_behind = true;
    ranking->behind = rank_of(number, value);
}

/* Let a new last item rise to its place. */
static void
rise(struct episode_ranking *ranking, struct episode_rank new)
{
    size_t at = ranking->count++;

    while (at > 0 && comes_after(ranking, &new, &ranking->items[(at - 1) / 2])) {
        ranking->items[at] = ranking->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    ranking->items[at] = new;
}

/* Put a new item in the place of the top one and let it sink. */
static void
sink(struct episode_ranking *ranking, struct episode_rank new)
{
    struct episode_rank *items = ranking->items;
    size_t at = 0, child;

    while ((child = 2 * at + 1) < ranking->count) {
        if (child + 1 < ranking->count && comes_after(ranking, &items[child + 1], &items[child]))
            child++;
        if (!comes_after(ranking, &items[child], &new))
            break;
        items[at] = items[child];
        at = child;
    }
    items[at] = new;
}

void
episode_ranking_add(struct episode_ranking *ranking, int64_t number, const double *value)
{
    const struct episode_rank new = rank_of(number, value);

    if (ranking->begins_behind && !comes_after(ranking, &new, &ranking->behind))
        return;
    if (ranking->count < ranking->room)
        rise(ranking, new);
    else if (comes_after(ranking, &ranking->items[0], &new))
        sink(ranking, new);
}

static int
compare_items(const void *a, const void *b, void *descending)
{
    return compare(a, b, *(const bool *)descending);
}

void
episode_ranking_sort(struct episode_ranking *ranking)
{
    qsort_r(ranking->items, ranking->count, sizeof *ranking->items, compare_items,
            &ranking->descending);
}

void
episode_ranking_clear(struct episode_ranking *ranking)
{
    free(ranking->items);
    *ranking = (struct episode_ranking){.items = NULL};
}
