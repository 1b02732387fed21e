/* test_store_pace.c - how many rows a cursor asks for next, by what it has given. No server. */
#include "store/store_pace.h"

#include "base/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

struct fixture {
    mongoc_client_t *client;
    mongoc_collection_t *rows;
    mongoc_cursor_t *cursor;
    struct store_pace pace;
};

static int
set_up(void **state)
{
    static struct fixture fixture;
    bson_t filter = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("batchSize", BCON_INT64(STORE_ROWS_FIRST));

    fixture.client = mongoc_client_new("mongodb://127.0.0.1:1/");
    fixture.rows = mongoc_client_get_collection(fixture.client, "d", "rows");
    fixture.cursor = mongoc_collection_find_with_opts(fixture.rows, &filter, opts, NULL);
    fixture.pace = (struct store_pace){.rows = 0};
    bson_destroy(opts);
    bson_destroy(&filter);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    mongoc_cursor_destroy(f->cursor);
    mongoc_collection_destroy(f->rows);
    mongoc_client_destroy(f->client);
    return 0;
}

/* After a row of so many bytes the cursor asks for so many rows at once. */
static void
assert_asks(struct fixture *f, size_t row_size, uint32_t rows)
{
    uint8_t *padding = calloc(1, row_size);
    bson_t row = BSON_INITIALIZER;

    /* {"b": binary}: 5 bytes of a document, 3 of the key, 5 of a binary's head */
    BSON_APPEND_BINARY(&row, "b", BSON_SUBTYPE_BINARY, padding, (uint32_t)row_size - 13);
    assert_int_equal(row.len, row_size);
    store_pace_keep(&f->pace, f->cursor, &row);
    assert_int_equal(mongoc_cursor_get_batch_size(f->cursor), rows);
    bson_destroy(&row);
    free(padding);
}

static void
small_rows_come_by_the_thousand(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mongoc_cursor_get_batch_size(f->cursor), STORE_ROWS_FIRST);
    assert_asks(f, 100, 4000);
    assert_asks(f, 13, 4000);
    assert_asks(f, 196, 4000);
    assert_asks(f, 197, 3992);
}

static void
one_large_row_makes_later_replies_shorter(void **state)
{
    struct fixture *f = *state;

    assert_asks(f, 150, 4000);
    assert_asks(f, 6000, 131);
    assert_asks(f, 150, 131);
    assert_asks(f, 2 * 1024 * 1024, 1); /* 0 would leave it to the server */
    assert_asks(f, 150, 1);
}

static void
a_large_row_may_be_the_first(void **state)
{
    assert_asks(*state, 2 * 1024 * 1024, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(small_rows_come_by_the_thousand),
        TEST(one_large_row_makes_later_replies_shorter),
        TEST(a_large_row_may_be_the_first),
    };
    int failed;

    mongoc_init();
    failed = cmocka_run_group_tests_name("store_pace", tests, NULL, NULL);
    mongoc_cleanup();
    return failed;
}
