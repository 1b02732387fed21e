/* test_job_lines.c - a trainer's last lines, from bytes that come in any pieces. */
#include "training/job_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct job_lines *
lines_new(void)
{
    struct job_lines *lines = calloc(1, sizeof *lines);

    assert_non_null(lines);
    return lines;
}

/* The kept lines, each with a | after it. */
static const char *
joined(const struct job_lines *lines)
{
    static char text[4096];

    text[0] = '\0';
    for (size_t i = 0; i < job_lines_kept(lines); i++) {
        strcat(text, job_lines_line(lines, i));
        strcat(text, "|");
    }
    return text;
}

static void
bytes_become_clean_lines(void **state)
{
    static const struct {
        const char *bytes, *lines;
    } cases[] = {
        {"", ""},
        {"one", "one|"},
        {"one\n", "one|"},
        {"one\ntwo", "one|two|"},
        {"\n\n", "||"},
        {"windows\r\nlines\r\n", "windows|lines|"},
        {" 1%\r 50%\r100%\n", "100%|"},
        {"half\rdone", "done|"},
        {"a\tb\033[1mc\177", "a b [1mc |"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80|"},
        {"\xff\xc3", "??|"},
        {"\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80", "????????????|"},
        {"\xe2\x82", "??|"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t piece = 1; piece <= 3; piece++) {
            struct job_lines *lines = lines_new();
            const size_t size = strlen(cases[i].bytes);

            for (size_t at = 0; at < size; at += piece)
                job_lines_add(lines, cases[i].bytes + at, size - at < piece ? size - at : piece);
            job_lines_finish(lines);
            assert_string_equal(joined(lines), cases[i].lines);
            free(lines);
        }
    }
}

static void
the_last_two_hundred_are_kept(void **state)
{
    struct job_lines *lines = lines_new();
    char line[32];

    (void)state;
    for (int i = 1; i <= 1234; i++)
        job_lines_add(lines, line, (size_t)snprintf(line, sizeof line, "line %d\n", i));
    assert_int_equal(lines->count, 1234);
    assert_int_equal(job_lines_kept(lines), JOB_LINES_MAX);
    assert_string_equal(job_lines_line(lines, 0), "line 1035");
    assert_string_equal(job_lines_line(lines, JOB_LINES_MAX - 1), "line 1234");
    free(lines);
}

static void
a_long_line_is_cut_and_stays_text(void **state)
{
    struct job_lines *lines = lines_new();
    const char *line;

    (void)state;
    for (int i = 0; i < 1000000; i++)
        job_lines_add(lines, i == 0 ? "x" : "\xc3\xa9", i == 0 ? 1 : 2);
    job_lines_add(lines, "\nnext\n", 6);
    line = job_lines_line(lines, 0);
    assert_int_equal(strlen(line), JOB_LINE_MAX);
    assert_true(bson_utf8_validate(line, strlen(line), false));
    assert_string_equal(job_lines_line(lines, 1), "next");
    free(lines);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_clean_lines),
        cmocka_unit_test(the_last_two_hundred_are_kept),
        cmocka_unit_test(a_long_line_is_cut_and_stays_text),
    };

    return cmocka_run_group_tests_name("job_lines", tests, NULL, NULL);
}
