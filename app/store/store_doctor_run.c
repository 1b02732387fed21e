/*
 * store_doctor_run.c - what a header counts, against one pass over the episodes that it counts.
 * Called by store_doctor.c. Next: store_counters.c, store_tail.h (the rules).
 *
 * The header is read first. Rows change only in transactions that raise its `merges`, and the tail
 * only in writes that raise its `revision`: when both are still the same after the pass, header and
 * rows belong together, and whatever differs is a fault. The mending update asks for the same.
 */
#include "store_doctor_run.h"

#include "base/clock.h"
#include "store/store_episode.h"
#include "store_bson.h"
#include "store_counters.h"
#include "store_doctor_block.h"
#include "store_private.h"
#include "store_tail.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FAULTS_MAX 8
#define FAULT_SIZE 200
#define STEP_EVERY 50000 /* episodes between two steps of progress */

struct diagnosis {
    const struct examination *on;
    const bson_t *header;
    bson_oid_t oid;
    struct tail *tail;      /* NULL: empty */
    size_t tail_length;     /* as stored */
    bool in_rows[TAIL_MAX]; /* the tail's number is a row's, too */
    struct statistics pass; /* over the rows */
    int64_t rows, rows_max;
    struct block_check blocks;
    struct counters rows_say, header_says;
    char faults[FAULTS_MAX][FAULT_SIZE];
    size_t fault_count;
};

static void note(struct diagnosis *diagnosis, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
note(struct diagnosis *diagnosis, const char *fmt, ...)
{
    va_list args;

    if (diagnosis->fault_count == FAULTS_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(diagnosis->faults[diagnosis->fault_count++], FAULT_SIZE, fmt, args);
    va_end(args);
}

/* ---- the pass ---- */

static bool
add_row(const struct episode *row, void *context)
{
    struct diagnosis *diagnosis = context;
    const struct examination *on = diagnosis->on;
    const struct episode *waiting = tail_find(diagnosis->tail, row->number);

    if (waiting != NULL)
        diagnosis->in_rows[waiting - diagnosis->tail->items] = true;
    diagnosis->rows++;
    diagnosis->rows_max = row->number;
    if (++on->counts->episodes % STEP_EVERY == 0)
        on->doctor->step(on->counts, on->doctor->context);
    return block_check_row(&diagnosis->blocks, row, on->err) &&
           statistics_add(&diagnosis->pass, row);
}

/* The rows alone: the tail is not given to the reader. */
static bool
read_rows(struct diagnosis *diagnosis)
{
    struct run run = {.tail = NULL};

    bson_oid_to_string(&diagnosis->oid, run.oid);
    block_check_start(&diagnosis->blocks, diagnosis->on->store, &diagnosis->oid,
                      store_read_whole(diagnosis->header, "blocks_to"));
    return store_episode_each(diagnosis->on->store, &run, 1, EPISODE_NUMBER_MAX, add_row, diagnosis,
                              diagnosis->on->err) &&
           diagnosis->on->err->id == API_OK &&
           block_check_end(&diagnosis->blocks, diagnosis->on->err);
}

/* ---- what differs ---- */

static bool
is_row(const struct diagnosis *diagnosis, int64_t number)
{
    const struct episode *waiting = tail_find(diagnosis->tail, number);

    return waiting != NULL && diagnosis->in_rows[waiting - diagnosis->tail->items];
}

/* An entry that another one of the tail, or a row, stands for. */
static bool
is_double(const struct diagnosis *diagnosis, size_t i)
{
    const struct tail *tail = diagnosis->tail;

    return is_row(diagnosis, tail->items[i].number) ||
           (i + 1 < tail->count && tail->items[i].number == tail->items[i + 1].number);
}

/* How many of the tail's entries count. */
static int64_t
judge_tail(struct diagnosis *diagnosis)
{
    const size_t count = diagnosis->tail == NULL ? 0 : diagnosis->tail->count;
    int64_t good = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_double(diagnosis, i))
            good++;
        else
            note(diagnosis, "episode %lld is in the tail and %s",
                 (long long)diagnosis->tail->items[i].number,
                 is_row(diagnosis, diagnosis->tail->items[i].number) ? "among the rows"
                                                                     : "in the tail again");
    }
    if (diagnosis->tail_length > TAIL_MAX)
        note(diagnosis, "the tail holds %zu reports; there may be %d", diagnosis->tail_length,
             TAIL_MAX);
    else if (diagnosis->tail_length > count)
        note(diagnosis, "the tail holds %zu reports that are none", diagnosis->tail_length - count);
    return good;
}

static void
judge_whole(struct diagnosis *diagnosis, const char *member, int64_t right)
{
    const int64_t says = store_read_whole(diagnosis->header, member);

    if (says != right)
        note(diagnosis, "%s says %lld; there are %lld", member, (long long)says, (long long)right);
}

/*
 * Sums are added in the order in which reports came, and here in number order: compensated sums
 * agree to all but the last digits.
 */
static bool
same_sum(const struct metric_statistics *a, const struct metric_statistics *b)
{
    const double left = (double)(a->sum + a->carry), right = (double)(b->sum + b->carry);
    const double largest = a->count > 0 ? fmax(fabs(a->min), fabs(a->max)) : 0.0;

    return left == right || fabs(left - right) <= 1e-9 * fmax(fabs(left), fabs(right)) +
                                                      1e-18 * largest * (double)a->count;
}

static bool
same_figures(const struct metric_statistics *a, const struct metric_statistics *b)
{
    return a->count == b->count && a->nonfinite == b->nonfinite &&
           (a->count == 0 || (a->min == b->min && a->max == b->max && same_sum(a, b)));
}

/* Every metric that one side has, the other has with the same figures. */
static void
judge_metrics(struct diagnosis *diagnosis, const struct statistics *have,
              const struct statistics *other, const char *side)
{
    for (size_t i = 0; i < have->metric_count; i++) {
        const struct metric_statistics *metric = &have->metrics[i];
        const struct metric_statistics *theirs = statistics_find(other, metric->name);

        if (metric->count == 0 && metric->nonfinite == 0)
            continue;
        if (theirs == NULL || (theirs->count == 0 && theirs->nonfinite == 0))
            note(diagnosis, "metric %s is %s alone", metric->name, side);
        else if (have == &diagnosis->rows_say.figures && !same_figures(metric, theirs))
            note(diagnosis, "metric %s is out of step: count %lld, sum %g; its rows give %lld, %g",
                 metric->name, (long long)theirs->count, (double)(theirs->sum + theirs->carry),
                 (long long)metric->count, (double)(metric->sum + metric->carry));
    }
}

static void
judge_wins(struct diagnosis *diagnosis)
{
    const struct counters *right = &diagnosis->rows_say, *says = &diagnosis->header_says;
    bool same = right->win_count == says->win_count;

    for (size_t i = 0; same && i < right->win_count; i++)
        same = right->wins[i].number == says->wins[i].number &&
               right->wins[i].value == says->wins[i].value;
    if (!same)
        note(diagnosis, "the newest wins are out of step with the rows");
}

static void
judge_counters(struct diagnosis *diagnosis)
{
    const bool in_doubt = diagnosis->header_says.stale;

    judge_whole(diagnosis, "episodes", diagnosis->rows + judge_tail(diagnosis));
    judge_whole(diagnosis, "rows_max", diagnosis->rows_max);
    if (diagnosis->blocks.wrong_from != -1)
        note(diagnosis, "what is packed of episodes from %lld on differs from them",
             (long long)diagnosis->blocks.wrong_from + 1);
    if (in_doubt) { /* which is in order: the next list that shows the run computes them anew */
        if (diagnosis->on->doctor->mend)
            note(diagnosis, "the figures wait to be computed anew");
        return;
    }
    judge_metrics(diagnosis, &diagnosis->rows_say.figures, &diagnosis->header_says.figures,
                  "in the rows");
    judge_metrics(diagnosis, &diagnosis->header_says.figures, &diagnosis->rows_say.figures,
                  "in the header");
    judge_wins(diagnosis);
}

/* ---- mending ---- */

/* 0: it is no episode's entry. */
static int64_t
number_of(const bson_iter_t *entry)
{
    bson_iter_t member;

    return BSON_ITER_HOLDS_DOCUMENT(entry) && bson_iter_recurse(entry, &member) &&
                   bson_iter_find(&member, "n")
               ? bson_iter_as_int64(&member)
               : 0;
}

static bool
comes_again(bson_iter_t at, int64_t number)
{
    while (bson_iter_next(&at))
        if (number_of(&at) == number)
            return true;
    return false;
}

/* The entries that count, as they are; how many. */
static int64_t
append_tail(const struct diagnosis *diagnosis, bson_t *set)
{
    uint32_t count = 0;
    bson_iter_t at;
    bson_t array;

    BSON_APPEND_ARRAY_BEGIN(set, "tail", &array);
    for (bool more = store_read_inside(diagnosis->header, "tail", &at);
         more && bson_iter_next(&at);) {
        const int64_t number = number_of(&at);
        char text[16];
        const char *place;

        if (number < 1 || is_row(diagnosis, number) || comes_again(at, number))
            continue;
        bson_uint32_to_string(count++, &place, text, sizeof text);
        bson_append_iter(&array, place, -1, &at);
    }
    bson_append_array_end(set, &array);
    return count;
}

/* {_id, merges, revision}: the header that was judged. */
static void
append_judged(const struct diagnosis *diagnosis, bson_t *query)
{
    BSON_APPEND_OID(query, "_id", &diagnosis->oid);
    BSON_APPEND_INT64(query, "merges", store_read_whole(diagnosis->header, "merges"));
    BSON_APPEND_INT64(query, "revision", store_read_whole(diagnosis->header, "revision"));
}

static enum verdict
run_counting(const struct diagnosis *diagnosis, const char *doing, const bson_t *command)
{
    AUTO_BSON reply = BSON_INITIALIZER;
    bson_error_t cause;
    struct store *store = diagnosis->on->store;

    if (!store_command(store, command, NULL, &reply, &cause)) {
        store_fail(store, diagnosis->on->err, doing, &cause, &reply);
        return VERDICT_FAILED;
    }
    return store_read_whole(&reply, "n") == 1 ? VERDICT_GIVEN : VERDICT_CHANGED;
}

/* Is the header still the one that was judged? */
static enum verdict
confirm(const struct diagnosis *diagnosis)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_t query;

    BSON_APPEND_UTF8(&command, "count", store_collection_names[STORE_RUNS]);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "query", &query);
    append_judged(diagnosis, &query);
    bson_append_document_end(&command, &query);
    return run_counting(diagnosis, "confirm_run", &command);
}

static enum verdict
mend(const struct diagnosis *diagnosis)
{
    AUTO_BSON command = BSON_INITIALIZER;
    AUTO_BSON query = BSON_INITIALIZER;
    AUTO_BSON set = BSON_INITIALIZER;

    append_judged(diagnosis, &query);
    counters_append(&diagnosis->rows_say, &set);
    BSON_APPEND_INT64(&set, "rows_max", diagnosis->rows_max);
    if (diagnosis->blocks.wrong_from != -1)
        BSON_APPEND_INT64(&set, "blocks_to", diagnosis->blocks.wrong_from);
    BSON_APPEND_INT64(&set, "episodes", diagnosis->rows + append_tail(diagnosis, &set));
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", BCON_DOCUMENT(&query), "u", "{", "$set", BCON_DOCUMENT(&set), "$inc", "{",
                "merges", BCON_INT64(1), "revision", BCON_INT64(1), "}", "$min", "{",
                "unranked_since", BCON_DATE_TIME(clock_now_ms()), "}", "}", "}", "]");
    store_append_durable(&command);
    return run_counting(diagnosis, "mend_run", &command);
}

/* ---- the whole ---- */

static size_t
tail_length(const bson_t *header)
{
    bson_iter_t at;
    size_t count = 0;

    if (store_read_inside(header, "tail", &at))
        while (bson_iter_next(&at))
            count++;
    return count;
}

/* What was noted is told once it is certain, and mended if so asked. */
static enum verdict
conclude(const struct diagnosis *diagnosis, const char *subject)
{
    /* A tail that is too long is read in part only: writing it back would lose the rest. */
    const bool mends = diagnosis->on->doctor->mend && diagnosis->tail_length <= TAIL_MAX;
    enum verdict verdict;

    if (diagnosis->fault_count == 0)
        return VERDICT_GIVEN;
    verdict = mends ? mend(diagnosis) : confirm(diagnosis);
    for (size_t i = 0; verdict == VERDICT_GIVEN && i < diagnosis->fault_count; i++)
        examination_tell(diagnosis->on, subject, mends, "%s", diagnosis->faults[i]);
    return verdict;
}

enum verdict
doctor_judge_run(const struct examination *on, const bson_t *header, const char *subject)
{
    struct diagnosis diagnosis = {.on = on, .header = header, .tail_length = tail_length(header)};
    enum verdict verdict = VERDICT_FAILED;
    bson_iter_t id;

    if (!bson_iter_init_find(&id, header, "_id") || !BSON_ITER_HOLDS_OID(&id))
        return VERDICT_GIVEN;
    bson_oid_copy(bson_iter_oid(&id), &diagnosis.oid);
    diagnosis.tail = tail_read(header);
    statistics_init(&diagnosis.pass);
    if (read_rows(&diagnosis) && counters_read(header, &diagnosis.header_says)) {
        counters_from_pass(&diagnosis.pass, &diagnosis.rows_say);
        judge_counters(&diagnosis);
        verdict = conclude(&diagnosis, subject);
        counters_clear(&diagnosis.rows_say);
    }
    block_check_clear(&diagnosis.blocks);
    counters_clear(&diagnosis.header_says);
    statistics_clear(&diagnosis.pass);
    tail_free(diagnosis.tail);
    return verdict;
}
