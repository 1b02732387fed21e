/* test_live_queue.c - events wait in order, in bounded memory, and none is lost. */
#include "live/live_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 4
#define BYTES_MAX 100

struct fixture {
    struct live_queue *queue;
    atomic_int wakes;
    atomic_int refused; /* puts that came back false */
};

static void
wake(void *context)
{
    struct fixture *f = context;

    atomic_fetch_add(&f->wakes, 1);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->queue = live_queue_new(BYTES_MAX, COUNT_MAX, wake, f);
    assert_non_null(f->queue);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    live_queue_free(f->queue);
    free(f);
    return 0;
}

static struct live_event *
event_of(int64_t seq, size_t json_size)
{
    struct live_event *event =
        live_event_new(LIVE_EPISODES, LIVE_NAME_EPISODES, "account", "run", seq);

    assert_non_null(event);
    event->json = calloc(1, json_size + 1);
    assert_non_null(event->json);
    event->json_size = json_size;
    return event;
}

/* Free a list; tells how many there were and that their seq goes up by one from first. */
static int
count_list(struct live_event *event, int64_t first)
{
    int count = 0;

    while (event != NULL) {
        struct live_event *next = event->next;

        assert_int_equal(event->seq, first + count);
        live_event_free(event);
        event = next;
        count++;
    }
    return count;
}

static void
events_come_out_in_order_and_wake_the_loop_once(void **state)
{
    struct fixture *f = *state;

    assert_null(live_queue_take_all(f->queue));
    for (int i = 0; i < 3; i++)
        assert_true(live_queue_put(f->queue, event_of(i, 10)));
    assert_int_equal(f->wakes, 1);
    assert_int_equal(count_list(live_queue_take_all(f->queue), 0), 3);
    assert_null(live_queue_take_all(f->queue));
    assert_true(live_queue_put(f->queue, event_of(3, 10)));
    assert_int_equal(f->wakes, 2);
    /* what is left is the queue's to free */
}

static void
an_event_larger_than_the_queue_passes_alone(void **state)
{
    struct fixture *f = *state;

    assert_true(live_queue_put(f->queue, event_of(0, BYTES_MAX * 10)));
    assert_int_equal(count_list(live_queue_take_all(f->queue), 0), 1);
}

static void
names_that_are_too_long_are_cut_not_spilt(void **state)
{
    char text[200];
    struct live_event *event;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    event = live_event_new(LIVE_TRAINING, "training_started", text, NULL, 1);
    assert_non_null(event);
    assert_int_equal(strlen(event->account), LIVE_NAME_SIZE - 1);
    assert_string_equal(event->run_id, "");
    live_event_free(event);
}

#define MANY 20000

static void *
put_many(void *context)
{
    struct fixture *f = context;

    for (int i = 0; i < MANY; i++)
        if (!live_queue_put(f->queue, event_of(i, (size_t)i % 60)))
            atomic_fetch_add(&f->refused, 1);
    return NULL;
}

static void
a_writer_waits_for_room_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    pthread_t writer;
    int taken = 0;

    assert_int_equal(pthread_create(&writer, NULL, put_many, f), 0);
    while (taken < MANY) {
        int now = count_list(live_queue_take_all(f->queue), taken);

        assert_true(now <= COUNT_MAX);
        taken += now;
    }
    pthread_join(writer, NULL);
    assert_int_equal(f->refused, 0);
}

static void
shutting_frees_those_who_wait(void **state)
{
    struct fixture *f = *state;
    pthread_t writer;

    assert_int_equal(pthread_create(&writer, NULL, put_many, f), 0);
    live_queue_shut(f->queue);
    pthread_join(writer, NULL); /* would hang if one still waited */
    assert_true(f->refused >= MANY - COUNT_MAX);
    assert_false(live_queue_put(f->queue, event_of(0, 1)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_come_out_in_order_and_wake_the_loop_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_event_larger_than_the_queue_passes_alone, set_up,
                                        tear_down),
        cmocka_unit_test(names_that_are_too_long_are_cut_not_spilt),
        cmocka_unit_test_setup_teardown(a_writer_waits_for_room_and_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(shutting_frees_those_who_wait, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("live_queue", tests, NULL, NULL);
}
