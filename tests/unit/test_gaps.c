/* test_gaps.c - the holes in a sequence of numbers. */
#include "training/gaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"
#include "fakes/memory_out.h"

#define HIGHEST INT64_C(9007199254740991)

/* The text for these numbers, which end with 0; good until the next call. */
static const char *
written(const int64_t *numbers)
{
    static struct memory_out memory;
    struct json_out json = {.out = &memory.out};
    struct gaps gaps = {.json = &json};

    memory_out_clear(&memory);
    memory_out_init(&memory, 16);
    json_out_array(&json, NULL);
    while (*numbers != 0)
        gaps_add(&gaps, *numbers++);
    json_out_array_end(&json);
    return memory_out_text(&memory);
}

static void
holes_are_closed_ranges(void **state)
{
    static const struct {
        int64_t numbers[6];
        const char *expected;
    } cases[] = {
        {{0}, "[]"},
        {{1}, "[]"},
        {{1, 2, 3}, "[]"},
        {{2}, "[[1,1]]"},
        {{3, 4}, "[[1,2]]"},
        {{1, 3, 5}, "[[2,2],[4,4]]"},
        {{2, 2, 5}, "[[1,1],[3,4]]"},
        {{1, HIGHEST}, "[[2,9007199254740990]]"},
        {{HIGHEST - 2, HIGHEST}, "[[1,9007199254740988],[9007199254740990,9007199254740990]]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(written(cases[i].numbers), cases[i].expected);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_closed_ranges),
    };

    return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
