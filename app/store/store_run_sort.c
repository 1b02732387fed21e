/*
 * store_run_sort.c - orders, places and indexes of a list. Called by store_run_list.c.
 * Next: store_run_search.c, store_run_rank.c (who keeps rank), schema/mongo/runs.json.
 */
#include "store_run_sort.h"

#include "store_bson.h"
#include "store_run_rank.h"
#include "store_run_search.h"

#include <math.h>
#include <stdio.h>

struct sort_key {
    const char *member;
    const char *index; /* NULL: the filters choose among those that begin with theirs */
    bool may_lack;     /* a run may have no such figure: NaN, below all numbers for MongoDB */
};

static const struct sort_key keys[RUN_SORT_COUNT] = {
    [RUN_SORT_START_TIME] = {"started_at", NULL, false},
    [RUN_SORT_EPISODES] = {"rank.episodes", "list_by_episodes", false},
    [RUN_SORT_AVG_REWARD] = {"rank.avg_reward", "list_by_avg_reward", true},
    [RUN_SORT_WIN_RATE] = {"rank.win_rate", "list_by_win_rate", true},
};

static bool
has_place(const struct run_query *query)
{
    return query->cursor.place.id[0] != '\0';
}

/* Is the place among the runs without the figure? */
static bool
is_lacking(const struct run_query *query)
{
    return keys[query->order.sort].may_lack && isnan(query->cursor.place.figure);
}

size_t
run_sort_sections(const struct run_query *query, enum run_section sections[RUN_SECTIONS_MAX])
{
    const bool may_lack = keys[query->order.sort].may_lack;
    const bool backwards = query->cursor.backwards;
    size_t count = 0;

    if (!has_place(query)) {
        sections[count++] = SECTION_ALL;
    } else {
        sections[count++] = SECTION_TIES;
        if (!is_lacking(query))
            sections[count++] = SECTION_BEYOND;
        else if (backwards)
            sections[count++] = SECTION_ALL;
    }
    if (may_lack && !backwards && !(has_place(query) && is_lacking(query)))
        sections[count++] = SECTION_NONE;
    return count;
}

/* Is the section read from low values to high ones? */
static bool
is_upwards(const struct run_query *query)
{
    return query->cursor.backwards != query->order.ascending;
}

static void
append_value(bson_t *range, const char *operator, const struct run_query * query)
{
    const struct run_place *place = &query->cursor.place;

    if (query->order.sort == RUN_SORT_START_TIME)
        BSON_APPEND_DATE_TIME(range, operator, place->whole);
    else if (query->order.sort == RUN_SORT_EPISODES)
        BSON_APPEND_INT64(range, operator, place->whole);
    else
        BSON_APPEND_DOUBLE(range, operator, place->figure);
}

static void
append_range(bson_t *range, const struct run_query *query, enum run_section section)
{
    switch (section) {
    case SECTION_ALL:
        if (keys[query->order.sort].may_lack)
            BSON_APPEND_DOUBLE(range, "$gte", -INFINITY); /* NaN is not */
        break;
    case SECTION_NONE:
        BSON_APPEND_DOUBLE(range, "$eq", NAN);
        break;
    case SECTION_TIES:
        append_value(range, "$eq", query);
        break;
    case SECTION_BEYOND:
        append_value(range, is_upwards(query) ? "$gt" : "$lt", query);
        break;
    }
}

/* {member: {…}}, unless it would ask for nothing. */
static void
append_condition(bson_t *filter, const char *member, const bson_t *range)
{
    if (!bson_empty(range))
        BSON_APPEND_DOCUMENT(filter, member, range);
}

void
run_sort_filter(bson_t *filter, const struct run_query *query, enum run_section section)
{
    AUTO_BSON range = BSON_INITIALIZER;
    AUTO_BSON times = BSON_INITIALIZER;
    const bool by_time = query->order.sort == RUN_SORT_START_TIME;

    append_range(&range, query, section);
    run_search_append_times(by_time ? &range : &times, query);
    append_condition(filter, keys[query->order.sort].member, &range);
    append_condition(filter, "started_at", &times);
    if (section == SECTION_TIES) {
        bson_t ids;

        BSON_APPEND_DOCUMENT_BEGIN(filter, "run_id", &ids);
        BSON_APPEND_UTF8(&ids, is_upwards(query) ? "$lt" : "$gt", query->cursor.place.id);
        bson_append_document_end(filter, &ids);
    }
}

void
run_sort_order(bson_t *opts, const struct run_query *query, enum run_section section)
{
    const int32_t up = is_upwards(query) ? 1 : -1;
    bson_t order;

    BSON_APPEND_DOCUMENT_BEGIN(opts, "sort", &order);
    /* Where the value is the same for all, the index's order is that of run_id. */
    if (section == SECTION_ALL || section == SECTION_BEYOND)
        BSON_APPEND_INT32(&order, keys[query->order.sort].member, up);
    BSON_APPEND_INT32(&order, "run_id", -up);
    bson_append_document_end(opts, &order);
}

void
run_sort_append_keys(bson_t *opts, const struct run_query *query)
{
    BCON_APPEND(opts, "projection", "{", "_id", BCON_INT32(0), "run_id", BCON_INT32(1),
                keys[query->order.sort].member, BCON_INT32(1), "}");
}

void
run_sort_read_place(const bson_t *row, const struct run_query *query, struct run_place *place)
{
    const char *id = store_read_text(row, "run_id");
    struct run_rank rank;

    run_rank_read(row, &rank);
    *place = (struct run_place){.whole = 0};
    snprintf(place->id, sizeof place->id, "%s", id == NULL ? "" : id);
    if (query->order.sort == RUN_SORT_START_TIME)
        place->whole = store_read_time(row, "started_at");
    else if (query->order.sort == RUN_SORT_EPISODES)
        place->whole = rank.episodes;
    else if (query->order.sort == RUN_SORT_AVG_REWARD)
        place->figure = rank.avg_reward;
    else
        place->figure = rank.win_rate;
}

const char *
run_sort_index(const struct run_query *query)
{
    const char *index = keys[query->order.sort].index;

    return index == NULL ? run_search_index(query) : index;
}
