/* test_place.c - one supervisor a folder, and the folder keeps its id. */
#include "supervisor/place.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void
a_folder_is_one_supervisors_and_keeps_its_id(void **state)
{
    char path[] = "/tmp/place-XXXXXX", folder[64], file[96], fault[512];
    struct place one, other;
    char id[IDENT_UUID_SIZE];

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(folder, sizeof folder, "%s/made", path);
    snprintf(file, sizeof file, "%s/supervisor.id", folder);
    assert_true(place_open(folder, &one, fault, sizeof fault));
    assert_true(ident_is_uuid(one.id));
    assert_false(place_open(folder, &other, fault, sizeof fault));
    assert_non_null(strstr(fault, "Another training-supervisor"));
    strcpy(id, one.id);
    place_close(&one);
    assert_true(place_open(folder, &one, fault, sizeof fault));
    assert_string_equal(one.id, id);
    assert_int_equal(pwrite(one.lock_fd, "x", 1, 0), 1); /* spoilt: it gets another one */
    place_close(&one);
    assert_true(place_open(folder, &one, fault, sizeof fault));
    assert_string_not_equal(one.id, id);
    assert_true(ident_is_uuid(one.id));
    place_close(&one);
    unlink(file);
    rmdir(folder);
    rmdir(path);
}

static void
a_folder_that_cannot_be_used_is_named(void **state)
{
    struct place place;
    char fault[512];

    (void)state;
    assert_false(place_open("/nowhere/at/all", &place, fault, sizeof fault));
    assert_non_null(strstr(fault, "/nowhere/at/all/supervisor.id"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_one_supervisors_and_keeps_its_id),
        cmocka_unit_test(a_folder_that_cannot_be_used_is_named),
    };

    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
