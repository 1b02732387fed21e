/* listen.h - the socket that nginx connects to: our own, or the one that systemd passed on. */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

/* Whose socket it is, for the sentences of a failure. */
struct listen_owner {
    const char *program; /* "training-api" */
    const char *setting; /* that names the path: "TRAINING_API_SOCKET" */
};

struct listener {
    int fd;           /* non-blocking, close-on-exec */
    int lock_fd;      /* held as long as this process lives, or -1 */
    const char *path; /* our own socket file, or NULL when systemd keeps it; borrowed */
};

/*
 * Take systemd's socket (LISTEN_FDS and LISTEN_PID), else make one at path, mode 0660. The file
 * of a server that died is replaced. False, with a sentence in fault, when a server lives there.
 */
bool listen_open(const char *path, const struct listen_owner *owner, struct listener *listener,
                 char *fault, size_t fault_size);

/*
 * Let nobody connect any more: our own socket's file goes away. Connections that wait already
 * can still be accepted.
 */
void listen_hide(struct listener *listener);

/* Hide, then close. */
void listen_close(struct listener *listener);

#endif
