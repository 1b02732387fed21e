/* test_command.c - how the trainer is called: its words, its options, its environment. */
#include "supervisor/command.c"
#include "supervisor/words.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
words_are_split_at_blanks_outside_quotes(void **state)
{
    static const struct {
        const char *text, *words; /* NULL: refused */
    } cases[] = {
        {"a", "a|"},
        {"  a\t b ", "a|b|"},
        {"'a b' c", "a b|c|"},
        {"a'b c'd", "ab cd|"},
        {"a ''", "a||"},
        {"$(id) ;x \"y\"", "$(id)|;x|\"y\"|"},
        {"", NULL},
        {"  ", NULL},
        {"''", NULL},
        {"a 'b", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct words words;
        char text[64] = "";

        assert_int_equal(words_split(cases[i].text, &words), cases[i].words != NULL);
        if (cases[i].words == NULL)
            continue;
        for (size_t at = 0; at < words.count; at++)
            strcat(strcat(text, words.items[at]), "|");
        assert_string_equal(text, cases[i].words);
    }
}

static void
words_have_a_limit(void **state)
{
    char text[SETTING_TEXT_MAX] = "";
    struct words words;

    (void)state;
    for (size_t i = 0; i < WORDS_MAX; i++)
        strcat(text, "w ");
    assert_true(words_split(text, &words));
    assert_int_equal(words.count, WORDS_MAX);
    strcat(text, "w");
    assert_false(words_split(text, &words));
    memset(text, 'x', sizeof text - 1); /* as long as a setting can be */
    assert_true(words_split(text, &words));
    assert_int_equal(strlen(words.items[0]), sizeof text - 1);
}

static struct supervisor_settings settings = {
    .url = "http://h:1", .trainer = "py 't r.py'", .scenarios = "/sc", .models = "/m"};

static struct job
job_of(int64_t seed)
{
    struct job job = {.num_episodes = 1000000, .save_interval = 100, .eval_episodes = 10};

    strcpy(job.scenario, "s1");
    strcpy(job.run_id, "r1");
    job.seed = seed;
    return job;
}

static void
the_line_is_fixed_but_for_the_jobs_own_words(void **state)
{
    static const char *const expected[] = {
        "py|t r.py|--scenario|s1|--episodes|1000000|--save-interval|100|--eval-episodes|10|"
        "--run-id|r1|--models|/m|",
        "py|t r.py|--scenario|s1|--episodes|1000000|--save-interval|100|--eval-episodes|10|"
        "--seed|0|--run-id|r1|--models|/m|"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct job job = job_of(i == 0 ? JOB_NO_SEED : 0);
        struct command command;
        char text[512] = "";

        assert_true(command_make(&settings, &job, "", &command));
        for (char **word = command.argv; *word != NULL; word++)
            strcat(strcat(text, *word), "|");
        assert_string_equal(text, expected[i]);
        command_clear(&command);
    }
}

static const char *
variable(const struct command *command, const char *name)
{
    for (char **at = command->environment; *at != NULL; at++)
        if (strncmp(*at, name, strlen(name)) == 0 && (*at)[strlen(name)] == '=')
            return *at + strlen(name) + 1;
    return NULL;
}

static void
the_trainer_sees_no_secret_but_its_own_key(void **state)
{
    const struct job job = job_of(1);
    struct command command;

    (void)state;
    setenv("MONGODB_URI", "mongodb://u:secret@h", 1);
    setenv("TRAINING_API_KEY", "somebody's", 1);
    setenv("TRAINING_SUPERVISOR_FOLDER", "/f", 1);
    setenv("PLAIN", "yes", 1);
    assert_true(command_make(&settings, &job, "ak_1", &command));
    assert_null(variable(&command, "MONGODB_URI"));
    assert_null(variable(&command, "TRAINING_SUPERVISOR_FOLDER"));
    assert_string_equal(variable(&command, "PLAIN"), "yes");
    assert_string_equal(variable(&command, "TRAINING_API_KEY"), "ak_1");
    assert_string_equal(variable(&command, "TRAINING_URL"), "http://h:1");
    assert_string_equal(variable(&command, "TRAINING_SCENARIOS"), "/sc");
    command_clear(&command);
    assert_true(command_make(&settings, &job, "", &command));
    assert_null(variable(&command, "TRAINING_API_KEY"));
    command_clear(&command);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_at_blanks_outside_quotes),
        cmocka_unit_test(words_have_a_limit),
        cmocka_unit_test(the_line_is_fixed_but_for_the_jobs_own_words),
        cmocka_unit_test(the_trainer_sees_no_secret_but_its_own_key),
    };

    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
