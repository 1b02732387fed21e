/* test_store_plan.c - what one transaction writes, by hand and against a model of the database. */
#include "store/store_plan.h"

#include "fakes/episode_of.h"
#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/bson_of.h"

#define RUN "0123456789abcdef01234567"
#define NUMBERS (2 * TAIL_MAX + 60) /* episodes 1 to NUMBERS - 1 */

/* A run in the database: rows by their numbers, and the header. */
struct database {
    bson_oid_t run;
    bson_t *header;
    bson_t *rows[NUMBERS];
    int64_t episodes;
};

/* What one put came to. */
struct outcome {
    int64_t inserted, replaced;
    bool asked; /* for rows */
    struct api_error err;
};

static int
set_up(void **state)
{
    struct database *db = calloc(1, sizeof *db);

    bson_oid_init_from_string(&db->run, RUN);
    db->header = bson_new();
    *state = db;
    return 0;
}

static int
tear_down(void **state)
{
    struct database *db = *state;

    bson_destroy(db->header);
    for (size_t n = 0; n < NUMBERS; n++)
        bson_destroy(db->rows[n]);
    free(db);
    return 0;
}

/* The numbers that a find command asks for, as {cursor: {firstBatch: [rows that exist]}}. */
static bson_t *
answer_find(const struct database *db, const bson_t *command)
{
    bson_t *reply = bson_new();
    bson_t cursor, batch;
    bson_iter_t at, ids, id;
    uint32_t count = 0;

    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &cursor);
    BSON_APPEND_ARRAY_BEGIN(&cursor, "firstBatch", &batch);
    assert_true(bson_iter_init(&at, command));
    assert_string_equal(bson_iter_next(&at) ? bson_iter_utf8(&at, NULL) : "", "episodes");
    assert_true(bson_iter_init(&at, command) &&
                bson_iter_find_descendant(&at, "filter._id.$in", &ids) &&
                bson_iter_recurse(&ids, &id));
    while (bson_iter_next(&id)) {
        bson_iter_t member;
        char text[16];
        const char *key;
        int64_t n;

        assert_true(bson_iter_recurse(&id, &member) && bson_iter_find(&member, "n"));
        n = bson_iter_as_int64(&member);
        bson_uint32_to_string(count, &key, text, sizeof text);
        if (db->rows[n] != NULL && bson_append_document(&batch, key, -1, db->rows[n]))
            count++;
    }
    bson_append_array_end(&cursor, &batch);
    bson_append_document_end(reply, &cursor);
    return reply;
}

static int64_t
row_number(const bson_t *row)
{
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode episode;

    assert_true(episode_doc_read(row, &episode, values));
    return episode.number;
}

/* insert: {insert, documents: […]}; no number may be there already. */
static void
apply_inserts(struct database *db, const bson_t *command)
{
    bson_iter_t at, items;

    if (bson_empty(command))
        return;
    assert_true(bson_iter_init_find(&at, command, "documents") && bson_iter_recurse(&at, &items));
    while (bson_iter_next(&items)) {
        const uint8_t *bytes;
        uint32_t size;
        bson_t *row;
        int64_t n;

        bson_iter_document(&items, &size, &bytes);
        row = bson_new_from_data(bytes, size);
        n = row_number(row);
        assert_null(db->rows[n]); /* MongoDB would refuse it */
        db->rows[n] = row;
    }
}

/* update: {update, updates: [{q: {_id}, u: document}]}; each row must be there. */
static void
apply_updates(struct database *db, const bson_t *command)
{
    bson_iter_t at, items, update;

    if (bson_empty(command))
        return;
    assert_true(bson_iter_init_find(&at, command, "updates") && bson_iter_recurse(&at, &items));
    while (bson_iter_next(&items)) {
        const uint8_t *bytes;
        uint32_t size;
        bson_t *row;
        int64_t n;

        assert_true(bson_iter_recurse(&items, &update) && bson_iter_find(&update, "u"));
        bson_iter_document(&update, &size, &bytes);
        row = bson_new_from_data(bytes, size);
        n = row_number(row);
        assert_non_null(db->rows[n]);
        bson_destroy(db->rows[n]);
        db->rows[n] = row;
    }
}

/* The header's $set becomes the header; $inc is added. */
static void
apply_header(struct database *db, const bson_t *update)
{
    bson_iter_t at, episodes;
    const uint8_t *bytes;
    uint32_t size;

    assert_true(bson_iter_init_find(&at, update, "$set"));
    bson_iter_document(&at, &size, &bytes);
    bson_destroy(db->header);
    db->header = bson_new_from_data(bytes, size);
    assert_true(bson_iter_init(&at, update) &&
                bson_iter_find_descendant(&at, "$inc.episodes", &episodes));
    db->episodes += bson_iter_as_int64(&episodes);
}

/* Elements of an array, of which those with a flag are `flagged`. */
static int64_t
count_flagged(const bson_t *doc, const char *array, const char *flag, bool flagged)
{
    bson_iter_t root, at, items, element;
    int64_t count = 0;

    if (!bson_iter_init(&root, doc) || !bson_iter_find_descendant(&root, array, &at))
        return 0;
    assert_true(bson_iter_recurse(&at, &items));
    while (bson_iter_next(&items))
        count += (bson_iter_recurse(&items, &element) && bson_iter_find(&element, flag)) == flagged;
    return count;
}

/* Who follows the change stream hears of each report that counts once, and of no other. */
static void
assert_told_once(const struct plan *plan, const bson_t *update)
{
    assert_int_equal(count_flagged(&plan->inserts, "documents", "waited", false) +
                         (int64_t)plan->update_count +
                         count_flagged(update, "$set.tail", "new", true),
                     plan->inserted + plan->replaced);
}

/* One transaction, as store_merge.c runs it. items: in number order. */
static struct outcome
put(struct database *db, struct episode *items, size_t count)
{
    const struct episode_list list = {.items = items, .count = count, .reported = count};
    AUTO_BSON find = BSON_INITIALIZER;
    AUTO_BSON update = BSON_INITIALIZER;
    struct outcome outcome = {.err = {.id = API_OK}};
    struct plan plan;
    bson_t *reply;

    plan_start(&plan, &db->run, &list, db->header);
    outcome.asked = plan_append_find(&plan, &find);
    reply = outcome.asked ? answer_find(db, &find) : bson_new();
    if (plan_finish(&plan, reply, &outcome.err)) {
        plan_append_update(&plan, 5, &update);
        assert_told_once(&plan, &update);
        if (plan.insert_count > 0)
            apply_inserts(db, &plan.inserts);
        if (plan.update_count > 0)
            apply_updates(db, &plan.updates);
        apply_header(db, &update);
        outcome.inserted = plan.inserted;
        outcome.replaced = plan.replaced;
    }
    plan_clear(&plan);
    bson_destroy(reply);
    return outcome;
}

static struct outcome
put_one(struct database *db, int64_t number, int64_t created_ms, double reward)
{
    struct episode episode = EPISODE(number, created_ms, REAL("total_reward", reward));

    return put(db, &episode, 1);
}

static size_t
tail_count(const struct database *db)
{
    struct tail *tail = tail_read(db->header);
    const size_t count = tail == NULL ? 0 : tail->count;

    tail_free(tail);
    return count;
}

static size_t
row_count(const struct database *db)
{
    size_t count = 0;

    for (size_t n = 0; n < NUMBERS; n++)
        count += db->rows[n] != NULL;
    return count;
}

/* The reward of a number, wherever it is; NAN when it is nowhere. It must not be in two places. */
static double
reward_of(const struct database *db, int64_t number)
{
    struct tail *tail = tail_read(db->header);
    const struct episode *waiting = tail_find(tail, number);
    struct metric_value values[EPISODE_VALUES_MAX];
    struct episode row;
    double reward = NAN;

    if (waiting != NULL)
        reward = episode_metric(waiting, "total_reward")->real;
    if (db->rows[number] != NULL) {
        assert_null(waiting);
        assert_true(episode_doc_read(db->rows[number], &row, values));
        reward = episode_metric(&row, "total_reward")->real;
    }
    tail_free(tail);
    return reward;
}

static void
a_new_report_waits_in_the_tail(void **state)
{
    struct database *db = *state;
    const struct outcome outcome = put_one(db, 7, 100, 1.5);

    assert_int_equal(outcome.inserted, 1);
    assert_int_equal(outcome.replaced, 0);
    assert_false(outcome.asked); /* no row can have the number */
    assert_int_equal(tail_count(db), 1);
    assert_int_equal(row_count(db), 0);
    assert_int_equal(db->episodes, 1);
    assert_bson_equal(
        db->header,
        "{\"metrics\":{},\"metric_count\":0,\"wins\":[],\"summary_stale\":false,"
        "\"rows_max\":{\"$numberLong\":\"0\"},\"tail\":[{\"n\":7,\"created_at\":"
        "{\"$date\":{\"$numberLong\":\"100\"}},\"metrics\":{\"total_reward\":1.5},\"new\":true}]}");
}

static void
a_batch_becomes_rows_and_takes_the_tail_along(void **state)
{
    struct database *db = *state;
    struct episode batch[] = {EPISODE(1, 100, REAL("total_reward", 1.0)),
                              EPISODE(3, 100, REAL("total_reward", 3.0)),
                              EPISODE(9, 100, REAL("total_reward", 9.0), BOOL("win", true))};
    struct outcome outcome;

    put_one(db, 2, 100, 2.0);
    outcome = put(db, batch, 3);
    assert_int_equal(outcome.inserted, 3);
    assert_int_equal(tail_count(db), 0);
    assert_int_equal(row_count(db), 4);
    assert_int_equal(db->episodes, 4);
    assert_bson_equal(
        db->header,
        "{\"metrics\":{\"total_reward\":{\"count\":{\"$numberLong\":\"4\"},\"sum\":15.0,"
        "\"carry\":0.0,\"min\":1.0,\"max\":9.0},\"win\":{\"count\":{\"$numberLong\":\"1\"},"
        "\"sum\":1.0,\"carry\":0.0,\"min\":1.0,\"max\":1.0}},\"metric_count\":2,"
        "\"wins\":[{\"n\":9,\"win\":1.0}],\"summary_stale\":false,"
        "\"rows_max\":{\"$numberLong\":\"9\"},\"tail\":[]}");
}

static void
the_later_of_two_reports_stands_wherever_the_earlier_is(void **state)
{
    static const struct {
        int64_t created_ms; /* the stored one: 1000 */
        bool replaces;
    } cases[] = {{1001, true}, {1000, true}, {999, false}, {0, false}};

    for (int among_rows = 0; among_rows < 2; among_rows++)
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            struct database *db;
            struct outcome outcome;
            struct episode batch[] = {EPISODE(5, 1000, REAL("total_reward", 5.0)),
                                      EPISODE(6, 1000, REAL("total_reward", 6.0))};

            tear_down(state);
            set_up(state);
            db = *state;
            if (among_rows)
                put(db, batch, 2);
            else
                put_one(db, 5, 1000, 5.0);
            outcome = put_one(db, 5, cases[i].created_ms, -1.0);
            assert_int_equal(outcome.asked, among_rows);
            assert_int_equal(outcome.inserted, 0);
            assert_int_equal(outcome.replaced, cases[i].replaces);
            assert_true(reward_of(db, 5) == (cases[i].replaces ? -1.0 : 5.0));
            assert_int_equal(db->episodes, among_rows ? 2 : 1);
        }
}

static void
a_full_tail_moves_but_for_the_newest(void **state)
{
    struct database *db = *state;

    for (int64_t n = 1; n <= TAIL_MAX; n++)
        put_one(db, n, 100, (double)n);
    assert_int_equal(tail_count(db), TAIL_MAX);
    assert_int_equal(row_count(db), 0);
    put_one(db, TAIL_MAX + 1, 100, 0.0);
    assert_int_equal(tail_count(db), TAIL_KEEP);
    assert_int_equal(row_count(db), TAIL_MAX + 1 - TAIL_KEEP);
    for (int64_t n = 1; n <= TAIL_MAX + 1; n++)
        assert_int_equal(db->rows[n] != NULL, n <= TAIL_MAX + 1 - TAIL_KEEP);
}

static void
a_straggler_below_the_rows_is_new(void **state)
{
    struct database *db = *state;
    struct episode batch[] = {EPISODE(5, 100, REAL("total_reward", 5.0)),
                              EPISODE(9, 100, REAL("total_reward", 9.0))};
    struct outcome outcome;

    put(db, batch, 2);
    outcome = put_one(db, 7, 100, 7.0);
    assert_true(outcome.asked);
    assert_int_equal(outcome.inserted, 1);
    assert_true(reward_of(db, 7) == 7.0);
    assert_int_equal(db->episodes, 3);
}

static void
more_metrics_than_a_run_may_have_are_refused_whole(void **state)
{
    struct database *db = *state;
    struct outcome outcome;
    char names[STATISTICS_METRICS_MAX + 1][8];

    for (int64_t n = 1; n <= 20; n++) { /* 20 × 50 metrics: as many as there may be */
        struct metric_value values[50];
        struct episode episode = {.number = n, .values = values, .value_count = 50};

        for (size_t i = 0; i < 50; i++) {
            char *name = names[(size_t)(n - 1) * 50 + i];

            snprintf(name, sizeof names[0], "m%d", (int)(n - 1) * 50 + (int)i);
            values[i] = REAL(name, 1.0);
        }
        outcome = put(db, &episode, 1);
        assert_int_equal(outcome.inserted, 1);
    }
    outcome = put_one(db, 30, 100, 1.0); /* total_reward would be the 1001st */
    assert_int_equal(outcome.err.status, 422);
    assert_string_equal(outcome.err.faults[0].field, "metrics");
    assert_int_equal(db->episodes, 20);
    {
        struct episode known = EPISODE(30, 100, REAL("m999", 2.0));

        assert_int_equal(put(db, &known, 1).inserted, 1);
    }
}

static void
a_run_that_has_more_metrics_already_still_takes_known_ones(void **state)
{
    struct database *db = *state;
    bson_t tail;
    char names[1200][8];

    BSON_APPEND_ARRAY_BEGIN(db->header, "tail", &tail);
    for (int64_t n = 0; n < 20; n++) { /* as quick appends at once may leave it */
        struct metric_value values[60];
        struct episode episode = {
            .number = n + 1, .created_ms = 1, .values = values, .value_count = 60};
        char key[8];

        for (int i = 0; i < 60; i++) {
            snprintf(names[n * 60 + i], sizeof names[0], "m%d", (int)n * 60 + i);
            values[i] = REAL(names[n * 60 + i], 1.0);
        }
        snprintf(key, sizeof key, "%d", (int)n);
        tail_append(&tail, key, &episode, false);
    }
    bson_append_array_end(db->header, &tail);
    {
        struct episode known = EPISODE(30, 100, REAL("m1199", 2.0));
        struct episode unknown = EPISODE(31, 100, REAL("m1200", 2.0));

        assert_int_equal(put(db, &known, 1).inserted, 1);
        assert_int_equal(put(db, &unknown, 1).err.status, 422);
    }
}

static void
the_commands_say_what_and_where(void **state)
{
    struct database *db = *state;
    struct episode batch[] = {EPISODE(1, 100, REAL("total_reward", 1.0)),
                              EPISODE(2, 100, REAL("total_reward", 2.0))};
    const struct episode_list list = {.items = batch, .count = 2, .reported = 2};
    AUTO_BSON find = BSON_INITIALIZER;
    struct plan plan;
    bson_t *header = bson_of("{\"rows_max\":2}");
    bson_t *rows = bson_of("{\"cursor\":{\"firstBatch\":[{\"_id\":{\"run\":{\"$oid\":\"" RUN
                           "\"},\"n\":2},\"created_at\":{\"$date\":{\"$numberLong\":\"50\"}},"
                           "\"metrics\":{\"total_reward\":0.5}}]}}");
    struct api_error err = {.id = API_OK};

    plan_start(&plan, &db->run, &list, header);
    assert_true(plan_append_find(&plan, &find));
    assert_bson_equal(&find, "{\"find\":\"episodes\",\"filter\":{\"_id\":{\"$in\":["
                             "{\"run\":{\"$oid\":\"" RUN "\"},\"n\":1},"
                             "{\"run\":{\"$oid\":\"" RUN "\"},\"n\":2}]}},"
                             "\"sort\":{\"_id\":1},\"batchSize\":3,\"singleBatch\":true}");
    assert_true(plan_finish(&plan, rows, &err));
    assert_bson_equal(&plan.inserts,
                      "{\"insert\":\"episodes\",\"documents\":[{\"_id\":{\"run\":{\"$oid\":\"" RUN
                      "\"},\"n\":1},\"created_at\":{\"$date\":{\"$numberLong\":\"100\"}},"
                      "\"metrics\":{\"total_reward\":1.0}}]}");
    assert_bson_equal(
        &plan.updates,
        "{\"update\":\"episodes\",\"updates\":[{\"q\":{\"_id\":{\"run\":{\"$oid\":\"" RUN
        "\"},\"n\":2}},\"u\":{\"_id\":{\"run\":{\"$oid\":\"" RUN
        "\"},\"n\":2},\"created_at\":{\"$date\":{\"$numberLong\":\"100\"}},"
        "\"metrics\":{\"total_reward\":2.0}}}]}");
    plan_clear(&plan);
    bson_destroy(header);
    bson_destroy(rows);
}

static void
what_is_written_is_in_no_block_that_may_be_trusted(void **state)
{
    static const struct {
        int64_t number;
        const char *set; /* of blocks_to; NULL: it stays */
    } cases[] = {{7000, NULL}, {5001, NULL}, {5000, "4000"}, {2001, "2000"}, {1, "0"}};
    struct database *db = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct episode batch[] = {EPISODE(cases[i].number, 100, REAL("total_reward", 1.0)),
                                  EPISODE(8000, 100, REAL("total_reward", 2.0))};
        const struct episode_list list = {.items = batch, .count = 2, .reported = 2};
        bson_t *header = bson_of("{\"rows_max\":6000,\"blocks_to\":5000}");
        bson_t *rows = bson_of("{\"cursor\":{\"firstBatch\":[]}}");
        AUTO_BSON update = BSON_INITIALIZER;
        struct api_error err = {.id = API_OK};
        bson_iter_t at, set;
        struct plan plan;

        plan_start(&plan, &db->run, &list, header);
        assert_true(plan_finish(&plan, rows, &err));
        plan_append_update(&plan, 200, &update);
        assert_true(bson_iter_init_find(&at, &update, "$set") && bson_iter_recurse(&at, &set));
        assert_int_equal(bson_iter_find(&set, "blocks_to"), cases[i].set != NULL);
        if (cases[i].set != NULL)
            assert_int_equal(bson_iter_as_int64(&set), strtoll(cases[i].set, NULL, 10));
        plan_clear(&plan);
        bson_destroy(header);
        bson_destroy(rows);
    }
}

/* What clients have been told is stored. */
struct truth {
    bool reported[NUMBERS];
    int64_t created_ms[NUMBERS];
    double reward[NUMBERS];
    uint64_t batch_rarity; /* one put in so many is a batch; 0: none is */
};

/* The header's figures are those of the rows, unless it says that they may not be. */
static void
assert_counters_match_rows(const struct database *db)
{
    struct counters counters;
    const struct metric_statistics *reward;
    long double sum = 0.0L;
    double least = INFINITY, most = -INFINITY;
    int64_t rows_max = 0;
    size_t count = row_count(db);
    bson_iter_t at;

    for (int64_t n = 1; n < NUMBERS; n++)
        if (db->rows[n] != NULL) {
            sum += reward_of(db, n);
            least = fmin(least, reward_of(db, n));
            most = fmax(most, reward_of(db, n));
            rows_max = n;
        }
    assert_true(bson_iter_init_find(&at, db->header, "rows_max"));
    assert_int_equal(bson_iter_as_int64(&at), rows_max);
    assert_true(counters_read(db->header, &counters));
    reward = statistics_find(&counters.figures, "total_reward");
    assert_int_equal(reward == NULL ? 0 : reward->count, count);
    if (count > 0)
        assert_true(fabs(metric_mean(reward) - (double)(sum / (long double)count)) < 1e-11);
    if (count > 0 && !counters.stale)
        assert_true(reward->min == least && reward->max == most);
    counters_clear(&counters);
}

static void
assert_database_is(const struct database *db, const struct truth *truth)
{
    int64_t count = 0;

    for (int64_t n = 1; n < NUMBERS; n++) {
        const double reward = reward_of(db, n);

        assert_int_equal(!isnan(reward), truth->reported[n]);
        if (truth->reported[n])
            assert_true(reward == truth->reward[n]);
        count += truth->reported[n];
    }
    assert_int_equal(db->episodes, count);
    assert_true(tail_count(db) <= TAIL_MAX);
    assert_counters_match_rows(db);
}

/* A list of different numbers in order, and what it should come to. */
static size_t
make_list(uint64_t *seed, struct truth *truth, struct episode *items, struct metric_value *values,
          struct outcome *expected)
{
    const size_t most = truth->batch_rarity > 0 && random_below(seed, truth->batch_rarity) == 0
                            ? 1 + random_below(seed, 20)
                            : 1;
    size_t count = 0;

    for (int64_t n = 1; n < NUMBERS && count < most; n++) {
        const int64_t created_ms = 1000 + (int64_t)random_below(seed, 50);
        const double reward = random_real(seed, 100.0);

        if (random_below(seed, (uint64_t)(NUMBERS - n)) >= most - count)
            continue;
        values[count] = REAL("total_reward", reward);
        items[count] = (struct episode){
            .number = n, .created_ms = created_ms, .values = &values[count], .value_count = 1};
        count++;
        if (!truth->reported[n])
            expected->inserted++;
        else if (truth->created_ms[n] <= created_ms)
            expected->replaced++;
        else
            continue; /* what is stored reached nginx later: it stays */
        truth->reported[n] = true;
        truth->created_ms[n] = created_ms;
        truth->reward[n] = reward;
    }
    return count;
}

static void
the_database_holds_what_was_acknowledged(void **state)
{
    for (uint64_t round = 1; round <= 24; round++) {
        struct truth truth = {.batch_rarity = round % 4 * 10};
        uint64_t seed = round * 7919;

        tear_down(state);
        set_up(state);
        for (int step = 0; step < 250; step++) {
            struct metric_value values[NUMBERS];
            struct episode items[NUMBERS];
            struct outcome expected = {.inserted = 0}, outcome;
            const size_t count = make_list(&seed, &truth, items, values, &expected);

            if (count == 0)
                continue;
            outcome = put(*state, items, count);
            assert_int_equal(outcome.err.id, API_OK);
            assert_int_equal(outcome.inserted, expected.inserted);
            assert_int_equal(outcome.replaced, expected.replaced);
            if (step % 10 == 9)
                assert_database_is(*state, &truth);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_report_waits_in_the_tail),
        TEST(a_batch_becomes_rows_and_takes_the_tail_along),
        TEST(the_later_of_two_reports_stands_wherever_the_earlier_is),
        TEST(a_full_tail_moves_but_for_the_newest),
        TEST(a_straggler_below_the_rows_is_new),
        TEST(more_metrics_than_a_run_may_have_are_refused_whole),
        TEST(a_run_that_has_more_metrics_already_still_takes_known_ones),
        TEST(the_commands_say_what_and_where),
        TEST(what_is_written_is_in_no_block_that_may_be_trusted),
        TEST(the_database_holds_what_was_acknowledged),
    };

    return cmocka_run_group_tests_name("store_plan", tests, NULL, NULL);
}
