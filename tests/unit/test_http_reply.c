/* test_http_reply.c - an answer on its way to the wire. */
#include "http/http_reply.h"

#include "base/auto.h"
#include "fakes/memory_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fakes/json_check.h"

struct fixture {
    struct memory_wire wire;
    struct http_reply reply;
    struct api_error err;
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.err = {.id = API_OK}};
    memory_wire_init(&fixture.wire);
    http_reply_init(&fixture.reply, &fixture.wire.wire);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    http_reply_clear(&f->reply);
    memory_wire_clear(&f->wire);
    return 0;
}

static void
write_small(struct fixture *f, int status)
{
    struct json_out json = http_reply_json(&f->reply, status);

    json_out_object(&json, NULL);
    json_out_text(&json, "a", "b");
    json_out_object_end(&json);
}

static void
a_small_answer_is_sent_when_it_is_finished(void **state)
{
    struct fixture *f = *state;

    write_small(f, 201);
    http_reply_header(&f->reply, "Location", "/r/1");
    http_reply_header(&f->reply, "X-Total-Count", "7");
    assert_int_equal(f->wire.writes, 0);
    assert_true(http_reply_finish(&f->reply));
    assert_string_equal(f->wire.text, "Status: 201 Created\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 9\r\n"
                                      "Location: /r/1\r\nX-Total-Count: 7\r\n\r\n{\"a\":\"b\"}");
    assert_int_equal(f->reply.bytes_sent, 9);
    assert_false(f->reply.broken);
}

static void
an_answer_without_a_body_has_a_head(void **state)
{
    struct fixture *f = *state;

    http_reply_empty(&f->reply, 204);
    assert_true(http_reply_finish(&f->reply));
    assert_string_equal(f->wire.text, "Status: 204 No Content\r\n\r\n");
}

static void
a_small_answer_can_still_become_an_error(void **state)
{
    struct fixture *f = *state;

    write_small(f, 200);
    http_reply_header(&f->reply, "Location", "/gone");
    api_fail(&f->err, API_STORE_UNAVAILABLE, NULL);
    snprintf(f->reply.request_id, sizeof f->reply.request_id, "req-1");
    http_reply_error(&f->reply, &f->err);
    http_reply_header(&f->reply, "Allow", "GET");
    assert_true(http_reply_finish(&f->reply));
    assert_memory_equal(f->wire.text,
                        "Status: 503 Service Unavailable\r\n"
                        "Content-Type: application/problem+json\r\n"
                        "Content-Length: 3",
                        90);
    assert_non_null(strstr(f->wire.text, "\r\nRetry-After: 1\r\nAllow: GET\r\n\r\n{"));
    assert_null(strstr(f->wire.text, "Location"));
    assert_json_equal(memory_wire_body(&f->wire),
                      "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                      "\"detail\":\"The database did not answer; nothing is known to be stored. "
                      "Try again.\",\"code\":\"store_unavailable\",\"request_id\":\"req-1\","
                      "\"error\":{\"code\":\"store_unavailable\",\"message\":\"The database did "
                      "not answer; nothing is known to be stored. Try again.\",\"details\":[]}}");
}

static void
kept_headers_outlive_an_error(void **state)
{
    struct fixture *f = *state;

    http_reply_header(&f->reply, "Vary", "Origin");
    http_reply_keep_headers(&f->reply);
    http_reply_header(&f->reply, "Location", "/gone");
    api_fail(&f->err, API_RUN_NOT_FOUND, NULL);
    http_reply_error(&f->reply, &f->err);
    assert_true(http_reply_finish(&f->reply));
    assert_non_null(strstr(f->wire.text, "\r\nVary: Origin\r\n"));
    assert_null(strstr(f->wire.text, "Location"));
}

static void
faults_are_listed_up_to_their_limit(void **state)
{
    struct fixture *f = *state;
    AUTO_JSON *body = NULL;
    json_object *errors;

    for (int i = 0; i < 100; i++) {
        char field[16];

        snprintf(field, sizeof field, "f\"%d", i);
        api_fault(&f->err, field, "is \\ wrong");
    }
    http_reply_error(&f->reply, &f->err);
    assert_true(http_reply_finish(&f->reply));
    body = json_of(memory_wire_body(&f->wire));
    errors = json_object_object_get(body, "errors");
    assert_int_equal(json_object_array_length(errors), 64);
    assert_int_equal(json_object_get_int(json_object_object_get(body, "errors_total")), 100);
    assert_string_equal(json_object_to_json_string_ext(json_object_array_get_idx(errors, 63),
                                                       JSON_C_TO_STRING_PLAIN),
                        "{\"field\":\"f\\\"63\",\"message\":\"is \\\\ wrong\"}");
    assert_true(json_object_equal(
        json_object_object_get(json_object_object_get(body, "error"), "details"), errors));
    assert_string_equal(json_object_get_string(json_object_object_get(body, "detail")),
                        "f\"0: is \\ wrong");
}

#define LONG (3 * HTTP_REPLY_BUFFER_SIZE)

static void
write_long(struct fixture *f)
{
    char line[100];

    memset(line, 'x', sizeof line);
    (void)http_reply_json(&f->reply, 200);
    for (size_t written = 0; written < LONG; written += sizeof line)
        out_bytes(&f->reply.out, line, sizeof line);
}

static void
a_long_answer_overflows_into_the_wire(void **state)
{
    struct fixture *f = *state;
    const size_t body_size = (LONG + 99) / 100 * 100;

    write_long(f);
    assert_true(f->reply.started);
    assert_true(f->wire.size >= 2 * HTTP_REPLY_BUFFER_SIZE);
    assert_true(http_reply_finish(&f->reply));
    assert_int_equal(strlen(memory_wire_body(&f->wire)), body_size);
    assert_int_equal(strspn(memory_wire_body(&f->wire), "x"), body_size);
    assert_int_equal(f->reply.bytes_sent, body_size);
    assert_null(strstr(memory_wire_body(&f->wire), "Status:")); /* one head only */
}

static void
an_error_after_the_start_breaks_the_answer(void **state)
{
    struct fixture *f = *state;
    size_t before;

    write_long(f);
    before = f->wire.size;
    api_fail(&f->err, API_STORE_UNAVAILABLE, NULL);
    http_reply_error(&f->reply, &f->err);
    assert_true(f->reply.broken);
    assert_false(http_reply_finish(&f->reply));
    assert_int_equal(f->wire.size, before); /* not a byte more: it must not look whole */
    assert_int_equal(f->reply.status, 200);
}

static void
a_client_that_is_gone_ends_the_answer(void **state)
{
    struct fixture *f = *state;

    for (size_t writes = 0; writes < 4; writes++) {
        f->wire.writes_max = writes;
        write_long(f);
        assert_false(http_reply_finish(&f->reply));
        assert_int_equal(f->wire.writes, writes);
        tear_down(state);
        set_up(state);
    }
    f->wire.writes_max = 0; /* a small one, too */
    write_small(f, 200);
    assert_false(http_reply_finish(&f->reply));
}

static void
head_gets_the_head_alone(void **state)
{
    struct fixture *f = *state;

    f->reply.head_only = true;
    write_small(f, 200);
    http_reply_header(&f->reply, "X-Total-Count", "7");
    assert_true(http_reply_finish(&f->reply));
    assert_string_equal(f->wire.text, "Status: 200 OK\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 9\r\nX-Total-Count: 7\r\n\r\n");
    assert_int_equal(f->reply.bytes_sent, 0);
}

static void
head_of_a_long_answer_is_the_head_alone(void **state)
{
    struct fixture *f = *state;

    f->reply.head_only = true;
    write_long(f);
    assert_true(http_reply_finish(&f->reply));
    assert_string_equal(f->wire.text, "Status: 200 OK\r\nContent-Type: application/json\r\n\r\n");
}

static void
a_value_from_outside_makes_no_header_of_its_own(void **state)
{
    static const char *const values[] = {"a\r\nSet-Cookie: x=1", "a\nSet-Cookie: x=1",
                                         "a\rSet-Cookie: x=1", "\r\n\r\n<html>", "\n"};
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(values); i++)
        http_reply_header(&f->reply, "Location", values[i]);
    write_small(f, 200);
    assert_true(http_reply_finish(&f->reply));
    assert_null(strstr(f->wire.text, "\nSet-Cookie"));
    assert_null(strstr(f->wire.text, "\rSet-Cookie"));
    assert_string_equal(memory_wire_body(&f->wire), "{\"a\":\"b\"}");
}

static void
headers_that_do_not_fit_are_left_out_whole(void **state)
{
    struct fixture *f = *state;
    static char value[HTTP_REPLY_HEADERS_MAX];
    const char *at;
    size_t lines = 0;

    memset(value, 'v', 1000);
    for (int i = 0; i < 20; i++)
        http_reply_header(&f->reply, "X-Long", value);
    write_small(f, 200);
    assert_true(http_reply_finish(&f->reply));
    for (at = f->wire.text; (at = strstr(at, "X-Long: ")) != NULL; lines++, at += 8)
        assert_int_equal(strspn(at + 8, "v"), 1000);
    assert_int_equal(lines, HTTP_REPLY_HEADERS_MAX / 1010); /* "X-Long: " + 1000 + CR LF */
    assert_string_equal(memory_wire_body(&f->wire), "{\"a\":\"b\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_answer_is_sent_when_it_is_finished),
        TEST(an_answer_without_a_body_has_a_head),
        TEST(a_small_answer_can_still_become_an_error),
        TEST(kept_headers_outlive_an_error),
        TEST(faults_are_listed_up_to_their_limit),
        TEST(a_long_answer_overflows_into_the_wire),
        TEST(an_error_after_the_start_breaks_the_answer),
        TEST(a_client_that_is_gone_ends_the_answer),
        TEST(head_gets_the_head_alone),
        TEST(head_of_a_long_answer_is_the_head_alone),
        TEST(a_value_from_outside_makes_no_header_of_its_own),
        TEST(headers_that_do_not_fit_are_left_out_whole),
    };

    return cmocka_run_group_tests_name("http_reply", tests, NULL, NULL);
}
