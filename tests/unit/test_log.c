/* test_log.c - one JSON object a line, whatever the values hold. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 * 1024)

struct fixture {
    int pipe[2];   /* stderr, while a test logs */
    int stderr_fd; /* the real one */
    char line[2 * LOG_LINE_MAX];
    size_t size;
    json_object *json;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(pipe(f->pipe), 0);
    f->stderr_fd = dup(STDERR_FILENO);
    assert_int_not_equal(f->stderr_fd, -1);
    assert_int_not_equal(dup2(f->pipe[1], STDERR_FILENO), -1);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    log_set_level(LOG_INFO);
    close(f->pipe[0]);
    close(f->pipe[1]);
    close(f->stderr_fd);
    json_object_put(f->json);
    free(f);
    return 0;
}

/* What was logged since set_up, as one read: a line is one write. Gives stderr back. */
static json_object *
logged(struct fixture *f)
{
    ssize_t got;

    dup2(f->stderr_fd, STDERR_FILENO);
    got = read(f->pipe[0], f->line, sizeof f->line - 1);
    assert_true(got > 1);
    f->size = (size_t)got;
    assert_int_equal(f->line[f->size - 1], '\n');
    assert_null(memchr(f->line, '\n', f->size - 1));
    f->json = json_tokener_parse(f->line);
    assert_non_null(f->json);
    return f->json;
}

static const char *
text_of(json_object *json, const char *name)
{
    return json_object_get_string(json_object_object_get(json, name));
}

static void
a_line_says_when_how_bad_what_and_who(void **state)
{
    const int64_t before_ms = clock_now_ms();
    json_object *json;
    int64_t ms = 0;

    log_event(LOG_WARN, "worker_ended");
    json = logged(*state);
    assert_int_equal(json_object_object_length(json), 4);
    assert_string_equal(text_of(json, "level"), "warn");
    assert_string_equal(text_of(json, "event"), "worker_ended");
    assert_int_equal(json_object_get_int64(json_object_object_get(json, "pid")), getpid());
    assert_true(clock_parse(text_of(json, "time"), &ms));
    assert_true(ms >= before_ms && ms <= clock_now_ms());
}

static void
fields_keep_their_kinds(void **state)
{
    struct fixture *f = *state;

    log_event(LOG_INFO, "request", LOG_TEXT("path", "/api"), LOG_WHOLE("bytes", INT64_MIN),
              LOG_REAL("ms", 1.25), LOG_REAL("nan", NAN), LOG_REAL("infinite", -INFINITY),
              LOG_TEXT("account", NULL));
    logged(f);
    assert_non_null(strstr(f->line, ",\"path\":\"/api\",\"bytes\":-9223372036854775808,\"ms\":1.25,"
                                    "\"nan\":null,\"infinite\":null}\n"));
}

static void
values_from_outside_are_escaped(void **state)
{
    static const struct {
        const char *value, *logged;
    } cases[] = {
        {"say \"no\"", "\"say \\\"no\\\"\""},
        {"a\\b", "\"a\\\\b\""},
        {"two\nlines\r\t", "\"two\\u000alines\\u000d\\u0009\""},
        {"\x1b[31m\x7f", "\"\\u001b[31m\\u007f\""},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\"},\"level\":\"error", "\"\\\"},\\\"level\\\":\\\"error\""},
        {"", "\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *fixture = NULL;
        struct fixture *f;

        set_up(&fixture);
        f = fixture;
        log_event(LOG_INFO, "request", LOG_TEXT("path", cases[i].value));
        logged(f);
        assert_non_null(strstr(f->line, cases[i].logged));
        tear_down(&fixture);
    }
}

/* A text of many copies of one character. The caller frees it. */
static char *
repeat(const char *character)
{
    const size_t size = strlen(character);
    char *text = calloc(1, TEXT_MAX + 1);

    assert_non_null(text);
    for (size_t used = 0; used + size <= TEXT_MAX; used += size)
        memcpy(text + used, character, size);
    return text;
}

static void
a_long_value_is_cut_and_crowds_nobody_out(void **state)
{
    static const char *const characters[] = {"x",   "\n", "\"", "\xe2\x82\xac", "\xf0\x9f\x99\x82",
                                             "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        char *text = repeat(characters[i]);
        void *fixture = NULL;
        json_object *json;

        set_up(&fixture);
        log_event(LOG_INFO, "request", LOG_TEXT("path", text), LOG_WHOLE("status", 404));
        json = logged(fixture);
        assert_true(((struct fixture *)fixture)->size <= LOG_LINE_MAX);
        assert_int_equal(json_object_get_int64(json_object_object_get(json, "status")), 404);
        assert_non_null(strstr(text_of(json, "path"), "\xe2\x80\xa6")); /* … */
        tear_down(&fixture);
        free(text);
    }
}

static void
a_line_is_whole_json_however_many_fields_there_are(void **state)
{
    struct log_field fields[201] = {{.name = ""}};
    char *text = repeat("long ");

    for (size_t i = 1; i < sizeof fields / sizeof fields[0]; i++)
        fields[i] = i % 2 ? LOG_TEXT("text", text) : LOG_REAL("a number with a long name", 0.1);
    log_write(LOG_INFO, "full", fields, 200);
    logged(*state);
    assert_true(((struct fixture *)*state)->size <= LOG_LINE_MAX);
    free(text);
}

static void
lines_below_the_level_are_not_written(void **state)
{
    log_event(LOG_DEBUG, "quiet");
    log_set_level(LOG_ERROR);
    log_event(LOG_WARN, "quiet");
    log_event(LOG_ERROR, "loud");
    assert_string_equal(text_of(logged(*state), "event"), "loud");
}

static void
logging_leaves_errno_alone(void **state)
{
    errno = ENOENT;
    close(STDERR_FILENO); /* so that the write fails */
    log_event(LOG_INFO, "lost");
    assert_int_equal(errno, ENOENT);
    dup2(((struct fixture *)*state)->stderr_fd, STDERR_FILENO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_says_when_how_bad_what_and_who, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_keep_their_kinds, set_up, tear_down),
        cmocka_unit_test(values_from_outside_are_escaped),
        cmocka_unit_test(a_long_value_is_cut_and_crowds_nobody_out),
        cmocka_unit_test_setup_teardown(a_line_is_whole_json_however_many_fields_there_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logging_leaves_errno_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
