/* metric.c - the names of metrics. Called by episode.c, statistics.c. */
#include "training/metric.h"

#include "base/auto.h"
#include "base/ident.h"

#include <string.h>

/* clang-format off */
const struct metric metric_table[] = {
    {"roi_pct",           METRIC_REAL},
    {"sharpe_ratio",      METRIC_REAL},
    {"max_drawdown_pct",  METRIC_REAL},
    {"total_trades",      METRIC_WHOLE},
    {METRIC_REWARD_ALIAS, METRIC_REAL},
    {METRIC_REWARD,       METRIC_REAL},
    {"steps",             METRIC_WHOLE},
    {"win",               METRIC_WIN},
    {"epsilon",           METRIC_REAL},
};
/* clang-format on */
const size_t metric_table_count = COUNT_OF(metric_table);

const struct metric *
metric_find(const char *name)
{
    for (size_t i = 0; i < metric_table_count; i++)
        if (strcmp(metric_table[i].name, name) == 0)
            return &metric_table[i];
    return NULL;
}

const char *
metric_stored_name(const char *name)
{
    return strcmp(name, METRIC_REWARD_ALIAS) == 0 ? METRIC_REWARD : name;
}

const char *
metric_other_name(const char *name)
{
    if (strcmp(name, METRIC_REWARD) == 0)
        return METRIC_REWARD_ALIAS;
    return strcmp(name, METRIC_REWARD_ALIAS) == 0 ? METRIC_REWARD : NULL;
}

bool
metric_name_is_valid(const char *name)
{
    return ident_is_word(name, METRIC_NAME_MAX, "._-/");
}

bool
metric_name_is_reserved(const char *name)
{
    static const char *const members[] = {"episode", "episode_number", "session_id", "created_at",
                                          "metrics"};

    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (strcmp(members[i], name) == 0)
            return true;
    return metric_find(name) != NULL;
}
