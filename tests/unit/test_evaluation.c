/* test_evaluation.c - what an evaluation must say, and how it is shown. */
#include "training/evaluation.h"

#include "base/auto.h"
#include "base/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "fakes/json_check.h"
#include "fakes/memory_out.h"

#define GOOD                                                                            \
    "{\"checkpoint_path\":\"c.pt\",\"opponent_type\":\"random\",\"games_played\":40.0," \
    "\"win_rate\":0.625,\"avg_reward\":\"NaN\",\"avg_game_length\":31.5,\"unknown\":[{}]}"

static json_object *
parse(const char *text)
{
    struct api_error err = {.id = API_OK};
    json_object *body = NULL;

    assert_true(json_text_parse(text, strlen(text), &body, &err));
    return body;
}

static void
a_good_one_is_read_whole(void **state)
{
    AUTO_JSON *body = parse(GOOD);
    struct evaluation evaluation = {.created_ms = 7};
    struct api_error err = {.id = API_OK};

    (void)state;
    assert_true(evaluation_from_json(body, &evaluation, &err));
    assert_string_equal(evaluation.checkpoint_path, "c.pt");
    assert_string_equal(evaluation.opponent_type, "random");
    assert_int_equal(evaluation.games_played, 40);
    assert_true(evaluation.win_rate == 0.625 && evaluation.avg_game_length == 31.5);
    assert_true(isnan(evaluation.avg_reward));
    assert_int_equal(evaluation.created_ms, 7);
}

static void
every_member_is_required_and_every_fault_is_told(void **state)
{
    static const char *const names[] = {"checkpoint_path", "opponent_type", "games_played",
                                        "win_rate",        "avg_reward",    "avg_game_length"};
    static const char *const bodies[] = {
        "{}",
        "{\"checkpoint_path\":null,\"opponent_type\":null,\"games_played\":null,"
        "\"win_rate\":null,\"avg_reward\":null,\"avg_game_length\":null}",
        "{\"checkpoint_path\":\"\",\"opponent_type\":\"a\\u0000b\",\"games_played\":0,"
        "\"win_rate\":1.0000001,\"avg_reward\":\"nan\",\"avg_game_length\":-0.1}",
        "{\"checkpoint_path\":1,\"opponent_type\":[],\"games_played\":9007199254740992,"
        "\"win_rate\":-1e-300,\"avg_reward\":true,\"avg_game_length\":\"Infinity\"}",
        "{\"checkpoint_path\":{},\"opponent_type\":true,\"games_played\":18446744073709551615,"
        "\"win_rate\":\"NaN\",\"avg_reward\":{},\"avg_game_length\":\"1\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        AUTO_JSON *body = parse(bodies[i]);
        struct evaluation evaluation = {.created_ms = 7};
        struct api_error err = {.id = API_OK};

        assert_false(evaluation_from_json(body, &evaluation, &err));
        assert_int_equal(err.status, 422);
        assert_int_equal(err.fault_count, COUNT_OF(names));
        for (size_t j = 0; j < COUNT_OF(names); j++)
            assert_string_equal(err.faults[j].field, names[j]);
    }
}

static void
texts_end_at_their_limits(void **state)
{
    static const struct {
        const char *name;
        size_t max;
    } cases[] = {{"checkpoint_path", RUN_PATH_MAX}, {"opponent_type", EVALUATION_OPPONENT_MAX}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t over = 0; over < 2; over++) {
            AUTO_JSON *body = parse(GOOD);
            char text[RUN_PATH_MAX + 2] = "";
            struct evaluation evaluation;
            struct api_error err = {.id = API_OK};

            memset(text, 'x', cases[i].max + over);
            json_object_object_add(body, cases[i].name, json_object_new_string(text));
            assert_int_equal(evaluation_from_json(body, &evaluation, &err), over == 0);
            assert_int_equal(err.fault_count, over);
        }
}

static void
what_is_no_object_is_one_fault(void **state)
{
    static const char *const bodies[] = {"[]", "1", "null", "\"x\""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        AUTO_JSON *body = parse(bodies[i]);
        struct evaluation evaluation;
        struct api_error err = {.id = API_OK};

        assert_false(evaluation_from_json(body, &evaluation, &err));
        assert_int_equal(err.fault_count, 1);
    }
}

static void
two_are_the_same_when_all_they_say_is(void **state)
{
    const struct evaluation one = {.id = "a",
                                   .created_ms = 1,
                                   .checkpoint_path = "p",
                                   .opponent_type = "o",
                                   .games_played = 2,
                                   .win_rate = 0.5,
                                   .avg_reward = NAN,
                                   .avg_game_length = 3.0};
    struct evaluation other[7];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        other[i] = one;
        other[i].created_ms = 99; /* does not count */
        other[i].id[0] = 'b';
    }
    assert_true(evaluation_same(&one, &other[0]));
    other[1].checkpoint_path = "q";
    other[2].opponent_type = "O";
    other[3].games_played = 3;
    other[4].win_rate = 0.25;
    other[5].avg_reward = INFINITY;
    other[6].avg_game_length = 3.5;
    for (size_t i = 1; i < COUNT_OF(other); i++)
        assert_false(evaluation_same(&one, &other[i]));
}

static void
it_is_written_with_its_run(void **state)
{
    const struct evaluation one = {.id = "0123456789abcdef01234567",
                                   .created_ms = 1000,
                                   .checkpoint_path = "p\"q",
                                   .opponent_type = "o",
                                   .games_played = 2,
                                   .win_rate = 0.5,
                                   .avg_reward = -INFINITY,
                                   .avg_game_length = 3.25};
    struct memory_out memory;
    struct json_out json;

    (void)state;
    memory_out_init(&memory, 16);
    json = (struct json_out){.out = &memory.out};
    evaluation_write(&one, "r1", &json);
    assert_json_equal(memory_out_text(&memory),
                      "{\"id\":\"0123456789abcdef01234567\",\"run_id\":\"r1\","
                      "\"checkpoint_path\":\"p\\\"q\",\"opponent_type\":\"o\",\"games_played\":2,"
                      "\"win_rate\":0.5,\"avg_reward\":\"-Infinity\",\"avg_game_length\":3.25,"
                      "\"created_at\":\"1970-01-01T00:00:01.000Z\"}");
    memory_out_clear(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read_whole),
        cmocka_unit_test(every_member_is_required_and_every_fault_is_told),
        cmocka_unit_test(texts_end_at_their_limits),
        cmocka_unit_test(what_is_no_object_is_one_fault),
        cmocka_unit_test(two_are_the_same_when_all_they_say_is),
        cmocka_unit_test(it_is_written_with_its_run),
    };

    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
