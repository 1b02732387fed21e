/*
 * scenario.c - which scenarios there are. Called by supervisor.c. Next: store/store_supervisor.c,
 * which makes them known.
 */
#include "scenario.h"

#include "base/log.h"
#include "training/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define SUFFIX ".yaml"

/* ---- the text of one ---- */

/* Copy on one line: what is no printable character becomes a blank; UTF-8 is cut between two. */
static void
copy_line(const char *text, size_t size, char *line)
{
    size_t kept = size < SCENARIO_DESCRIPTION_MAX ? size : SCENARIO_DESCRIPTION_MAX;

    while (kept > 0 && kept < size && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    for (size_t i = 0; i < kept; i++)
        line[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    while (kept > 0 && line[kept - 1] == ' ')
        kept--;
    line[kept] = '\0';
}

/* The scalar's text when it is `name`. */
static bool
is_key(const yaml_event_t *event, const char *name)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == strlen(name) &&
           memcmp(event->data.scalar.value, name, strlen(name)) == 0;
}

/* How the nesting changes with an event. */
static int
step_of(yaml_event_type_t type)
{
    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
        return 1;
    return type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT ? -1 : 0;
}

/* A document being read, event by event. */
struct reading {
    int depth;
    bool mapping;   /* the document is one */
    bool at_key;    /* the next event at depth 1 is a key of it */
    bool described; /* the value that follows is the description */
    char *description;
};

static void
take_event(struct reading *reading, const yaml_event_t *event)
{
    const int step = step_of(event->type);

    if (reading->depth == 0 && event->type == YAML_MAPPING_START_EVENT) {
        reading->mapping = reading->at_key = true;
    } else if (reading->depth == 1 && step >= 0 &&
               (step > 0 || event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT)) {
        if (!reading->at_key && reading->described && event->type == YAML_SCALAR_EVENT)
            copy_line((const char *)event->data.scalar.value, event->data.scalar.length,
                      reading->description);
        reading->described = reading->at_key && is_key(event, "description");
        reading->at_key = !reading->at_key;
    }
    reading->depth += step;
}

bool
scenario_description(const char *text, size_t size, char description[SCENARIO_DESCRIPTION_MAX + 1])
{
    struct reading reading = {.description = description};
    yaml_parser_t parser;
    yaml_event_t event;
    bool good, ended = false;

    description[0] = '\0';
    if (!yaml_parser_initialize(&parser))
        return false;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    do {
        good = yaml_parser_parse(&parser, &event) == 1;
        if (!good)
            break;
        take_event(&reading, &event);
        ended = event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    } while (!ended);
    yaml_parser_delete(&parser);
    return good && reading.mapping;
}

/* ---- the folder ---- */

/* The whole file into text; -1 when it is no file that is small enough. */
static ssize_t
read_file(int folder, const char *name, char *text)
{
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat file;
    ssize_t size = -1;

    if (fd == -1)
        return -1;
    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size <= SCENARIO_FILE_MAX)
        size = pread(fd, text, SCENARIO_FILE_MAX, 0);
    close(fd);
    return size;
}

static void
add_file(struct scenario_list *list, int folder, const char *file, char *text)
{
    struct scenario *item = &list->items[list->count];
    const size_t size = strlen(file);
    ssize_t text_size;

    if (size <= strlen(SUFFIX) || strcmp(file + size - strlen(SUFFIX), SUFFIX) != 0)
        return;
    if (size - strlen(SUFFIX) > JOB_SCENARIO_MAX || list->count == SCENARIOS_MAX) {
        log_event(LOG_WARN, "scenario_left_out", LOG_TEXT("file", file));
        return;
    }
    snprintf(item->name, sizeof item->name, "%.*s", (int)(size - strlen(SUFFIX)), file);
    text_size = read_file(folder, file, text);
    if (!job_scenario_is_valid(item->name) || text_size < 0 ||
        !scenario_description(text, (size_t)text_size, item->description))
        log_event(LOG_WARN, "scenario_left_out", LOG_TEXT("file", file));
    else
        list->count++;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct scenario *)a)->name, ((const struct scenario *)b)->name);
}

void
scenario_list_read(const char *folder, struct scenario_list *list)
{
    char *text = malloc(SCENARIO_FILE_MAX);
    DIR *files = opendir(folder);
    const struct dirent *file;

    list->count = 0;
    if (files == NULL || text == NULL)
        log_event(LOG_ERROR, "scenarios_not_read", LOG_TEXT("why", strerror(errno)));
    while (files != NULL && text != NULL && (file = readdir(files)) != NULL)
        add_file(list, dirfd(files), file->d_name, text);
    if (files != NULL)
        closedir(files);
    free(text);
    qsort(list->items, list->count, sizeof list->items[0], by_name);
}

bool
scenario_list_has(const struct scenario_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}
