/*
 * fuzz_episode_query.c - metrics=, sort= and where= of a page of episodes: what is taken stays
 * within its limits, and narrowing the numbers loses no episode that matches.
 */
#include "fuzz.h"

#include "training/episode_query.h"

#include <math.h>

static void
check_names(const struct episode_query *query)
{
    CLAIM(query->metric_count <= EPISODE_CHOICE_MAX);
    CLAIM(query->condition_count <= EPISODE_CONDITIONS_MAX);
    CLAIM(query->sort[0] == '\0' || metric_name_is_valid(query->sort));
    for (size_t i = 0; i < query->metric_count; i++) {
        CLAIM(metric_name_is_valid(query->metrics[i]));
        for (size_t j = 0; j < i; j++)
            CLAIM(strcmp(query->metrics[i], query->metrics[j]) != 0);
    }
    for (size_t i = 0; i < query->condition_count; i++) {
        const struct episode_condition *condition = &query->conditions[i];

        CLAIM(metric_name_is_valid(condition->metric));
        CLAIM(!isnan(condition->number) || condition->comparison == EPISODE_EQUAL ||
              condition->comparison == EPISODE_UNEQUAL);
    }
}

/* An episode that has every metric of the conditions, with the number compared to. */
static void
check_episode(const struct episode_query *query, int64_t number)
{
    struct metric_value values[EPISODE_CONDITIONS_MAX];
    struct episode episode = {.number = number, .values = values};
    int64_t from = 1, to = EPISODE_NUMBER_MAX;

    for (size_t i = 0; i < query->condition_count; i++)
        values[episode.value_count++] =
            (struct metric_value){.name = metric_stored_name(query->conditions[i].metric),
                                  .real = query->conditions[i].number};
    episode_query_narrow(query, &from, &to);
    CLAIM(from >= 1 && to <= EPISODE_NUMBER_MAX);
    if (episode_query_matches(query, &episode))
        CLAIM(number >= from && number <= to);
}

/* The numbers that the conditions on `episode` name, and their neighbours. */
static void
check_episodes(const struct episode_query *query)
{
    check_episode(query, 1);
    check_episode(query, EPISODE_NUMBER_MAX);
    for (size_t i = 0; i < query->condition_count; i++) {
        const double number = query->conditions[i].number;

        if (!(number >= 1.0 && number < (double)EPISODE_NUMBER_MAX))
            continue;
        check_episode(query, (int64_t)number);
        check_episode(query, (int64_t)number + 1);
        if (number >= 2.0)
            check_episode(query, (int64_t)number - 1);
    }
}

/* Lines: sort, metrics, then any number of where; or one line, which is a where. */
static void
read_lines(struct episode_query *query, char *text, struct api_error *err)
{
    char *second = strchr(text, '\n'), *third, *rest;

    if (second == NULL) {
        (void)episode_query_read_where(query, text, err);
        return;
    }
    *second++ = '\0';
    (void)episode_query_read_sort(query, text, err);
    third = strchr(second, '\n');
    if (third != NULL)
        *third++ = '\0';
    (void)episode_query_read_metrics(query, second, err);
    for (char *line = third == NULL ? NULL : strtok_r(third, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        (void)episode_query_read_where(query, line, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct episode_query query = {.metric_count = 0};
    struct api_error err = {.id = API_OK};
    char *text = fuzz_text(data, size);

    read_lines(&query, text, &err);
    CLAIM((err.id == API_OK) == (err.fault_count == 0));
    check_names(&query);
    check_episodes(&query);
    free(text);
    return 0;
}
