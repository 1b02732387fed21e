/* test_ident.c - UUIDs and words. */
#include "base/ident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
a_uuid_has_its_form_in_any_case(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"123e4567-e89b-12d3-a456-426614174000", true},
        {"123E4567-E89B-12D3-A456-426614174000", true},
        {"00000000-0000-0000-0000-000000000000", true},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", true},
        {"", false},
        {"123e4567-e89b-12d3-a456-42661417400", false},
        {"123e4567-e89b-12d3-a456-4266141740000", false},
        {"123e4567-e89b-12d3-a456-42661417400g", false},
        {"123e4567e89b12d3a456426614174000", false},
        {"123e4567-e89b-12d3-a4564-26614174000", false},
        {"{123e4567-e89b-12d3-a456-42661417400}", false},
        {"urn:uuid:123e4567-e89b-12d3-a456-426614174000", false},
        {" 123e4567-e89b-12d3-a456-426614174000", false},
        {"123e4567-e89b-12d3-a456-426614174000\n", false},
        {"----------------------------------- ", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (ident_is_uuid(cases[i].text) != cases[i].is)
            fail_msg("%s", cases[i].text);
}

static void
a_new_uuid_is_random_version_4_in_lower_case(void **state)
{
    static char made[1000][IDENT_UUID_SIZE];

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        ident_new_uuid(made[i]);
        assert_int_equal(strlen(made[i]), 36);
        assert_true(ident_is_uuid(made[i]));
        assert_int_equal(made[i][14], '4');
        assert_non_null(strchr("89ab", made[i][19]));
        assert_int_equal(strspn(made[i], "0123456789abcdef-"), 36);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(made[i], made[j]);
    }
}

static void
a_word_holds_only_what_it_may(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *also;
        bool is;
    } cases[] = {
        {"a", 1, "", true},
        {"aZ09", 4, "", true},
        {"a.b_c-d", 7, "._-", true},
        {"train/loss", 64, "/", true},
        {"", 4, "", false},
        {"aaaaa", 4, "", false},
        {"a b", 9, "._-", false},
        {"a.b", 9, "_-", false},
        {"\xC3\xA9", 9, "._-", false},
        {"a\n", 9, "._-", false},
        {"@", 9, "", false},
        {"[", 9, "", false},
        {"`", 9, "", false},
        {"{", 9, "", false},
        {"/", 9, "", false},
        {":", 9, "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (ident_is_word(cases[i].text, cases[i].max, cases[i].also) != cases[i].is)
            fail_msg("%s", cases[i].text);
}

static void
only_ascii_letters_become_lower_case(void **state)
{
    char text[] = "AZaz09-@[`{\xC3\x89";

    (void)state;
    ident_lower(text);
    assert_string_equal(text, "azaz09-@[`{\xC3\x89");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_has_its_form_in_any_case),
        cmocka_unit_test(a_new_uuid_is_random_version_4_in_lower_case),
        cmocka_unit_test(a_word_holds_only_what_it_may),
        cmocka_unit_test(only_ascii_letters_become_lower_case),
    };

    return cmocka_run_group_tests_name("ident", tests, NULL, NULL);
}
