/* test_http_inflate.c - compressed bodies, whole, cut, damaged and swollen. */
#include "http/http_inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MOST ((size_t)100000)

/* gzip of size bytes of text; the caller frees it. */
static char *
gzip(const char *text, size_t size, size_t *made)
{
    const size_t room = size + size / 100 + 100;
    char *to = malloc(room);
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text,
                       .avail_in = (uInt)size,
                       .next_out = (unsigned char *)to,
                       .avail_out = (uInt)room};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, 0), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *made = room - stream.avail_out;
    deflateEnd(&stream);
    return to;
}

/* Inflate in pieces of so many bytes. The text, or NULL with *err; the caller frees it. */
static char *
inflated(const char *bytes, size_t size, size_t piece, size_t max, size_t *made,
         struct api_error *err)
{
    struct http_inflate *gz = http_inflate_new(max);
    char *text = NULL;
    bool good = true;

    *err = (struct api_error){.id = API_OK};
    for (size_t at = 0; good && at < size; at += piece)
        good = http_inflate_feed(gz, bytes + at, size - at < piece ? size - at : piece, err);
    if (good)
        text = http_inflate_take(gz, made, err);
    http_inflate_free(gz);
    return text;
}

static char *
some_text(size_t size)
{
    char *text = malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i * i % 23);
    text[size] = '\0';
    return text;
}

static void
what_was_compressed_comes_back_up_to_the_limit(void **state)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32768, MOST - 1, MOST, MOST + 1};
    static const size_t pieces[] = {1, 7, 100, SIZE_MAX};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            char *text = some_text(sizes[s]);
            size_t size, made = 0;
            char *bytes = gzip(text, sizes[s], &size);
            struct api_error err;
            char *again = inflated(bytes, size, pieces[p], MOST, &made, &err);

            if (sizes[s] > MOST) {
                assert_null(again);
                assert_string_equal(err.code, "body_too_large");
            } else {
                assert_int_equal(made, sizes[s]);
                assert_memory_equal(again, text, made + 1);
            }
            free(again);
            free(bytes);
            free(text);
        }
}

static void
a_bomb_is_refused_before_it_goes_off(void **state)
{
    const size_t large = (size_t)64 << 20;
    char *zeros = calloc(large, 1);
    size_t size, made;
    char *bytes = gzip(zeros, large, &size);
    struct http_inflate *gz = http_inflate_new(1024);
    struct api_error err = {.id = API_OK};

    (void)state;
    assert_true(size < large / 500);
    assert_false(http_inflate_feed(gz, bytes, 1000, &err)); /* its first bytes suffice */
    assert_int_equal(err.status, 413);
    http_inflate_free(gz);
    assert_null(inflated(bytes, size, 1, 1024, &made, &err));
    assert_int_equal(err.status, 413);
    free(bytes);
    free(zeros);
}

static void
no_cut_and_no_damage_changes_the_text(void **state)
{
    size_t size, made;
    char *bytes = gzip("{\"a\":1,\"b\":[1,2,3]}", 19, &size);
    struct api_error err;

    (void)state;
    for (size_t cut = 1; cut < size; cut++) {
        assert_null(inflated(bytes, cut, 3, MOST, &made, &err));
        assert_string_equal(err.code, "body_not_gzip");
    }
    for (size_t at = 0; at < size; at++) {
        char *text;

        if (at >= 3 && at <= 9)
            continue; /* flags, time, system: not covered by the check sum (RFC 1952, 2.3) */
        bytes[at] = (char)(bytes[at] ^ 0x20);
        text = inflated(bytes, size, 3, MOST, &made, &err);
        if (text != NULL) /* a bit that only pads */
            assert_string_equal(text, "{\"a\":1,\"b\":[1,2,3]}");
        else
            assert_string_equal(err.code, "body_not_gzip");
        free(text);
        bytes[at] = (char)(bytes[at] ^ 0x20);
    }
    free(bytes);
}

static void
members_in_a_row_are_one_text_and_anything_else_after_them_is_not(void **state)
{
    size_t first_size, second_size, made;
    char *first = gzip("{\"a\":", 5, &first_size);
    char *second = gzip("1}", 2, &second_size);
    char both[512];
    struct api_error err;
    char *text;

    (void)state;
    memcpy(both, first, first_size);
    memcpy(both + first_size, second, second_size);
    for (size_t piece = 1; piece < 40; piece++) {
        text = inflated(both, first_size + second_size, piece, MOST, &made, &err);
        assert_string_equal(text, "{\"a\":1}");
        free(text);
        assert_null(inflated(both, first_size + second_size - 1, piece, MOST, &made, &err));
        assert_null(inflated(both, first_size + second_size, piece, 6, &made, &err));
        assert_int_equal(err.status, 413);
        both[first_size + second_size] = 'x';
        assert_null(inflated(both, first_size + second_size + 1, piece, MOST, &made, &err));
        assert_string_equal(err.code, "body_not_gzip");
    }
    free(first);
    free(second);
}

static void
other_formats_are_none(void **state)
{
    static const char *const texts[] = {"{\"a\":1}", "x", "\x78\x9c\x03", "PK\x03\x04", "\x1f\x8c"};
    struct api_error err;
    size_t made;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_null(inflated(texts[i], strlen(texts[i]), 2, MOST, &made, &err));
        assert_string_equal(err.code, "body_not_gzip");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_compressed_comes_back_up_to_the_limit),
        cmocka_unit_test(a_bomb_is_refused_before_it_goes_off),
        cmocka_unit_test(no_cut_and_no_damage_changes_the_text),
        cmocka_unit_test(members_in_a_row_are_one_text_and_anything_else_after_them_is_not),
        cmocka_unit_test(other_formats_are_none),
    };

    return cmocka_run_group_tests_name("http_inflate", tests, NULL, NULL);
}
