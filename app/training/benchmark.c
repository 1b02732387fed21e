/*
 * benchmark.c - compares agents over their runs. Called by routes/route_benchmark.c.
 * Next: benchmark_interval.c.
 */
#include "training/benchmark.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const benchmark_task_members[] = {"env_id", "env", "environment", "scenario_name"};
const size_t benchmark_task_member_count =
    sizeof benchmark_task_members / sizeof benchmark_task_members[0];

bool
benchmark_mean_add(struct benchmark_mean *mean, double value)
{
    if (isfinite(value)) {
        mean->sum += value;
        mean->count++;
    }
    return mean->count < BENCHMARK_WINDOW;
}

double
benchmark_mean_of(const struct benchmark_mean *mean)
{
    return (double)(mean->sum / (long double)mean->count);
}

/* Never NULL: out of memory ends the worker. */
static void *
must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void
benchmark_add(struct benchmark *benchmark, const struct benchmark_run *run)
{
    if (benchmark->count == benchmark->room) {
        benchmark->room = benchmark->room == 0 ? 64 : 2 * benchmark->room;
        benchmark->runs =
            must(reallocarray(benchmark->runs, benchmark->room, sizeof *benchmark->runs));
    }
    benchmark->runs[benchmark->count++] = *run;
}

void
benchmark_clear(struct benchmark *benchmark)
{
    free(benchmark->runs);
    *benchmark = (struct benchmark){.count = 0};
}

static int
by_group(const struct benchmark_run *a, const struct benchmark_run *b)
{
    const int agents = strcmp(a->agent_id, b->agent_id);

    return agents != 0 ? agents : strcmp(a->algorithm, b->algorithm);
}

/* Runs of one group side by side, and in it by score; equal scores by task, so that order is one.
 */
static int
by_place(const void *a, const void *b)
{
    const struct benchmark_run *left = a, *right = b;
    const int groups = by_group(left, right);

    if (groups != 0)
        return groups;
    if (left->score != right->score)
        return left->score < right->score ? -1 : 1;
    return strcmp(left->task, right->task);
}

/* The number of each run's task: tasks are counted as they are met. */
static void
number_tasks(const struct benchmark_run *runs, size_t count, size_t *stratum)
{
    size_t tasks = 0;

    for (size_t i = 0; i < count; i++) {
        size_t j = 0;

        while (j < i && strcmp(runs[i].task, runs[j].task) != 0)
            j++;
        stratum[i] = j < i ? stratum[j] : tasks++;
    }
}

static int
by_value(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* Runs that never reach the target have no first episode, and count in `reached` alone. */
static void
write_target(const struct benchmark_run *runs, size_t count, double *room, struct json_out *json)
{
    size_t reached = 0;

    for (size_t i = 0; i < count; i++)
        if (runs[i].reached != 0)
            room[reached++] = (double)runs[i].reached;
    qsort(room, reached, sizeof *room, by_value);
    json_out_real(json, "episodes_to_target",
                  reached == 0 ? NAN : benchmark_quantile(room, reached, 0.5));
    json_out_whole(json, "reached", (int64_t)reached);
}

/* Runs of one group, by score. */
static void
write_group(const struct benchmark_run *runs, size_t count, bool with_target, struct json_out *json)
{
    double *scores = must(calloc(count, sizeof *scores));
    size_t *stratum = must(calloc(count, sizeof *stratum));
    double ends[2];

    for (size_t i = 0; i < count; i++)
        scores[i] = runs[i].score;
    number_tasks(runs, count, stratum);
    benchmark_interval(scores, stratum, count, ends);
    json_out_object(json, NULL);
    json_out_text(json, "agent_id", runs[0].agent_id);
    json_out_text(json, "algorithm", runs[0].algorithm);
    json_out_whole(json, "runs", (int64_t)count);
    json_out_real(json, "best", scores[count - 1]);
    json_out_real(json, "median", benchmark_quantile(scores, count, 0.5));
    json_out_real(json, "iqm", benchmark_iqm(scores, count));
    json_out_array(json, "ci95");
    json_out_real(json, NULL, ends[0]);
    json_out_real(json, NULL, ends[1]);
    json_out_array_end(json);
    if (with_target)
        write_target(runs, count, scores, json);
    else
        json_out_null(json, "episodes_to_target");
    json_out_object_end(json);
    free(scores);
    free(stratum);
}

void
benchmark_write(struct benchmark *benchmark, bool with_target, struct json_out *json)
{
    const struct benchmark_run *runs = benchmark->runs;

    if (benchmark->count > 0)
        qsort(benchmark->runs, benchmark->count, sizeof *benchmark->runs, by_place);
    json_out_array(json, "groups");
    for (size_t first = 0, next; first < benchmark->count; first = next) {
        next = first + 1;
        while (next < benchmark->count && by_group(&runs[first], &runs[next]) == 0)
            next++;
        write_group(&runs[first], next - first, with_target, json);
    }
    json_out_array_end(json);
}
