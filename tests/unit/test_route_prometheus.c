/* test_route_prometheus.c - the text of GET /metrics; its parser's view is in tests/e2e. */
#include "routes/routes.h"

#include "base/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fakes/memory_wire.h"

/* The page for a meter, as the route writes it; good until the next call. */
static const char *
page_of(const struct meter *meter)
{
    static struct memory_wire wire;
    struct http_request req = {.method = HTTP_GET, .path = "/metrics"};
    struct http_reply reply;
    struct api_error err = {.id = API_OK};
    struct call call = {.req = &req, .reply = &reply, .meter = meter, .now_ms = 1000};
    char allow[64];
    const struct route *route =
        http_route_find(routes, routes_count, &req, allow, sizeof allow, &err);

    memory_wire_clear(&wire);
    memory_wire_init(&wire);
    http_reply_init(&reply, &wire.wire);
    assert_non_null(route);
    assert_true(route->handler(&call, &err));
    assert_true(http_reply_finish(&reply));
    http_reply_clear(&reply);
    return wire.text;
}

static void
assert_line(const char *page, const char *line)
{
    char whole[512];

    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(page, whole) == NULL)
        fail_msg("no line %s in %s", line, page);
}

static void
a_page_without_counts_has_every_family(void **state)
{
    const char *page = page_of(NULL);

    (void)state;
    assert_non_null(strstr(page, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_line(page, "# TYPE training_http_requests_total counter");
    assert_line(page, "# TYPE training_http_request_duration_seconds histogram");
    assert_line(page, "training_workers 0");
    assert_line(page, "training_database_errors_total{kind=\"busy\"} 0");
    assert_null(strstr(page, "route="));
}

static void
every_row_of_the_table_has_labels_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i <= routes_count; i++) {
        struct meter *meter = meter_new(1);
        const struct meter_request request = {.route = i, .status = 200, .us = 600};
        char line[512];

        meter_request(meter_seat_take(meter), &request);
        snprintf(line, sizeof line,
                 "training_http_requests_total{route=\"%s\",method=\"%s\",status=\"200\"} 1",
                 i < routes_count ? routes[i].pattern : "none",
                 i < routes_count ? route_method_name(routes[i].method) : "any");
        assert_line(page_of(meter), line);
    }
}

static void
a_histogram_counts_all_up_to_its_bounds(void **state)
{
    struct meter *meter = meter_new(1);
    struct meter_seat *seat = meter_seat_take(meter);
    const char *page;

    (void)state;
    meter_command(seat, "find", 400);
    meter_command(seat, "find", 2600);
    meter_command(seat, "find", 99000000);
    page = page_of(meter);
#define FIND "training_database_command_duration_seconds"
    assert_line(page, FIND "_bucket{command=\"find\",le=\"0.0005\"} 1");
    assert_line(page, FIND "_bucket{command=\"find\",le=\"0.0025\"} 1");
    assert_line(page, FIND "_bucket{command=\"find\",le=\"0.005\"} 2");
    assert_line(page, FIND "_bucket{command=\"find\",le=\"10\"} 2");
    assert_line(page, FIND "_bucket{command=\"find\",le=\"+Inf\"} 3");
    assert_line(page, FIND "_sum{command=\"find\"} 99.003000");
    assert_line(page, FIND "_count{command=\"find\"} 3");
    assert_null(strstr(page, "command=\"update\""));
}

static void
refusals_of_the_rate_limit_are_added_up(void **state)
{
    struct meter *meter = meter_new(2);
    const struct meter_request one = {.route = 0, .status = 429};
    const struct meter_request two = {.route = 1, .status = 429};

    (void)state;
    meter_request(meter_seat_take(meter), &one);
    meter_request(meter_seat_take(meter), &two);
    assert_line(page_of(meter), "training_http_rate_limited_total 2");
}

static void
the_table_can_be_printed(void **state)
{
    char *text = NULL;
    size_t size, lines = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    routes_print(out);
    fclose(out);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, routes_count);
    assert_non_null(strstr(text, "POST /api/v1/training/runs write\n"));
    assert_non_null(strstr(text, "GET /metrics -\n"));
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_without_counts_has_every_family),
        cmocka_unit_test(every_row_of_the_table_has_labels_of_its_own),
        cmocka_unit_test(a_histogram_counts_all_up_to_its_bounds),
        cmocka_unit_test(refusals_of_the_rate_limit_are_added_up),
        cmocka_unit_test(the_table_can_be_printed),
    };

    return cmocka_run_group_tests_name("route_prometheus", tests, NULL, NULL);
}
