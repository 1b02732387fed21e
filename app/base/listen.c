/*
 * listen.c - opens the listening socket. Called by api/main.c, live/main.c.
 * Next: api/master.c, live/live_server.c.
 */
#include "base/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096       /* connections that wait to be served; the kernel may allow fewer */
#define SYSTEMD_FD 3       /* sd_listen_fds(3): the first passed descriptor */
#define LEAVE_TRIES 20     /* how often to look whether the workers of a killed server are gone */
#define LEAVE_PAUSE_MS 100 /* between two looks */

/* Always false, so that a caller can `return complain(...)`. */
__attribute__((format(printf, 3, 4))) static bool
complain(char *fault, size_t fault_size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(fault, fault_size, fmt, args);
    va_end(args);
    return false;
}

static bool
is_listening(int fd)
{
    int yes = 0;
    socklen_t size = sizeof yes;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

/* Non-blocking, because several workers race for each connection and all but one find nothing. */
static bool
set_flags(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* Did systemd start us with a socket? sd_listen_fds(3): the variables must name our own pid. */
static bool
has_systemd_socket(void)
{
    const char *pid = getenv("LISTEN_PID");

    return getenv("LISTEN_FDS") != NULL && pid != NULL && strtol(pid, NULL, 10) == (long)getpid();
}

static bool
take_systemd_socket(const struct listen_owner *owner, struct listener *listener, char *fault,
                    size_t fault_size)
{
    const long count = strtol(getenv("LISTEN_FDS"), NULL, 10);

    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    if (count != 1)
        return complain(fault, fault_size, "systemd passed %ld sockets; %s takes exactly one.",
                        count, owner->program);
    if (!is_listening(SYSTEMD_FD) || !set_flags(SYSTEMD_FD))
        return complain(fault, fault_size, "What systemd passed is not a listening socket.");
    *listener = (struct listener){.fd = SYSTEMD_FD, .lock_fd = -1};
    return true;
}

/*
 * Lock PATH.lock, so that of two servers started at once one is refused. A POSIX lock is not
 * inherited by fork and ends with the process: workers that outlive the master do not hold it.
 */
static bool
lock_path(const char *path, const struct listen_owner *owner, int *lock_fd, char *fault,
          size_t fault_size)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[128];

    snprintf(name, sizeof name, "%s.lock", path);
    *lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*lock_fd == -1)
        return complain(fault, fault_size, "The file %s cannot be made: %s.", name,
                        strerror(errno));
    if (fcntl(*lock_fd, F_SETLK, &lock) == 0)
        return true;
    complain(fault, fault_size,
             "Another %s listens at %s already: stop it first, or set %s to another path.",
             owner->program, path, owner->setting);
    close(*lock_fd);
    return false;
}

/* 0 when somebody answers at the address, else the errno of connect(2). */
static int
knock(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = 0;

    if (fd == -1)
        return errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == -1)
        rc = errno;
    close(fd);
    return rc == EAGAIN ? 0 : rc; /* EAGAIN: alive, its backlog is full */
}

/* Remove the socket file of a dead server. The workers of one just killed get time to leave. */
static bool
clear_path(const struct sockaddr_un *address, const struct listen_owner *owner, char *fault,
           size_t fault_size)
{
    const struct timespec pause = {.tv_nsec = LEAVE_PAUSE_MS * 1000000L};
    const char *path = address->sun_path;
    struct stat file;

    if (lstat(path, &file) == -1)
        return errno == ENOENT || complain(fault, fault_size, "The path %s cannot be read: %s.",
                                           path, strerror(errno));
    if (!S_ISSOCK(file.st_mode))
        return complain(fault, fault_size, "%s exists and is no socket: remove it.", path);
    for (int i = 0; knock(address) == 0; i++) {
        if (i == LEAVE_TRIES)
            return complain(fault, fault_size,
                            "Another program listens at %s already: stop it first, or set %s to "
                            "another path.",
                            path, owner->setting);
        nanosleep(&pause, NULL);
    }
    if (unlink(path) == -1 && errno != ENOENT)
        return complain(fault, fault_size, "The old socket %s cannot be removed: %s.", path,
                        strerror(errno));
    return true;
}

static bool
bind_path(const struct sockaddr_un *address, int *fd, char *fault, size_t fault_size)
{
    mode_t before;
    bool bound;

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd == -1)
        return complain(fault, fault_size, "No socket can be made: %s.", strerror(errno));
    before = umask(0117); /* 0660 from the first moment on */
    bound = bind(*fd, (const struct sockaddr *)address, sizeof *address) == 0;
    umask(before);
    if (bound && listen(*fd, BACKLOG) == 0)
        return true;
    complain(fault, fault_size, "The socket %s cannot be made: %s.", address->sun_path,
             strerror(errno));
    close(*fd);
    return false;
}

static bool
open_own_socket(const char *path, const struct listen_owner *owner, struct listener *listener,
                char *fault, size_t fault_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int lock_fd, fd;

    if (strlen(path) >= sizeof address.sun_path)
        return complain(fault, fault_size, "The socket's path is longer than %zu bytes: %s.",
                        sizeof address.sun_path - 1, path);
    memcpy(address.sun_path, path, strlen(path));
    if (!lock_path(path, owner, &lock_fd, fault, fault_size))
        return false;
    if (!clear_path(&address, owner, fault, fault_size) ||
        !bind_path(&address, &fd, fault, fault_size)) {
        close(lock_fd);
        return false;
    }
    *listener = (struct listener){.fd = fd, .lock_fd = lock_fd, .path = path};
    return true;
}

bool
listen_open(const char *path, const struct listen_owner *owner, struct listener *listener,
            char *fault, size_t fault_size)
{
    if (has_systemd_socket())
        return take_systemd_socket(owner, listener, fault, fault_size);
    return open_own_socket(path, owner, listener, fault, fault_size);
}

void
listen_hide(struct listener *listener)
{
    if (listener->path != NULL)
        unlink(listener->path);
    listener->path = NULL;
}

void
listen_close(struct listener *listener)
{
    listen_hide(listener);
    close(listener->fd);
    if (listener->lock_fd != -1)
        close(listener->lock_fd);
}
