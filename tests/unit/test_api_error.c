/* test_api_error.c - how a failure is told. */
#include "base/api_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <locale.h>

static void
the_catalogue_gives_status_code_and_sentence(void **state)
{
    static const struct {
        enum api_error_id id;
        int status;
        const char *code;
        int retry_after_s;
    } cases[] = {
        {API_BODY_NOT_JSON, 400, "body_not_json", 0},
        {API_KEY_MISSING, 401, "key_missing", 0},
        {API_KEY_WRONG, 401, "key_wrong", 0},
        {API_SESSION_OVER, 401, "session_over", 0},
        {API_SCOPE_MISSING, 403, "scope_missing", 0},
        {API_ROUTE_NOT_FOUND, 404, "route_not_found", 0},
        {API_RUN_NOT_FOUND, 404, "run_not_found", 0},
        {API_METHOD_NOT_ALLOWED, 405, "method_not_allowed", 0},
        {API_RUN_DIFFERS, 409, "run_differs", 0},
        {API_BODY_TOO_LARGE, 413, "body_too_large", 0},
        {API_BODY_NOT_JSON_TYPE, 415, "unsupported_media_type", 0},
        {API_ENCODING_UNKNOWN, 415, "unsupported_content_encoding", 0},
        {API_FIELD_INVALID, 422, "validation_failed", 0},
        {API_RATE_LIMITED, 429, "rate_limited", 1},
        {API_INTERNAL, 500, "internal", 0},
        {API_STORE_UNAVAILABLE, 503, "store_unavailable", 1},
        {API_STORE_BUSY, 503, "store_busy", 1},
        {API_STORE_FULL, 507, "store_full", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct api_error err = {.id = API_OK};

        assert_false(api_fail(&err, cases[i].id, NULL));
        assert_int_equal(err.id, cases[i].id);
        assert_int_equal(err.status, cases[i].status);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.retry_after_s, cases[i].retry_after_s);
        assert_true(strlen(err.message) > 10);
        assert_int_equal(err.message[strlen(err.message) - 1], '.');
        assert_string_not_equal(api_status_phrase(err.status), "Error");
    }
}

static void
a_sentence_of_ones_own_replaces_the_catalogues(void **state)
{
    struct api_error err = {.id = API_OK};

    (void)state;
    api_fail(&err, API_INTERNAL, "The %s sent no path, %d.", "gateway", 7);
    assert_string_equal(err.message, "The gateway sent no path, 7.");
}

static void
every_fault_is_kept_and_the_first_is_the_sentence(void **state)
{
    struct api_error err = {.id = API_OK};

    (void)state;
    assert_false(api_fault(&err, "run_id", "must be %s", "a word"));
    assert_false(api_fault(&err, "config", "must be an object"));
    assert_int_equal(err.status, 422);
    assert_int_equal(err.fault_count, 2);
    assert_string_equal(err.message, "run_id: must be a word");
    assert_string_equal(err.faults[0].field, "run_id");
    assert_string_equal(err.faults[0].message, "must be a word");
    assert_string_equal(err.faults[1].field, "config");
}

static void
a_fault_of_the_whole_body_names_no_field(void **state)
{
    struct api_error err = {.id = API_OK};

    (void)state;
    assert_false(api_fault(&err, "", "the body must be an object"));
    assert_string_equal(err.message, "the body must be an object");
    assert_string_equal(err.faults[0].field, "");
}

static void
faults_beyond_sixty_four_are_only_counted(void **state)
{
    struct api_error err = {.id = API_OK};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char field[32];

        snprintf(field, sizeof field, "episodes[%d]", i);
        api_fault(&err, field, "is fault %d", i);
    }
    assert_int_equal(err.fault_count, 1000);
    assert_string_equal(err.faults[0].field, "episodes[0]");
    assert_string_equal(err.faults[63].field, "episodes[63]");
    assert_string_equal(err.faults[63].message, "is fault 63");
    assert_string_equal(err.message, "episodes[0]: is fault 0");
}

/* Is it whole UTF-8, by the C library's reading? */
static bool
is_utf8(const char *text)
{
    mbstate_t shift = {0};

    return mbsrtowcs(NULL, &(const char *){text}, 0, &shift) != (size_t)-1;
}

static void
a_long_text_is_cut_between_characters(void **state)
{
    static const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "a"};

    (void)state;
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t c = 0; c < 4; c++)
        for (int shift = 0; shift < 5; shift++)
            for (int count = 10; count < 300; count += c == 3 ? 29 : 1) {
                struct api_error err = {.id = API_OK};
                char text[1400] = "";

                for (int i = 0; i < shift; i++)
                    strcat(text, "x");
                for (int i = 0; i < count; i++)
                    strcat(text, characters[c]);
                api_fault(&err, text, "%s", text);
                assert_true(is_utf8(err.faults[0].field));
                assert_true(is_utf8(err.faults[0].message));
                assert_true(is_utf8(err.message));
                assert_memory_equal(err.faults[0].field, text, strlen(err.faults[0].field));
                if (strlen(text) < sizeof err.faults[0].field - 1)
                    assert_string_equal(err.faults[0].field, text);
                else /* no more than one character is lost */
                    assert_true(strlen(err.faults[0].field) >= sizeof err.faults[0].field - 5);
                api_fail(&err, API_INTERNAL, "%s", text);
                assert_true(is_utf8(err.message));
            }
}

static void
a_status_has_its_phrase(void **state)
{
    (void)state;
    assert_string_equal(api_status_phrase(200), "OK");
    assert_string_equal(api_status_phrase(404), "Not Found");
    assert_string_equal(api_status_phrase(422), "Unprocessable Content");
    assert_string_equal(api_status_phrase(299), "Error");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_gives_status_code_and_sentence),
        cmocka_unit_test(a_sentence_of_ones_own_replaces_the_catalogues),
        cmocka_unit_test(every_fault_is_kept_and_the_first_is_the_sentence),
        cmocka_unit_test(a_fault_of_the_whole_body_names_no_field),
        cmocka_unit_test(faults_beyond_sixty_four_are_only_counted),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_status_has_its_phrase),
    };

    return cmocka_run_group_tests_name("api_error", tests, NULL, NULL);
}
