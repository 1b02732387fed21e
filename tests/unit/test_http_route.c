/* test_http_route.c - which row of the table a request finds, and what it hears when none. */
#include "http/http_route.h"

#include "base/auto.h"
#include "routes/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const struct route small[] = {
    {.method = HTTP_GET, .pattern = "/a"},         {.method = HTTP_POST, .pattern = "/a"},
    {.method = HTTP_GET, .pattern = "/a/:x"},      {.method = HTTP_DELETE, .pattern = "/a/:x"},
    {.method = HTTP_GET, .pattern = "/a/:x/b/:y"}, {.method = HTTP_PATCH, .pattern = "/a/list/b"},
    {.method = HTTP_GET, .pattern = "/"},          {.method = HTTP_GET, .pattern = "/a/self"},
};

/* The row's place in the table, or -1; err and allow are filled as the worker would see them. */
static int
find(const struct route *table, size_t count, enum http_method method, const char *path,
     struct http_request *req, char *allow, size_t allow_size, struct api_error *err)
{
    const struct route *found;

    *req = (struct http_request){.method = method};
    *err = (struct api_error){.id = API_OK};
    snprintf(req->path, sizeof req->path, "%s", path);
    found = http_route_find(table, count, req, allow, allow_size, err);
    return found == NULL ? -1 : (int)(found - table);
}

static void
the_first_row_that_matches_is_found(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
        int row;
        const char *params[2];
    } cases[] = {
        {HTTP_GET, "/a", 0, {NULL}},        {HTTP_POST, "/a", 1, {NULL}},
        {HTTP_GET, "/a/1", 2, {"1"}},       {HTTP_DELETE, "/a/x.y-z_", 3, {"x.y-z_"}},
        {HTTP_GET, "/a/:x", 2, {":x"}},     {HTTP_GET, "/a/1/b/2", 4, {"1", "2"}},
        {HTTP_GET, "/a/list", 2, {"list"}}, {HTTP_PATCH, "/a/list/b", 5, {NULL}},
        {HTTP_GET, "/", 6, {NULL}},
    };
    struct http_request req;
    struct api_error err;
    char allow[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(find(small, COUNT_OF(small), cases[i].method, cases[i].path, &req, allow,
                              sizeof allow, &err),
                         cases[i].row);
        assert_int_equal(err.id, API_OK);
        for (size_t p = 0; p < COUNT_OF(cases[i].params) && cases[i].params[p] != NULL; p++)
            assert_string_equal(req.params[p], cases[i].params[p]);
    }
}

static void
a_path_without_a_row_is_404(void **state)
{
    static const char *const paths[] = {
        "",       "a",       "/b",     "/a/",     "/A",         "/ab", "/a/1/",
        "/a/1/c", "/a//b/2", "/a/1/b", "/a/1/b/", "/a/1/b/2/3", "//a", "/a//",
    };
    struct http_request req;
    struct api_error err;
    char allow[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (find(small, COUNT_OF(small), HTTP_GET, paths[i], &req, allow, sizeof allow, &err) != -1)
            fail_msg("%s", paths[i]);
        assert_int_equal(err.status, 404);
        assert_string_equal(err.code, "route_not_found");
        assert_string_equal(allow, "");
    }
}

static void
another_method_is_405_and_hears_which_are_allowed(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *allow;
    } cases[] = {
        {HTTP_PUT, "/a", "GET, HEAD, POST, OPTIONS"},
        {HTTP_POST, "/a/1", "GET, HEAD, DELETE, OPTIONS"},
        {HTTP_POST, "/a/self", "GET, HEAD, DELETE, OPTIONS"}, /* GET is there in two rows */
        {HTTP_DELETE, "/a/1/b/2", "GET, HEAD, OPTIONS"},
        {HTTP_GET, "/a/list/b", "PATCH, OPTIONS"},
        {(enum http_method)0, "/a", "GET, HEAD, POST, OPTIONS"}, /* a method that nobody knows */
        {HTTP_OPTIONS, "/", "GET, HEAD, OPTIONS"},
    };
    struct http_request req;
    struct api_error err;
    char allow[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(find(small, COUNT_OF(small), cases[i].method, cases[i].path, &req, allow,
                              sizeof allow, &err),
                         -1);
        assert_int_equal(err.status, 405);
        assert_string_equal(allow, cases[i].allow);
    }
}

static void
a_segment_that_is_too_long_matches_nothing(void **state)
{
    char path[HTTP_PATH_MAX] = "/a/";
    struct http_request req;
    struct api_error err;
    char allow[64];

    (void)state;
    memset(path + 3, 'x', HTTP_ROUTE_PARAM_SIZE - 1);
    assert_int_equal(find(small, COUNT_OF(small), HTTP_GET, path, &req, allow, sizeof allow, &err),
                     2);
    assert_int_equal(strlen(req.params[0]), HTTP_ROUTE_PARAM_SIZE - 1);
    strcat(path, "x");
    assert_int_equal(find(small, COUNT_OF(small), HTTP_GET, path, &req, allow, sizeof allow, &err),
                     -1);
    assert_int_equal(err.status, 404);
}

static void
an_allow_that_does_not_fit_is_cut_not_overrun(void **state)
{
    struct http_request req;
    struct api_error err;

    (void)state;
    for (size_t size = 1; size < 20; size++) {
        char allow[32];

        memset(allow, '#', sizeof allow);
        find(small, COUNT_OF(small), HTTP_PUT, "/a", &req, allow, size, &err);
        assert_true(strlen(allow) < size);
        for (size_t i = size; i < sizeof allow; i++)
            assert_int_equal(allow[i], '#');
    }
}

static void
every_url_of_the_contract_has_its_row(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *pattern;
    } cases[] = {
        {HTTP_POST, "/api/v1/training/runs", "/api/v1/training/runs"},
        {HTTP_GET, "/api/v1/training/runs", "/api/v1/training/runs"},
        {HTTP_GET, "/api/v1/training/runs/r1", "/api/v1/training/runs/:run_id"},
        {HTTP_POST, "/api/v1/training/runs/r1/complete", "/api/v1/training/runs/:run_id/complete"},
        {HTTP_POST, "/api/v1/training/runs/r1/episodes", "/api/v1/training/runs/:run_id/episodes"},
        {HTTP_POST, "/api/v1/training/runs/r1/episodes/batch",
         "/api/v1/training/runs/:run_id/episodes/batch"},
        {HTTP_GET, "/api/v1/training/runs/r1/learning-curve",
         "/api/v1/training/runs/:run_id/learning-curve"},
        {HTTP_GET, "/api/v1/training/compare", "/api/v1/training/compare"},
        {HTTP_GET, "/api/training-runs", "/api/training-runs"},
        {HTTP_POST, "/api/training-runs", "/api/training-runs"},
        {HTTP_GET, "/api/training-runs/r1", "/api/training-runs/:run_id"},
        {HTTP_PATCH, "/api/training-runs/r1", "/api/training-runs/:run_id"},
        {HTTP_POST, "/api/training-runs/r1/episodes", "/api/training-runs/:run_id/episodes"},
        {HTTP_POST, "/api/training-runs/r1/checkpoints", "/api/training-runs/:run_id/checkpoints"},
        {HTTP_GET, "/api/training-runs/agents/list", "/api/training-runs/agents/list"},
        {HTTP_GET, "/healthz", "/healthz"},
        {HTTP_GET, "/readyz", "/readyz"},
    };
    struct http_request req;
    struct api_error err;
    char allow[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const int row = find(routes, routes_count, cases[i].method, cases[i].path, &req, allow,
                             sizeof allow, &err);

        if (row == -1)
            fail_msg("%s", cases[i].path);
        assert_string_equal(routes[row].pattern, cases[i].pattern);
        assert_non_null(routes[row].handler);
    }
}

static void
the_table_asks_for_the_right_scope_and_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];
        const bool open =
            strcmp(route->pattern, "/healthz") == 0 || strcmp(route->pattern, "/readyz") == 0 ||
            strcmp(route->pattern, "/metrics") == 0 || strcmp(route->pattern, "/api/session") == 0;
        const bool admin = strncmp(route->pattern, "/api/keys", strlen("/api/keys")) == 0 ||
                           strcmp(route->pattern, "/api/audit") == 0;

        assert_int_equal(route->scope, open                        ? SCOPE_NONE
                                       : admin                     ? SCOPE_ADMIN
                                       : route->method == HTTP_GET ? SCOPE_READ
                                                                   : SCOPE_WRITE);
        if (route->method == HTTP_GET)
            assert_int_equal(route->body, HTTP_BODY_IGNORED);
    }
}

static void
a_known_path_tells_its_methods(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *allow;
    } cases[] = {
        {HTTP_DELETE, "/api/v1/training/runs", "POST, GET, HEAD, OPTIONS"},
        {HTTP_GET, "/api/v1/training/runs/r1/complete", "POST, OPTIONS"},
        {HTTP_PUT, "/api/v1/training/compare", "GET, HEAD, OPTIONS"},
        {HTTP_POST, "/healthz", "GET, HEAD, OPTIONS"},
    };
    struct http_request req;
    struct api_error err;
    char allow[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(find(routes, routes_count, cases[i].method, cases[i].path, &req, allow,
                              sizeof allow, &err),
                         -1);
        assert_int_equal(err.status, 405);
        assert_string_equal(allow, cases[i].allow);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_that_matches_is_found),
        cmocka_unit_test(a_path_without_a_row_is_404),
        cmocka_unit_test(another_method_is_405_and_hears_which_are_allowed),
        cmocka_unit_test(a_segment_that_is_too_long_matches_nothing),
        cmocka_unit_test(an_allow_that_does_not_fit_is_cut_not_overrun),
        cmocka_unit_test(every_url_of_the_contract_has_its_row),
        cmocka_unit_test(the_table_asks_for_the_right_scope_and_body),
        cmocka_unit_test(a_known_path_tells_its_methods),
    };

    return cmocka_run_group_tests_name("http_route", tests, NULL, NULL);
}
