/* test_http_etag.c - tags, lists of tags, 304. */
#include "http/http_etag.h"

#include "base/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fakes/memory_wire.h"

static void
a_list_names_a_tag_weak_or_strong(void **state)
{
    static const struct {
        const char *list;
        bool matches;
    } cases[] = {
        {"\"a\"", true},
        {"W/\"a\"", true},
        {"*", true},
        {" * ", true},
        {"\"b\", \"a\"", true},
        {"W/\"b\",W/\"a\"", true},
        {",, \"a\"", true},
        {"\"x,\\\" , \"a\"", true},
        {"\"b\"\"a\"", true},
        {"", false},
        {" ", false},
        {"a", false},
        {"\"a", false},
        {"a\"", false},
        {"\"aa\"", false},
        {"\"\"", false},
        {"\"A\"", false},
        {"w/\"a\"", false},
        {"W/ \"a\"", false},
        {"W/a", false},
        {"\"*\"", false},
        {"\"b\" x \"a\"", false},
        {"\"b\", *", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (http_etag_matches(cases[i].list, "a") != cases[i].matches)
            fail_msg("%s", cases[i].list);
}

/* An answer to a request, with a body of so many bytes; the text on the wire. */
static void
answer(struct memory_wire *wire, struct http_request *req, int status, size_t size)
{
    struct http_reply reply;
    struct call call = {.req = req, .reply = &reply};

    memory_wire_init(wire);
    http_reply_init(&reply, &wire->wire);
    (void)http_reply_json(&reply, status);
    http_reply_header(&reply, "X-Total-Count", "3");
    for (size_t i = 0; i < size; i++)
        out_char(&reply.out, 'x');
    http_etag_settle(&call);
    assert_true(http_reply_finish(&reply));
    http_reply_clear(&reply);
}

static void
a_whole_answer_is_tagged_by_its_bytes(void **state)
{
    static const struct {
        enum http_method method;
        int status;
        size_t size;
        bool tagged;
    } cases[] = {
        {HTTP_GET, 200, 0, true},
        {HTTP_GET, 200, 100, true},
        {HTTP_GET, 200, HTTP_REPLY_BUFFER_SIZE, true},
        {HTTP_GET, 200, HTTP_REPLY_BUFFER_SIZE + 1, false}, /* on the wire already */
        {HTTP_GET, 404, 100, false},
        {HTTP_POST, 200, 100, false},
        {HTTP_PATCH, 200, 100, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_request req = {.method = cases[i].method};
        struct memory_wire wire;

        answer(&wire, &req, cases[i].status, cases[i].size);
        if ((strstr(wire.text, "ETag: W/\"") != NULL) != cases[i].tagged)
            fail_msg("case %zu", i);
        assert_int_equal(strlen(memory_wire_body(&wire)), cases[i].size);
        memory_wire_clear(&wire);
    }
}

static void
who_has_it_gets_304_without_body_but_with_its_headers(void **state)
{
    struct http_request req = {.method = HTTP_GET, .if_none_match = "*"};
    struct memory_wire wire;

    (void)state;
    answer(&wire, &req, 200, 100);
    assert_memory_equal(wire.text, "Status: 304 Not Modified\r\nX-Total-Count: 3\r\nETag: W/\"",
                        52);
    assert_string_equal(memory_wire_body(&wire), "");
    assert_null(strstr(wire.text, "Content-"));
    memory_wire_clear(&wire);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_names_a_tag_weak_or_strong),
        cmocka_unit_test(a_whole_answer_is_tagged_by_its_bytes),
        cmocka_unit_test(who_has_it_gets_304_without_body_but_with_its_headers),
    };

    return cmocka_run_group_tests_name("http_etag", tests, NULL, NULL);
}
