/*
 * place.h - the supervisor's own folder. One supervisor at a time holds it, so whoever holds it
 * knows that the one before is dead; and it keeps an id, by which the database knows the place.
 */
#ifndef SUPERVISOR_PLACE_H
#define SUPERVISOR_PLACE_H

#include "base/ident.h"

#include <stdbool.h>
#include <stddef.h>

struct place {
    char id[IDENT_UUID_SIZE];
    int lock_fd; /* the lock is held until the process ends */
};

/*
 * Lock the folder, which is made if need be, and read its id, or give it one. False with a sentence
 * in fault when another supervisor holds it, or it cannot be written.
 */
bool place_open(const char *folder, struct place *place, char *fault, size_t fault_size);

void place_close(struct place *place);

#endif
