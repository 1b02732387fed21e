/* test_output.c - what a trainer prints is kept in a file that stays bounded. */
#include "supervisor/output.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct folder {
    char path[64], log[96], aside[100];
};

static int
make_folder(void **state)
{
    static struct folder folder;

    strcpy(folder.path, "/tmp/output-XXXXXX");
    if (mkdtemp(folder.path) == NULL)
        return -1;
    snprintf(folder.log, sizeof folder.log, "%s/trainer.log", folder.path);
    snprintf(folder.aside, sizeof folder.aside, "%s.1", folder.log);
    *state = &folder;
    return 0;
}

static int
remove_folder(void **state)
{
    const struct folder *folder = *state;

    unlink(folder->log);
    unlink(folder->aside);
    return rmdir(folder->path);
}

static int64_t
size_of(const char *path)
{
    struct stat file;

    return stat(path, &file) == 0 ? file.st_size : -1;
}

static void
notes_go_to_the_file_and_output_to_both(void **state)
{
    const struct folder *folder = *state;
    struct output *output = output_new(folder->log, 4096);

    output_note(output, "job");
    output_add(output, "one\ntwo", 7);
    output_free(output);
    assert_int_equal(size_of(folder->log), 4 + 7);
    output = output_new(folder->log, 4096); /* goes on where it was */
    output_add(output, "\nthree\n", 7);
    assert_int_equal(size_of(folder->log), 4 + 7 + 7);
    assert_int_equal(job_lines_kept(&output->lines), 2);
    assert_string_equal(job_lines_line(&output->lines, 1), "three");
    output_free(output);
}

static void
a_flood_stays_bounded(void **state)
{
    const struct folder *folder = *state;
    struct output *output = output_new(folder->log, 4096);
    char text[1000];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    for (int i = 0; i < 1000; i++)
        output_add(output, text, sizeof text);
    assert_in_range(size_of(folder->log), 1, 4096);
    assert_int_equal(size_of(folder->aside), 4000);
    assert_int_equal(output->lines.count, 1000);
    output_free(output);
}

static void
a_file_that_cannot_be_written_stops_nothing(void **state)
{
    struct output *output = output_new("/nowhere/trainer.log", 4096);

    (void)state;
    output_note(output, "job");
    output_add(output, "one\n", 4);
    assert_string_equal(job_lines_line(&output->lines, 0), "one");
    output_free(output);
    output = output_new("/dev/full", 4096);
    output_add(output, "one\n", 4);
    output_add(output, "two\n", 4);
    assert_int_equal(job_lines_kept(&output->lines), 2);
    output_free(output);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(notes_go_to_the_file_and_output_to_both, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_flood_stays_bounded, make_folder, remove_folder),
        cmocka_unit_test(a_file_that_cannot_be_written_stops_nothing),
    };

    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
