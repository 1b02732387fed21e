/*
 * bench_cursor.c - what a learning curve costs at least: a cursor over the run's rows, a rolling
 * mean, and printf of the numbers; and what an export does: a cursor over whole rows.
 * Called by tests/bench/run. Next: app/training/curve.c, app/routes/route_export.c.
 *
 *   MONGODB_URI=… bench_cursor DATABASE RUN_ID METRIC TIMES once|twice|rows
 *
 * twice: as in the answer, each number in its array and again in its object; once: arrays alone;
 * rows: every row with all its metrics, and nothing is made of them.
 * The text goes into a buffer that is written over when it is full.
 */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 10
#define BUFFER_SIZE (64 * 1024)
#define PIECE_MAX 256 /* text of one number or object */

struct text {
    char buffer[BUFFER_SIZE];
    size_t used;
    long total;
};

struct reading {
    bool twice, whole_rows;
    long rows;
    double values[WINDOW];
    long count;
    struct text numbers, raw, smoothed, objects;
};

__attribute__((format(printf, 2, 3))) static void
print(struct text *text, const char *format, ...)
{
    va_list args;
    int size;

    if (text->used > BUFFER_SIZE - PIECE_MAX)
        text->used = 0;
    va_start(args, format);
    size = vsnprintf(text->buffer + text->used, PIECE_MAX, format, args);
    va_end(args);
    text->used += (size_t)size;
    text->total += size;
}

static double
mean_of_last(struct reading *reading, double value)
{
    const long held = reading->count < WINDOW - 1 ? reading->count + 1 : WINDOW;
    double sum = 0;

    reading->values[reading->count++ % WINDOW] = value;
    for (long i = 0; i < held; i++)
        sum += reading->values[i];
    return sum / (double)held;
}

static void
read_row(struct reading *reading, const bson_t *row)
{
    bson_iter_t at, id;
    int64_t number = 0;
    double value = 0, mean;

    if (bson_iter_init_find(&at, row, "_id") && bson_iter_recurse(&at, &id) &&
        bson_iter_find(&id, "n"))
        number = bson_iter_as_int64(&id);
    if (bson_iter_init_find(&at, row, "v"))
        value = bson_iter_as_double(&at);
    mean = mean_of_last(reading, value);
    print(&reading->numbers, "%lld,", (long long)number);
    print(&reading->raw, "%.17g,", value);
    print(&reading->smoothed, "%.17g,", mean);
    if (reading->twice)
        print(&reading->objects, "{\"episode\":%lld,\"value\":%.17g,\"smoothed\":%.17g},",
              (long long)number, value, mean);
}

static bool
find_run(mongoc_client_t *client, const char *database, const char *run_id, bson_oid_t *run)
{
    mongoc_collection_t *runs = mongoc_client_get_collection(client, database, "runs");
    bson_t *filter = BCON_NEW("run_id", BCON_UTF8(run_id));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(runs, filter, NULL, NULL);
    const bson_t *doc;
    bson_iter_t at;
    bool found = mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&at, doc, "_id");

    if (found)
        bson_oid_copy(bson_iter_oid(&at), run);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    mongoc_collection_destroy(runs);
    return found;
}

/* What the API asks for (app/store/store_episode_read.c). */
static bson_t *
cursor_options(const char *metric, bool whole_rows)
{
    if (whole_rows)
        return BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT32(4000));
    return BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "projection", "{", "_id.n",
                    BCON_INT32(1), "v", "{", "$getField", "{", "field", "{", "$literal",
                    BCON_UTF8(metric), "}", "input", BCON_UTF8("$metrics"), "}", "}", "}");
}

static bool
read_rows(mongoc_collection_t *episodes, const bson_oid_t *run, const char *metric,
          struct reading *reading)
{
    bson_t *filter =
        BCON_NEW("_id", "{", "$gte", "{", "run", BCON_OID(run), "n", BCON_INT32(1), "}", "$lte",
                 "{", "run", BCON_OID(run), "n", BCON_INT64(INT64_C(9007199254740991)), "}", "}");
    bson_t *opts = cursor_options(metric, reading->whole_rows);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(episodes, filter, opts, NULL);
    bson_error_t cause;
    const bson_t *row;
    bool good;

    while (mongoc_cursor_next(cursor, &row)) {
        if (reading->whole_rows)
            reading->numbers.total += row->len;
        else
            read_row(reading, row);
        reading->rows++;
    }
    good = !mongoc_cursor_error(cursor, &cause);
    if (!good)
        fprintf(stderr, "bench_cursor: %s\n", cause.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    bson_destroy(opts);
    return good;
}

/* A line of JSON for one reading. */
static bool
measure(mongoc_collection_t *episodes, const bson_oid_t *run, const char *metric, const char *way)
{
    struct reading *reading = calloc(1, sizeof *reading);
    const int64_t started_us = bson_get_monotonic_time();
    bool good;

    if (reading == NULL)
        return false;
    reading->twice = strcmp(way, "twice") == 0;
    reading->whole_rows = strcmp(way, "rows") == 0;
    good = read_rows(episodes, run, metric, reading);
    printf("{\"seconds\": %.6f, \"bytes\": %ld, \"rows\": %ld}\n",
           (double)(bson_get_monotonic_time() - started_us) / 1e6,
           reading->numbers.total + reading->raw.total + reading->smoothed.total +
               reading->objects.total,
           reading->rows);
    fflush(stdout);
    free(reading);
    return good;
}

int
main(int argc, char **argv)
{
    const char *address = getenv("MONGODB_URI");
    mongoc_client_t *client;
    mongoc_collection_t *episodes;
    bson_oid_t run;
    bool good;

    if (argc != 6 || address == NULL) {
        fprintf(
            stderr,
            "usage: MONGODB_URI=... bench_cursor DATABASE RUN_ID METRIC TIMES once|twice|rows\n");
        return 2;
    }
    mongoc_init();
    client = mongoc_client_new(address);
    if (client == NULL || !find_run(client, argv[1], argv[2], &run)) {
        fprintf(stderr, "bench_cursor: there is no run %s\n", argv[2]);
        return 1;
    }
    episodes = mongoc_client_get_collection(client, argv[1], "episodes");
    good = true;
    for (int i = 0; good && i < atoi(argv[4]); i++)
        good = measure(episodes, &run, argv[3], argv[5]);
    mongoc_collection_destroy(episodes);
    mongoc_client_destroy(client);
    return good ? 0 : 1;
}
