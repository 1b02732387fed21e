/* scenario.h - the scenarios of a folder: NAME.yaml, a mapping with a `description`. */
#ifndef SUPERVISOR_SCENARIO_H
#define SUPERVISOR_SCENARIO_H

#include "store/store_supervisor.h"

#define SCENARIO_FILE_MAX 65536 /* bytes; a larger file is no scenario */

struct scenario_list {
    struct scenario items[SCENARIOS_MAX];
    size_t count;
};

/*
 * Read the folder into *list, by name. A file that is no scenario is left out and logged; so is a
 * folder that cannot be read, which leaves the list empty.
 */
void scenario_list_read(const char *folder, struct scenario_list *list);

bool scenario_list_has(const struct scenario_list *list, const char *name);

/*
 * The top-level `description` of a YAML text, on one line, into description (cut at its size), ""
 * when it has none. False when the text is not YAML, or no mapping.
 */
bool scenario_description(const char *text, size_t size,
                          char description[SCENARIO_DESCRIPTION_MAX + 1]);

#endif
