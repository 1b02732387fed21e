/* test_store_block.c - long runs' numbers, packed: what goes in comes out, and damage is noticed.
 */
#include "store/store_block.h"

#include "fakes/episode_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "fakes/bson_of.h"

#define INDEX 3
#define FIRST (INDEX * BLOCK_SIZE + 1)

/* A block of these episodes, as its document. */
static void
pack(const struct episode *episodes, size_t count, bson_t *doc)
{
    struct block_maker maker = {.index = 0};
    bson_oid_t run;

    bson_oid_init(&run, NULL);
    block_start(&maker, INDEX);
    for (size_t i = 0; i < count; i++)
        assert_true(block_add(&maker, &episodes[i]));
    bson_init(doc);
    block_append(&maker, &run, doc);
    block_clear(&maker);
}

static void
assert_values(const bson_t *doc, const char *key, size_t count, const int64_t *numbers,
              const double *expected)
{
    struct block_values values;

    assert_true(block_read_values(doc, INDEX, key, &values));
    assert_int_equal(values.count, count);
    for (size_t i = 0; i < count; i++) {
        const double value = block_value(&values, i);

        assert_int_equal(block_number(&values, INDEX, i), numbers[i]);
        assert_memory_equal(&value, &expected[i], sizeof value);
    }
}

static void
a_full_block_holds_every_number_and_no_places(void **state)
{
    static struct episode episodes[BLOCK_SIZE];
    static struct metric_value rewards[BLOCK_SIZE];
    static int64_t numbers[BLOCK_SIZE];
    static double expected[BLOCK_SIZE];
    bson_iter_t at;
    bson_t doc;

    (void)state;
    for (int i = 0; i < BLOCK_SIZE; i++) {
        numbers[i] = FIRST + i;
        expected[i] = i * 0.1 - 7;
        rewards[i] = REAL("total_reward", expected[i]);
        episodes[i] =
            (struct episode){.number = FIRST + i, .values = &rewards[i], .value_count = 1};
    }
    pack(episodes, BLOCK_SIZE, &doc);
    assert_values(&doc, "total_reward", BLOCK_SIZE, numbers, expected);
    assert_false(bson_iter_init_find(&at, &doc, "at"));
    bson_destroy(&doc);
}

static void
gaps_rare_metrics_and_numbers_that_are_none_come_back(void **state)
{
    const struct episode episodes[] = {
        EPISODE(FIRST + 1, 0, REAL("total_reward", 1.5), REAL("a.b/c", -0.0)),
        EPISODE(FIRST + 4, 0, REAL("total_reward", NAN), BOOL("win", true)),
        EPISODE(FIRST + 999, 0, WHOLE("steps", 7), REAL("total_reward", -INFINITY)),
    };
    bson_t doc;

    (void)state;
    pack(episodes, 3, &doc);
    assert_values(&doc, "total_reward", 3, (int64_t[]){FIRST + 1, FIRST + 4, FIRST + 999},
                  (double[]){1.5, episodes[1].values[0].real, -INFINITY});
    assert_values(&doc, "a:b/c", 1, (int64_t[]){FIRST + 1}, (double[]){-0.0});
    assert_values(&doc, "win", 1, (int64_t[]){FIRST + 4}, (double[]){1.0});
    assert_values(&doc, "steps", 1, (int64_t[]){FIRST + 999}, (double[]){7.0});
    assert_values(&doc, "epsilon", 0, NULL, NULL);
    bson_destroy(&doc);
}

static void
a_block_without_rows_is_one_too(void **state)
{
    bson_t doc;

    (void)state;
    pack(NULL, 0, &doc);
    assert_values(&doc, "total_reward", 0, NULL, NULL);
    bson_destroy(&doc);
}

static void
a_maker_is_used_again_and_keeps_nothing_of_the_block_before(void **state)
{
    const struct episode first = EPISODE(1, 0, REAL("total_reward", 1.0), REAL("epsilon", 1.0));
    const struct episode second = EPISODE(BLOCK_SIZE + 1, 0, REAL("total_reward", 2.0));
    struct block_maker maker = {.index = 0};
    struct block_values values;
    AUTO_BSON doc = BSON_INITIALIZER;
    bson_oid_t run;

    (void)state;
    bson_oid_init(&run, NULL);
    block_start(&maker, 0);
    assert_true(block_add(&maker, &first));
    block_start(&maker, 1);
    assert_true(block_add(&maker, &second));
    block_append(&maker, &run, &doc);
    assert_true(block_read_values(&doc, 1, "epsilon", &values));
    assert_int_equal(values.count, 0);
    assert_true(block_read_values(&doc, 1, "total_reward", &values));
    assert_int_equal(values.count, 1);
    block_clear(&maker);
}

static void
a_run_with_too_many_metrics_is_not_packed(void **state)
{
    struct block_maker maker = {.index = 0};
    char name[16];
    bool good = true;
    int taken = 0;

    (void)state;
    block_start(&maker, 0);
    while (good && taken <= BLOCK_METRICS_MAX) {
        snprintf(name, sizeof name, "m%d", taken);
        good = block_add(&maker, &EPISODE(taken + 1, 0, REAL(name, 1.0)));
        taken += good;
    }
    assert_int_equal(taken, BLOCK_METRICS_MAX);
    block_clear(&maker);
}

/* Base64 of 1.0; of 1.0 and 2.0; of the places 0, of 1 and 0, of 1000. */
#define ONE "{\"$binary\":{\"base64\":\"AAAAAAAA8D8=\",\"subType\":\"00\"}}"
#define TWO "{\"$binary\":{\"base64\":\"AAAAAAAA8D8AAAAAAAAAQA==\",\"subType\":\"00\"}}"
#define AT_0 "{\"$binary\":{\"base64\":\"AAA=\",\"subType\":\"00\"}}"
#define AT_1_0 "{\"$binary\":{\"base64\":\"AQAAAA==\",\"subType\":\"00\"}}"
#define AT_1000 "{\"$binary\":{\"base64\":\"6AM=\",\"subType\":\"00\"}}"
#define ODD "{\"$binary\":{\"base64\":\"AAAA\",\"subType\":\"00\"}}"

static void
what_is_not_the_block_that_was_asked_for_is_noticed(void **state)
{
    static const struct {
        const char *doc;
        bool good;
    } cases[] = {
        {"{\"_id\":{\"b\":3},\"rows\":1,\"metrics\":{\"x\":{\"v\":" ONE "}}}", true},
        {"{\"_id\":{\"b\":3},\"rows\":2,\"metrics\":{\"x\":{\"v\":" ONE ",\"at\":" AT_0 "}}}",
         true},
        {"{\"_id\":{\"b\":4},\"rows\":1,\"metrics\":{\"x\":{\"v\":" ONE "}}}", false},
        {"{\"rows\":1,\"metrics\":{\"x\":{\"v\":" ONE "}}}", false},
        {"{\"_id\":{\"b\":3},\"rows\":1}", false},
        {"{\"_id\":{\"b\":3},\"rows\":2,\"metrics\":{\"x\":{\"v\":" ONE "}}}", false},
        {"{\"_id\":{\"b\":3},\"rows\":1,\"metrics\":{\"x\":{\"v\":" ODD "}}}", false},
        {"{\"_id\":{\"b\":3},\"rows\":1,\"metrics\":{\"x\":{\"v\":1.0}}}", false},
        {"{\"_id\":{\"b\":3},\"rows\":1,\"metrics\":{\"x\":{}}}", false},
        {"{\"_id\":{\"b\":3},\"rows\":1,\"metrics\":{\"x\":1}}", false},
        {"{\"_id\":{\"b\":3},\"rows\":3,\"metrics\":{\"x\":{\"v\":" TWO ",\"at\":" AT_0 "}}}",
         false},
        {"{\"_id\":{\"b\":3},\"rows\":3,\"metrics\":{\"x\":{\"v\":" TWO ",\"at\":" AT_1_0 "}}}",
         false},
        {"{\"_id\":{\"b\":3},\"rows\":2,\"metrics\":{\"x\":{\"v\":" ONE ",\"at\":" AT_1000 "}}}",
         false},
        {"{\"_id\":{\"b\":3},\"rows\":2,\"at\":" AT_1_0 ",\"metrics\":{\"x\":{\"v\":" TWO "}}}",
         false},
        {"{\"_id\":{\"b\":3},\"rows\":2,\"at\":" AT_0 ",\"metrics\":{\"x\":{\"v\":" TWO "}}}",
         false},
        {"{\"_id\":{\"b\":3},\"rows\":2,\"at\":7,\"metrics\":{\"x\":{\"v\":" TWO "}}}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bson_t *doc = bson_of("%s", cases[i].doc);
        struct block_values values;

        if (block_read_values(doc, INDEX, "x", &values) != cases[i].good)
            fail_msg("%s is %s", cases[i].doc, cases[i].good ? "refused" : "taken");
        bson_destroy(doc);
    }
}

static void
a_write_lowers_what_the_blocks_may_be_trusted_with(void **state)
{
    static const struct {
        int64_t before, first, after;
    } cases[] = {
        {0, 1, 0},          {0, 5000, 0},       {3000, 3001, 3000}, {3000, 9999, 3000},
        {3000, 3000, 2000}, {3000, 2001, 2000}, {3000, 2000, 1000}, {3000, 1001, 1000},
        {3000, 1000, 0},    {3000, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(block_lowered(cases[i].before, cases[i].first), cases[i].after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_block_holds_every_number_and_no_places),
        cmocka_unit_test(gaps_rare_metrics_and_numbers_that_are_none_come_back),
        cmocka_unit_test(a_block_without_rows_is_one_too),
        cmocka_unit_test(a_maker_is_used_again_and_keeps_nothing_of_the_block_before),
        cmocka_unit_test(a_run_with_too_many_metrics_is_not_packed),
        cmocka_unit_test(what_is_not_the_block_that_was_asked_for_is_noticed),
        cmocka_unit_test(a_write_lowers_what_the_blocks_may_be_trusted_with),
    };

    return cmocka_run_group_tests_name("store_block", tests, NULL, NULL);
}
