/* place.c - locks the supervisor's folder and keeps its id. Called by main.c. Next: supervisor.c.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "supervisor.id"

/* The id in the file, or a new one written to it. False, with errno, when that fails. */
static bool
read_id(int fd, char id[IDENT_UUID_SIZE])
{
    const ssize_t size = pread(fd, id, IDENT_UUID_SIZE - 1, 0);

    if (size < 0)
        return false;
    id[size] = '\0';
    if (ident_is_uuid(id))
        return true;
    ident_new_uuid(id);
    return ftruncate(fd, 0) == 0 && pwrite(fd, id, IDENT_UUID_SIZE - 1, 0) == IDENT_UUID_SIZE - 1 &&
           fsync(fd) == 0;
}

/*
 * flock is held by the open file, so a keeper must close its copy (keeper.c), lest it outlive the
 * supervisor's.
 */
bool
place_open(const char *folder, struct place *place, char *fault, size_t fault_size)
{
    char path[PATH_MAX];
    int why;

    mkdir(folder, 0750);
    snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    place->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (place->lock_fd != -1 && flock(place->lock_fd, LOCK_EX | LOCK_NB) == 0 &&
        read_id(place->lock_fd, place->id))
        return true;
    why = errno;
    if (why == EWOULDBLOCK)
        snprintf(fault, fault_size,
                 "Another training-supervisor has the folder %s: stop it first, or set "
                 "TRAINING_SUPERVISOR_FOLDER to another one.",
                 folder);
    else
        snprintf(fault, fault_size, "The file %s cannot be used: %s.", path, strerror(why));
    if (place->lock_fd != -1)
        close(place->lock_fd);
    return false;
}

void
place_close(struct place *place)
{
    close(place->lock_fd);
}
