/* test_scenario.c - a scenario's description, and which files of a folder are scenarios. */
#include "supervisor/scenario.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_top_level_description_is_found(void **state)
{
    static const struct {
        const char *yaml, *description; /* NULL: no scenario */
    } cases[] = {
        {"description: A couple\nincome: 3200\n", "A couple"},
        {"income: 3200\ndescription: 'A: b'\n", "A: b"},
        {"# c\n---\ndescription: >\n  two\n  lines\nx: 1\n", "two lines"},
        {"description: |\n  two\n  lines\n", "two lines"},
        {"{\"description\": \"\\u00e9\"}", "\xc3\xa9"},
        {"inner:\n  description: no\nlist: [description, no]\n", ""},
        {"? {description: no}\n: x\ndescription: yes\n", "yes"},
        {"a: description\nb: no\n", ""},
        {"description:\n  - no\n", ""},
        {"a: &x 1\nb: *x\ndescription: after an alias\n", "after an alias"},
        {"*x: 1\n", ""},
        {"income: 3200\n", ""},
        {"", NULL},
        {"- description\n", NULL},
        {"description", NULL},
        {"a: [\n", NULL},
        {"\tx", NULL},
        {"description: \"\\x00\"\n", ""},
        {"\xff\xfe\xff", NULL},
    };
    char description[SCENARIO_DESCRIPTION_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool good = scenario_description(cases[i].yaml, strlen(cases[i].yaml), description);

        if (good != (cases[i].description != NULL))
            fail_msg("%s: %d", cases[i].yaml, good);
        if (good)
            assert_string_equal(description, cases[i].description);
    }
}

static void
a_long_description_is_cut_between_characters(void **state)
{
    char yaml[2000] = "description: x", description[SCENARIO_DESCRIPTION_MAX + 1];

    (void)state;
    for (int i = 0; i < 500; i++)
        strcat(yaml, "\xc3\xa9");
    assert_true(scenario_description(yaml, strlen(yaml), description));
    assert_int_equal(strlen(description), SCENARIO_DESCRIPTION_MAX - 1); /* x and 249 of them */
}

struct folder {
    char path[64];
    int fd;
};

static void
put(const struct folder *folder, const char *name, const char *text, size_t size)
{
    const int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd != -1);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

static int
make_folder(void **state)
{
    static struct folder folder;

    strcpy(folder.path, "/tmp/scenario-XXXXXX");
    if (mkdtemp(folder.path) == NULL)
        return -1;
    folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY);
    *state = &folder;
    return 0;
}

static int
remove_folder(void **state)
{
    const struct folder *folder = *state;
    DIR *files = opendir(folder->path);
    const struct dirent *file;

    while (files != NULL && (file = readdir(files)) != NULL)
        if (unlinkat(folder->fd, file->d_name, 0) == -1)
            unlinkat(folder->fd, file->d_name, AT_REMOVEDIR);
    closedir(files);
    close(folder->fd);
    return rmdir(folder->path);
}

static void
only_scenarios_are_listed_by_name(void **state)
{
    static char large[SCENARIO_FILE_MAX + 1];
    static struct scenario_list list;
    const struct folder *folder = *state;

    memset(large, '#', sizeof large);
    memcpy(large, "description: large\n", 19);
    put(folder, "zeta.yaml", "description: z\n", 15);
    put(folder, "alpha.yaml", "income: 1\n", 10);
    put(folder, "almost.yaml", large, SCENARIO_FILE_MAX);
    put(folder, "large.yaml", large, SCENARIO_FILE_MAX + 1);
    put(folder, "notes.txt", "description: no\n", 16);
    put(folder, "list.yaml", "- a\n", 4);
    put(folder, "-x.yaml", "description: no\n", 16);
    put(folder, "a b.yaml", "description: no\n", 16);
    put(folder, ".yaml", "description: no\n", 16);
    assert_int_equal(mkdirat(folder->fd, "folder.yaml", 0700), 0);
    assert_int_equal(mkfifoat(folder->fd, "fifo.yaml", 0600), 0); /* would block who opens it */
    scenario_list_read(folder->path, &list);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].name, "almost");
    assert_string_equal(list.items[0].description, "large");
    assert_string_equal(list.items[1].name, "alpha");
    assert_string_equal(list.items[1].description, "");
    assert_string_equal(list.items[2].name, "zeta");
    assert_true(scenario_list_has(&list, "zeta"));
    assert_false(scenario_list_has(&list, "zet"));
}

static void
there_are_at_most_so_many(void **state)
{
    static struct scenario_list list;
    const struct folder *folder = *state;
    char name[32];

    for (int i = 0; i < SCENARIOS_MAX + 3; i++) {
        snprintf(name, sizeof name, "s%d.yaml", i);
        put(folder, name, "a: 1\n", 5);
    }
    scenario_list_read(folder->path, &list);
    assert_int_equal(list.count, SCENARIOS_MAX);
    scenario_list_read("/nowhere", &list);
    assert_int_equal(list.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_top_level_description_is_found),
        cmocka_unit_test(a_long_description_is_cut_between_characters),
        cmocka_unit_test_setup_teardown(only_scenarios_are_listed_by_name, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(there_are_at_most_so_many, make_folder, remove_folder),
    };

    return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
