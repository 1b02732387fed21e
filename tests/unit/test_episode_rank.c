/* test_episode_rank.c - the first episodes of an order, against sorting all of them. */
#include "training/episode_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"
#include "fakes/random.h"

#include <math.h>
#include <stdlib.h>

#define EPISODES 300

static double values[EPISODES]; /* of episodes 1, 2, …; NAN also stands for none */

/* The plain way: is a before b? */
static bool
is_before(int64_t a, int64_t b, bool descending)
{
    const double x = values[a - 1], y = values[b - 1];

    if (isfinite(x) && isfinite(y) && x != y)
        return descending ? x > y : x < y;
    if ((isfinite(x) != 0) != (isfinite(y) != 0))
        return isfinite(x);
    return a < b;
}

/* The numbers in their order, the plain way. */
static void
sort_plainly(int64_t order[EPISODES], bool descending)
{
    for (int64_t n = 1; n <= EPISODES; n++) {
        size_t at = (size_t)n - 1;

        for (; at > 0 && is_before(n, order[at - 1], descending); at--)
            order[at] = order[at - 1];
        order[at] = n;
    }
}

static const double *
value_of(int64_t number)
{
    return number % 11 == 0 ? NULL : &values[number - 1];
}

static void
give_values(uint64_t *seed)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e308, -1e308};

    for (size_t i = 0; i < EPISODES; i++) {
        values[i] = (double)random_below(seed, 20) - 10.0; /* few, so that there are ties */
        if (random_below(seed, 8) == 0)
            values[i] = odd[random_below(seed, COUNT_OF(odd))];
        if ((i + 1) % 11 == 0)
            values[i] = NAN;
    }
}

static void
check_page(const int64_t order[EPISODES], size_t first, size_t room, bool descending)
{
    struct episode_ranking ranking;

    episode_ranking_init(&ranking, room, descending);
    if (first > 0)
        episode_ranking_begin_behind(&ranking, order[first - 1], value_of(order[first - 1]));
    for (int64_t i = 0; i < EPISODES; i++) {
        const int64_t number = 1 + i * 7 % EPISODES; /* 7 does not divide it: each once */

        episode_ranking_add(&ranking, number, value_of(number));
    }
    episode_ranking_sort(&ranking);
    assert_int_equal(ranking.count, EPISODES - first < room ? EPISODES - first : room);
    for (size_t i = 0; i < ranking.count; i++)
        assert_int_equal(ranking.items[i].number, order[first + i]);
    episode_ranking_clear(&ranking);
}

static void
a_page_is_a_piece_of_the_whole_order(void **state)
{
    static const size_t rooms[] = {1, 2, 3, 10, 99, 299, 300, 301};
    uint64_t seed = 7;
    int64_t order[EPISODES];

    (void)state;
    for (int round = 0; round < 20; round++) {
        const bool descending = round % 2 == 1;

        give_values(&seed);
        sort_plainly(order, descending);
        for (size_t i = 0; i < COUNT_OF(rooms); i++)
            check_page(order, random_below(&seed, EPISODES), rooms[i], descending);
        check_page(order, 0, 50, descending);
        check_page(order, EPISODES, 50, descending);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_a_piece_of_the_whole_order),
    };

    return cmocka_run_group_tests_name("episode_rank", tests, NULL, NULL);
}
