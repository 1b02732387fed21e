/* test_settings.c - settings from environment, file and fallback; bad ones are named. */
#include "base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sample {
    char name[SETTING_TEXT_MAX];
    char password[SETTING_TEXT_MAX];
    int64_t workers;
    int64_t offset;
};

/* clang-format off */
static const struct setting rows[] = {
    SETTING_TEXT("TEST_NAME", struct sample, name, 1, 8, "nobody", "Who it is"),
    SETTING_SECRET("TEST_PASSWORD", struct sample, password, 0, SETTING_TEXT_MAX - 1, "", "What nobody sees"),
    SETTING_WHOLE("TEST_WORKERS", struct sample, workers, 1, 512, "16", "workers", "How many"),
    SETTING_WHOLE("TEST_OFFSET", struct sample, offset, INT64_MIN, INT64_MAX, "-5", "", "Any number"),
};
/* clang-format on */

#define ROWS (sizeof rows / sizeof rows[0])

struct fixture {
    struct sample out;
    char fault[256];
    char file[32]; /* its path, or "" */
};

static void
forget_environment(void)
{
    for (size_t i = 0; i < ROWS; i++)
        unsetenv(rows[i].name);
}

static int
set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    assert_non_null(*state);
    forget_environment();
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->file[0] != '\0')
        unlink(f->file);
    free(f);
    forget_environment();
    return 0;
}

static void
write_bytes(struct fixture *f, const char *text, size_t size)
{
    int fd;

    if (f->file[0] != '\0')
        unlink(f->file);
    strcpy(f->file, "/tmp/test_settings_XXXXXX");
    fd = mkstemp(f->file);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    close(fd);
}

static bool
read_file(struct fixture *f, const char *text)
{
    write_bytes(f, text, strlen(text));
    return settings_read(rows, ROWS, f->file, &f->out, f->fault, sizeof f->fault);
}

static bool
read_environment(struct fixture *f)
{
    return settings_read(rows, ROWS, NULL, &f->out, f->fault, sizeof f->fault);
}

static void
without_anything_the_fallbacks_hold(void **state)
{
    struct fixture *f = *state;

    memset(&f->out, 'x', sizeof f->out);
    assert_true(read_environment(f));
    assert_string_equal(f->out.name, "nobody");
    assert_string_equal(f->out.password, "");
    assert_int_equal(f->out.workers, 16);
    assert_int_equal(f->out.offset, -5);
    assert_string_equal(f->fault, "");
}

static void
the_environment_wins_over_the_file_and_the_file_over_the_fallback(void **state)
{
    struct fixture *f = *state;

    setenv("TEST_NAME", "env", 1);
    assert_true(read_file(f, "TEST_NAME=file\nTEST_WORKERS=3\n"));
    assert_string_equal(f->out.name, "env");
    assert_int_equal(f->out.workers, 3);
    assert_int_equal(f->out.offset, -5);
}

static void
a_file_may_be_written_in_several_ways(void **state)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"TEST_NAME=ada", "ada"},
        {"TEST_NAME=ada\n", "ada"},
        {"TEST_NAME=ada\r\n", "ada"},
        {"  TEST_NAME = ada \t\n", "ada"},
        {"TEST_NAME=\"a b\"\n", "a b"},
        {"TEST_NAME='a b'  \n", "a b"},
        {"TEST_NAME='a\"b'\n", "a\"b"},
        {"TEST_NAME=\" ada \"\n", " ada "},
        {"TEST_NAME=a#b\n", "a#b"},
        {"TEST_NAME=a=b\n", "a=b"},
        {"TEST_NAME=it's\n", "it's"},
        {"TEST_NAME=one\nTEST_NAME=two\n", "two"},
        {"# TEST_NAME=one\n\n   \n#\nTEST_NAME=two\n", "two"},
        {"ANOTHER_PROGRAMS=anything at all\nTEST_NAME=ada\n", "ada"},
        {"TEST_NAMES=x\nTEST_NAM=x\n", "nobody"},
        {"", "nobody"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(read_file(f, cases[i].text));
        assert_string_equal(f->out.name, cases[i].name);
    }
}

static void
a_broken_file_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"TEST_NAME=a\nnonsense\n", "line 2: this is not KEY=VALUE."},
        {"=a\n", "line 1: this is not KEY=VALUE."},
        {"\n\nTEST_NAME=\"a\n", "line 3: the quotes do not match."},
        {"TEST_NAME='a' b\n", "line 1: the quotes do not match."},
        {"TEST_NAME=\"\n", "line 1: the quotes do not match."},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(read_file(f, cases[i].text));
        assert_non_null(strstr(f->fault, cases[i].says));
        assert_non_null(strstr(f->fault, f->file));
    }
}

static void
a_line_that_is_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[8192];

    memset(text, 'x', sizeof text);
    memcpy(text, "TEST_NAME=", 10);
    write_bytes(f, text, sizeof text);
    assert_false(settings_read(rows, ROWS, f->file, &f->out, f->fault, sizeof f->fault));
    assert_non_null(strstr(f->fault, "line 1: the line is too long."));
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
    static const char *const files[] = {"/no/such/file", "/tmp", ""};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_false(settings_read(rows, ROWS, files[i], &f->out, f->fault, sizeof f->fault));
        assert_non_null(strstr(f->fault, "cannot be read"));
        assert_non_null(strstr(f->fault, files[i]));
    }
}

static void
a_bad_value_is_refused_with_its_name_and_range(void **state)
{
    static const struct {
        const char *name, *value, *says;
    } cases[] = {
        {"TEST_WORKERS", "0",
         "TEST_WORKERS must be a whole number from 1 to 512 workers; it is \"0\"."},
        {"TEST_WORKERS", "513", "from 1 to 512 workers"},
        {"TEST_WORKERS", "", "it is \"\""},
        {"TEST_WORKERS", "8x", "it is \"8x\""},
        {"TEST_WORKERS", " 8", "it is \" 8\""},
        {"TEST_WORKERS", "+8", "it is \"+8\""},
        {"TEST_WORKERS", "-", "it is \"-\""},
        {"TEST_WORKERS", "0x10", "it is \"0x10\""},
        {"TEST_WORKERS", "8.0", "it is \"8.0\""},
        {"TEST_OFFSET", "9223372036854775808", "TEST_OFFSET must be a whole number"},
        {"TEST_NAME", "", "TEST_NAME must have 1 to 8 bytes; it has 0."},
        {"TEST_NAME", "ninebytes", "TEST_NAME must have 1 to 8 bytes; it has 9."},
        {"TEST_NAME", "a\nb", "TEST_NAME must not hold control characters."},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forget_environment();
        setenv(cases[i].name, cases[i].value, 1);
        assert_false(read_environment(f));
        if (strstr(f->fault, cases[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", f->fault, cases[i].says);
    }
}

static void
the_limits_themselves_are_good_values(void **state)
{
    struct fixture *f = *state;

    setenv("TEST_WORKERS", "512", 1);
    setenv("TEST_OFFSET", "-9223372036854775808", 1);
    setenv("TEST_NAME", "8 bytes!", 1);
    assert_true(read_environment(f));
    assert_int_equal(f->out.workers, 512);
    assert_int_equal(f->out.offset, INT64_MIN);
    assert_string_equal(f->out.name, "8 bytes!");
}

static void
a_secret_is_in_no_sentence_and_in_no_print(void **state)
{
    struct fixture *f = *state;
    char secret[SETTING_TEXT_MAX + 10], printed[2048] = "";
    FILE *to = fmemopen(printed, sizeof printed, "w");

    assert_non_null(to);
    memset(secret, 's', sizeof secret - 1);
    secret[sizeof secret - 1] = '\0';
    setenv("TEST_PASSWORD", secret, 1);
    assert_false(read_environment(f));
    assert_non_null(
        strstr(f->fault, "TEST_PASSWORD must have 0 to 1023 bytes; it has at least 1024."));
    setenv("TEST_PASSWORD", "hunter2", 1);
    assert_true(read_environment(f));
    settings_print(rows, ROWS, &f->out, to);
    fclose(to);
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "TEST_PASSWORD=***  # "));
}

static void
one_bad_value_leaves_everything_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct sample before;

    setenv("TEST_NAME", "ada", 1);
    assert_true(read_environment(f));
    before = f->out;
    setenv("TEST_NAME", "eve", 1);
    setenv("TEST_OFFSET", "many", 1);
    assert_false(read_environment(f));
    assert_memory_equal(&f->out, &before, sizeof before);
}

static void
a_sentence_that_does_not_fit_is_cut(void **state)
{
    struct fixture *f = *state;

    setenv("TEST_WORKERS", "none", 1);
    assert_false(settings_read(rows, ROWS, NULL, &f->out, f->fault, 10));
    assert_string_equal(f->fault, "TEST_WORK");
}

static void
each_setting_is_printed_with_its_range_and_its_help(void **state)
{
    static const char expected[] = "TEST_NAME='a #b'  # bytes, 1 to 8: Who it is\n"
                                   "TEST_PASSWORD=***  # bytes, 0 to 1023: What nobody sees\n"
                                   "TEST_WORKERS=16  # workers, 1 to 512: How many\n"
                                   "TEST_OFFSET=-5  # -9223372036854775808 to "
                                   "9223372036854775807: Any number\n";
    struct fixture *f = *state;
    char printed[2048] = "";
    FILE *to = fmemopen(printed, sizeof printed, "w");

    assert_non_null(to);
    setenv("TEST_NAME", "a #b", 1);
    assert_true(read_environment(f));
    settings_print(rows, ROWS, &f->out, to);
    fclose(to);
    assert_string_equal(printed, expected);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_anything_the_fallbacks_hold),
        TEST(the_environment_wins_over_the_file_and_the_file_over_the_fallback),
        TEST(a_file_may_be_written_in_several_ways),
        TEST(a_broken_file_is_refused_with_its_line),
        TEST(a_line_that_is_too_long_is_refused),
        TEST(a_file_that_cannot_be_read_is_named),
        TEST(a_bad_value_is_refused_with_its_name_and_range),
        TEST(the_limits_themselves_are_good_values),
        TEST(a_secret_is_in_no_sentence_and_in_no_print),
        TEST(one_bad_value_leaves_everything_as_it_was),
        TEST(a_sentence_that_does_not_fit_is_cut),
        TEST(each_setting_is_printed_with_its_range_and_its_help),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
