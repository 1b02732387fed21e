/* test_http_request.c - a request as it comes from FastCGI. */
#include "http/http_request.h"

#include "base/auto.h"
#include "base/json_text.h"
#include "fakes/fake_fcgi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_MS INT64_C(1700000000123)

struct fixture {
    struct fake_fcgi fake;
    struct http_request req;
    struct api_error err;
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.err = {.id = API_OK}};
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    http_request_clear(&((struct fixture *)*state)->req);
    return 0;
}

/* params: NULL-terminated. */
static bool
read_head(struct fixture *f, const char *const *params)
{
    http_request_clear(&f->req);
    f->err = (struct api_error){.id = API_OK};
    fake_fcgi_init(&f->fake, "", 0);
    for (; *params != NULL; params++)
        fake_fcgi_param(&f->fake, *params);
    return http_request_read_head(&f->fake.request, NOW_MS, &f->req, &f->err);
}

#define READ_HEAD(f, ...) read_head((f), (const char *const[]){__VA_ARGS__, NULL})

static void
all_that_nginx_sends_lands_in_its_place(void **state)
{
    struct fixture *f = *state;

    assert_true(READ_HEAD(f, "REQUEST_METHOD=POST", "DOCUMENT_URI=/api/x", "QUERY_STRING=a=1&b=%20",
                          "HTTP_X_API_KEY=ak_1", "CONTENT_TYPE=application/json",
                          "HTTP_ORIGIN=http://o", "HTTP_SEC_FETCH_SITE=same-origin",
                          "HTTP_HOST=h:8000", "REQUEST_SCHEME=https", "REMOTE_ADDR=127.0.0.1",
                          "REQUEST_ID=abc.DEF-1", "REQUEST_MSEC=1700000005.042",
                          "CONTENT_LENGTH=17", "HTTP_X_OTHER=1", "HTTP_HOSTILE=2"));
    assert_int_equal(f->req.method, HTTP_POST);
    assert_string_equal(f->req.method_name, "POST");
    assert_false(f->req.head);
    assert_string_equal(f->req.path, "/api/x");
    assert_string_equal(f->req.query, "a=1&b=%20");
    assert_string_equal(f->req.api_key, "ak_1");
    assert_false(f->req.api_key_twice);
    assert_string_equal(f->req.content_type, "application/json");
    assert_string_equal(f->req.origin, "http://o");
    assert_string_equal(f->req.fetch_site, "same-origin");
    assert_string_equal(f->req.host, "h:8000");
    assert_string_equal(f->req.scheme, "https");
    assert_string_equal(f->req.remote, "127.0.0.1");
    assert_string_equal(f->req.id, "abc.DEF-1");
    assert_int_equal(f->req.arrived_ms, INT64_C(1700000005042));
    assert_int_equal(f->req.content_length, 17);
}

static void
what_nginx_does_not_send_has_a_default(void **state)
{
    struct fixture *f = *state;

    assert_true(READ_HEAD(f, "REQUEST_METHOD=GET", "DOCUMENT_URI=/",
                          "QUERY_STRING=", "CONTENT_TYPE=", "CONTENT_LENGTH=", "HTTP_X_API_KEY="));
    assert_string_equal(f->req.path, "/");
    assert_string_equal(f->req.query, "");
    assert_null(f->req.api_key);
    assert_null(f->req.content_type);
    assert_null(f->req.origin);
    assert_null(f->req.fetch_site);
    assert_null(f->req.host);
    assert_string_equal(f->req.scheme, "http");
    assert_string_equal(f->req.remote, "");
    assert_string_equal(f->req.id, "");
    assert_int_equal(f->req.arrived_ms, NOW_MS);
    assert_int_equal(f->req.content_length, 0);
}

static void
two_keys_are_noticed(void **state)
{
    struct fixture *f = *state;

    assert_true(READ_HEAD(f, "DOCUMENT_URI=/", "HTTP_X_API_KEY=a", "HTTP_X_API_KEY=a"));
    assert_true(f->req.api_key_twice);
}

static void
a_method_is_known_by_its_exact_name(void **state)
{
    static const struct {
        const char *param;
        int method; /* 0: none */
        bool head;
    } cases[] = {
        {"REQUEST_METHOD=GET", HTTP_GET, false},
        {"REQUEST_METHOD=HEAD", HTTP_GET, true},
        {"REQUEST_METHOD=POST", HTTP_POST, false},
        {"REQUEST_METHOD=PUT", HTTP_PUT, false},
        {"REQUEST_METHOD=PATCH", HTTP_PATCH, false},
        {"REQUEST_METHOD=DELETE", HTTP_DELETE, false},
        {"REQUEST_METHOD=OPTIONS", HTTP_OPTIONS, false},
        {"REQUEST_METHOD=get", 0, false},
        {"REQUEST_METHOD=GETT", 0, false},
        {"REQUEST_METHOD=PROPFIND", 0, false},
        {"REQUEST_METHOD=", 0, false},
        {"NOTHING=1", 0, false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(READ_HEAD(f, "DOCUMENT_URI=/", cases[i].param));
        assert_int_equal(f->req.method, cases[i].method);
        assert_int_equal(f->req.head, cases[i].head);
    }
}

static void
trailing_slashes_do_not_count(void **state)
{
    static const struct {
        const char *param, *path;
    } cases[] = {
        {"DOCUMENT_URI=/", "/"},          {"DOCUMENT_URI=//", "/"},
        {"DOCUMENT_URI=/a/", "/a"},       {"DOCUMENT_URI=/a///", "/a"},
        {"DOCUMENT_URI=/a//b/", "/a//b"}, {"DOCUMENT_URI=/a=b", "/a=b"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(READ_HEAD(f, cases[i].param));
        assert_string_equal(f->req.path, cases[i].path);
    }
}

static void
a_path_that_is_too_long_is_nowhere(void **state)
{
    struct fixture *f = *state;
    char param[HTTP_PATH_MAX + 32] = "DOCUMENT_URI=/";
    const size_t prefix = strlen("DOCUMENT_URI=");

    memset(param + prefix + 1, 'a', HTTP_PATH_MAX - 2);
    assert_true(READ_HEAD(f, param));
    assert_int_equal(strlen(f->req.path), HTTP_PATH_MAX - 1);
    strcat(param, "a");
    assert_false(READ_HEAD(f, param));
    assert_int_equal(f->err.status, 404);
    assert_string_equal(f->err.code, "route_not_found");
}

static void
without_a_path_the_gateway_is_at_fault(void **state)
{
    struct fixture *f = *state;

    assert_false(READ_HEAD(f, "REQUEST_METHOD=GET"));
    assert_int_equal(f->err.status, 500);
}

static void
the_time_stamp_is_nginxs_where_it_is_one(void **state)
{
    static const struct {
        const char *param;
        int64_t ms;
    } cases[] = {
        {"REQUEST_MSEC=1700000005.042", INT64_C(1700000005042)},
        {"REQUEST_MSEC=1700000005.999", INT64_C(1700000005999)},
        {"REQUEST_MSEC=1700000005", INT64_C(1700000005000)},
        {"REQUEST_MSEC=abc", NOW_MS},
        {"REQUEST_MSEC=", NOW_MS},
        {"REQUEST_MSEC=0.000", NOW_MS},
        {"REQUEST_MSEC=-5.000", NOW_MS},
        {"REQUEST_MSEC=99999999999999999999.000", NOW_MS},
        {"REQUEST_MSEC=9223372036854775807.000", NOW_MS},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(READ_HEAD(f, "DOCUMENT_URI=/", cases[i].param));
        assert_int_equal(f->req.arrived_ms, cases[i].ms);
    }
}

static void
a_long_request_id_is_cut(void **state)
{
    struct fixture *f = *state;
    char param[200] = "REQUEST_ID=";

    memset(param + strlen(param), 'i', 150);
    assert_true(READ_HEAD(f, "DOCUMENT_URI=/", param));
    assert_int_equal(strlen(f->req.id), 64);
}

struct body_case {
    const char *type; /* "CONTENT_TYPE=…" */
    const char *body;
    size_t size;      /* 0: strlen */
    size_t announced; /* 0: as many as there are */
    size_t max;
    int error_at_end;
    int status; /* 0: taken */
    const char *code;
};

/* Read the body in pieces of so many bytes. */
static bool
read_body(struct fixture *f, const struct body_case *c, enum http_body body, size_t piece)
{
    const size_t size = c->size == 0 ? strlen(c->body) : c->size;
    char length[48];

    http_request_clear(&f->req);
    f->err = (struct api_error){.id = API_OK};
    fake_fcgi_init(&f->fake, c->body, size);
    f->fake.piece = piece;
    f->fake.error_at_end = c->error_at_end;
    snprintf(length, sizeof length, "CONTENT_LENGTH=%zu", c->announced == 0 ? size : c->announced);
    fake_fcgi_param(&f->fake, "DOCUMENT_URI=/");
    fake_fcgi_param(&f->fake, "REQUEST_METHOD=POST");
    fake_fcgi_param(&f->fake, c->type);
    fake_fcgi_param(&f->fake, length);
    return http_request_read_head(&f->fake.request, NOW_MS, &f->req, &f->err) &&
           http_request_read_body(&f->fake.request, body, c->max, &f->req, &f->err);
}

#define JSON "CONTENT_TYPE=application/json"

static void
a_body_is_taken_or_refused_in_the_contracts_order(void **state)
{
    static const struct body_case cases[] = {
        {JSON, "{\"a\":1}", 0, 0, 100, 0, 0, NULL},
        {"NO=TYPE", "{\"a\":1}", 0, 0, 100, 0, 0, NULL},
        {"CONTENT_TYPE=application/json; charset=utf-8", "[]", 0, 0, 100, 0, 0, NULL},
        {"CONTENT_TYPE=APPLICATION/JSON;charset=UTF-8", "[]", 0, 0, 100, 0, 0, NULL},
        {"CONTENT_TYPE=application/merge-patch+json", "{}", 0, 0, 100, 0, 0, NULL},
        {JSON, " {} ", 0, 0, 4, 0, 0, NULL},
        /* 413 before everything, 415 before 400, 400 before 422 */
        {"CONTENT_TYPE=text/plain", "not json", 0, 0, 7, 0, 413, "body_too_large"},
        {JSON, "{} ", 0, 0, 2, 0, 413, "body_too_large"},
        {JSON, "{}", 0, 101, 100, 0, 413, "body_too_large"},
        {JSON, "{}", 0, 3, 100, 0, 400, "body_cut_short"},
        {JSON, "{}", 0, 0, 100, 0, 0, NULL},
        {JSON, "{\"a\":", 0, 99, 100, -5, 400, "body_cut_short"},
        {"CONTENT_TYPE=text/plain", "not json", 0, 0, 100, 0, 415, "unsupported_media_type"},
        {"CONTENT_TYPE=application/x-www-form-urlencoded", "a=1", 0, 0, 100, 0, 415,
         "unsupported_media_type"},
        {"CONTENT_TYPE=multipart/form-data; boundary=x", "{}", 0, 0, 100, 0, 415,
         "unsupported_media_type"},
        {"CONTENT_TYPE=application/jsonx", "{}", 0, 0, 100, 0, 415, "unsupported_media_type"},
        {"CONTENT_TYPE=text/json", "{}", 0, 0, 100, 0, 415, "unsupported_media_type"},
        {"CONTENT_TYPE=image/x+json", "{}", 0, 0, 100, 0, 415, "unsupported_media_type"},
        {"CONTENT_TYPE=json", "{}", 0, 0, 100, 0, 415, "unsupported_media_type"},
        {"CONTENT_TYPE=text/plain", "", 0, 0, 100, 0, 415, "unsupported_media_type"},
        {JSON, "", 0, 0, 100, 0, 400, "body_missing"},
        {JSON, " \r\n\t", 0, 0, 100, 0, 400, "body_missing"},
        {JSON, "\0", 1, 0, 100, 0, 400, "body_not_json"},
        {JSON, " \0{}", 4, 0, 100, 0, 400, "body_not_json"},
        {JSON, "{}\0", 3, 0, 100, 0, 400, "body_not_json"},
        {JSON, "not json", 0, 0, 100, 0, 400, "body_not_json"},
        {JSON, "{\"a\":1,\"a\":2}", 0, 0, 100, 0, 400, "body_not_json"},
        {JSON, "{\"a\":18446744073709551616}", 0, 0, 100, 0, 422, "validation_failed"},
    };
    static const size_t pieces[] = {1, 3, SIZE_MAX};
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            const bool taken = read_body(f, &cases[i], HTTP_BODY_JSON, pieces[p]);

            if (taken != (cases[i].status == 0) || (!taken && f->err.status != cases[i].status))
                fail_msg("case %zu: %d %s", i, f->err.status, f->err.message);
            if (!taken)
                assert_string_equal(f->err.code, cases[i].code);
            else
                assert_non_null(f->req.json);
        }
}

static void
the_body_is_kept_as_text_and_as_json(void **state)
{
    static const struct body_case one = {JSON, "{\"a\":[1.0,\"x\"]} ", 0, 0, 100, 0, 0, NULL};
    struct fixture *f = *state;

    assert_true(read_body(f, &one, HTTP_BODY_JSON, 2));
    assert_int_equal(f->req.body_size, strlen(one.body));
    assert_string_equal(f->req.body, one.body);
    assert_string_equal(json_text_of(f->req.json), "{\"a\":[1.0,\"x\"]}");
}

static void
a_body_that_nobody_wants_is_read_to_its_end(void **state)
{
    static const struct body_case cases[] = {
        {JSON, "not json at all", 0, 0, 100, 0, 0, NULL},
        {JSON, "not json at all", 0, 0, 3, 0, 413, "body_too_large"},
        {"CONTENT_TYPE=text/plain", "", 0, 0, 100, 0, 0, NULL},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_body(f, &cases[i], HTTP_BODY_IGNORED, 4), cases[i].status == 0);
        assert_null(f->req.json);
        http_request_drain(&f->fake.request);
        assert_int_equal(f->fake.body_at, strlen(cases[i].body));
    }
}

/* A FastCGI record (FastCGI 1.0, 3.3), appended to bytes. */
static size_t
add_record(unsigned char *bytes, int type, const void *content, size_t size)
{
    const unsigned char head[8] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(size >> 8), (unsigned char)(size & 0xFF), 0,
        0};

    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, content, size);
    return sizeof head + size;
}

static size_t
add_param(unsigned char *bytes, const char *name, const char *value)
{
    const size_t name_size = strlen(name), value_size = strlen(value);

    bytes[0] = (unsigned char)name_size;
    bytes[1] = (unsigned char)value_size;
    memcpy(bytes + 2, name, name_size);
    memcpy(bytes + 2 + name_size, value, value_size);
    return 2 + name_size + value_size;
}

/* What nginx would send for a POST of body, whose length it announces as `announced`. */
static size_t
write_records(unsigned char *bytes, const char *body, const char *announced, bool ends)
{
    enum { BEGIN = 1, PARAMS = 4, STDIN = 5 };
    static const unsigned char responder[8] = {0, 1};
    unsigned char params[512];
    size_t params_size = 0, size = 0;

    params_size += add_param(params, "REQUEST_METHOD", "POST");
    params_size += add_param(params + params_size, "DOCUMENT_URI", "/api/x/");
    params_size += add_param(params + params_size, "CONTENT_LENGTH", announced);
    size += add_record(bytes, BEGIN, responder, sizeof responder);
    size += add_record(bytes + size, PARAMS, params, params_size);
    size += add_record(bytes + size, PARAMS, "", 0);
    size += add_record(bytes + size, STDIN, body, strlen(body));
    if (ends)
        size += add_record(bytes + size, STDIN, "", 0);
    return size;
}

/* Through libfcgi itself, taken over a socket as api/worker.c does. */
static void
a_request_comes_through_real_records(void **state)
{
    static const struct {
        const char *announced;
        bool ends;
        int status;
    } cases[] = {{"7", true, 0}, {"9", true, 400}, {"9", false, 400}};
    struct fixture *f = *state;

    assert_int_equal(FCGX_Init(), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned char bytes[1024];
        const size_t size = write_records(bytes, "{\"a\":1}", cases[i].announced, cases[i].ends);
        FCGX_Request fcgi;
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        assert_int_equal(write(ends[0], bytes, size), size);
        shutdown(ends[0], SHUT_WR);
        assert_int_equal(FCGX_InitRequest(&fcgi, -1, 0), 0);
        fcgi.ipcFd = ends[1];
        fcgi.keepConnection = 1;
        assert_int_equal(FCGX_Accept_r(&fcgi), 0);
        http_request_clear(&f->req);
        f->err = (struct api_error){.id = API_OK};
        assert_true(http_request_read_head(&fcgi, NOW_MS, &f->req, &f->err));
        assert_string_equal(f->req.path, "/api/x");
        assert_int_equal(http_request_read_body(&fcgi, HTTP_BODY_JSON, 100, &f->req, &f->err),
                         cases[i].status == 0);
        assert_int_equal(f->err.status, cases[i].status);
        http_request_clear(&f->req);
        FCGX_Free(&fcgi, 1);
        close(ends[0]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_nginx_sends_lands_in_its_place),
        TEST(what_nginx_does_not_send_has_a_default),
        TEST(two_keys_are_noticed),
        TEST(a_method_is_known_by_its_exact_name),
        TEST(trailing_slashes_do_not_count),
        TEST(a_path_that_is_too_long_is_nowhere),
        TEST(without_a_path_the_gateway_is_at_fault),
        TEST(the_time_stamp_is_nginxs_where_it_is_one),
        TEST(a_long_request_id_is_cut),
        TEST(a_body_is_taken_or_refused_in_the_contracts_order),
        TEST(the_body_is_kept_as_text_and_as_json),
        TEST(a_body_that_nobody_wants_is_read_to_its_end),
        TEST(a_request_comes_through_real_records),
    };

    return cmocka_run_group_tests_name("http_request", tests, NULL, NULL);
}
