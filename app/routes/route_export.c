/*
 * route_export.c - GET /api/training-runs/{run_id}/export: a run's episodes as a file to keep.
 * Called through routes.c. Next: store/store_episode_read.c, training/episode_csv.c,
 * training/tensorboard.c, route_training_run.c.
 *
 * An export holds every episode that was acknowledged before it began. What is reported while it
 * is read may be in it or not.
 */
#include "route_private.h"

#include "base/auto.h"
#include "store/store_episode.h"
#include "training/episode_csv.h"
#include "training/tensorboard.h"

#include <stdio.h>
#include <string.h>

#define WHOLE INT64_MAX /* all episodes, however long the run */

typedef bool export_writer(struct call *call, const struct run_held *held, struct api_error *err);

struct export_format {
    const char *name, *extension, *content_type;
    export_writer *write;
};

static bool
each_episode(struct call *call, const struct run_held *held, store_episode_visit *visit,
             void *context, struct api_error *err)
{
    return store_episode_each(call->store, &held->run, 1, EPISODE_NUMBER_MAX, visit, context, err);
}

/* The table under way: its columns, and where it goes. */
struct table {
    struct episode_csv csv;
    struct out *out;
};

static bool
add_column(const char *metric, void *context)
{
    return episode_csv_add_metric(context, metric);
}

/* False, which ends the reading, when the client is gone. */
static bool
write_line(const struct episode *episode, void *context)
{
    struct table *table = context;

    episode_csv_write(&table->csv, episode, table->out);
    return !table->out->failed;
}

/*
 * The columns are those of the header, which was read first: a metric that is reported for the
 * first time while the rows are read has none, and shifts nobody else's.
 */
static bool
write_csv(struct call *call, const struct run_held *held, struct api_error *err)
{
    struct table table = {.out = &call->reply->out};
    bool good = store_run_each_metric(held, add_column, &table.csv);

    if (good) {
        episode_csv_write_header(&table.csv, table.out);
        good = each_episode(call, held, write_line, &table, err);
    } else {
        api_fail(err, API_INTERNAL, NULL);
    }
    episode_csv_clear(&table.csv);
    return good;
}

static bool
write_json_line(const struct episode *episode, void *context)
{
    struct out *out = context;
    struct json_out json = {.out = out};

    episode_write_flat(episode, &json);
    out_char(out, '\n');
    return !out->failed;
}

static bool
write_jsonl(struct call *call, const struct run_held *held, struct api_error *err)
{
    return each_episode(call, held, write_json_line, &call->reply->out, err);
}

static bool
write_json(struct call *call, const struct run_held *held, struct api_error *err)
{
    return route_reply_document(call, 200, &held->run, WHOLE, err);
}

static bool
write_event(const struct episode *episode, void *context)
{
    struct out *out = context;

    tensorboard_write(episode, out);
    return !out->failed;
}

static bool
write_tensorboard(struct call *call, const struct run_held *held, struct api_error *err)
{
    tensorboard_write_start(held->run.started_ms, &call->reply->out);
    return each_episode(call, held, write_event, &call->reply->out, err);
}

/* clang-format off */
static const struct export_format formats[] = {
    {"csv",         "csv",      "text/csv; charset=utf-8; header=present", write_csv},
    {"jsonl",       "jsonl",    "application/x-ndjson",                    write_jsonl},
    {"json",        "json",     "application/json",                        write_json},
    /* TensorBoard looks for files that have "tfevents" in their names. */
    {"tensorboard", "tfevents", "application/octet-stream",                write_tensorboard},
};
/* clang-format on */

/* The format asked for; none is the usual one, so that it must be given. Error: FIELD_INVALID. */
static const struct export_format *
read_format(const struct call *call, struct api_error *err)
{
    struct http_query query;
    const char *name;

    if (!http_query_parse(call->req->query, &query, err))
        return NULL;
    name = http_query_text(&query, "format");
    for (size_t i = 0; name != NULL && i < COUNT_OF(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    api_fault(err, "format", "must be csv, jsonl, json or tensorboard");
    return NULL;
}

/* A run_id needs no quoting: it is of A-Z a-z 0-9 . _ - and begins with a letter or a digit. */
static void
begin_download(struct call *call, const struct export_format *format, const struct run *run)
{
    char disposition[64 + RUN_ID_MAX];

    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s.%s\"", run->id,
             format->extension);
    http_reply_header(call->reply, "Content-Disposition", disposition);
    call->reply->status = 200;
    call->reply->content_type = format->content_type;
}

/* GET …/export?format=: the run's episodes as a download, streamed. HEAD reads none of them. */
bool
route_export_show(struct call *call, struct api_error *err)
{
    struct run_held held = {.holder = NULL};
    const struct export_format *format;
    bool good;

    if (!route_run_find(call, &held, err))
        return false;
    format = read_format(call, err);
    good = format != NULL;
    if (good && !route_unchanged(call, &held.run)) {
        begin_download(call, format, &held.run);
        good = call->req->head || format->write(call, &held, err);
    }
    store_run_release(&held);
    return good;
}
