#include "common/channel_internal.h"

#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 16

bool socket_address(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path), most = sizeof(address->sun_path) - 1;

    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (length == 0 || length > most) {
        log_error("the socket path '%s' has %zu bytes; it must have 1 to %zu", path, length, most);
        return false;
    }
    memcpy(address->sun_path, path, length);
    return true;
}

static evutil_socket_t new_socket(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

evutil_socket_t socket_connect(const struct sockaddr_un *address)
{
    evutil_socket_t fd = new_socket();

    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* By umask, so that the socket is at no moment open to more than its mode says. */
static int bind_quietly(evutil_socket_t fd, const struct sockaddr_un *address, mode_t mode)
{
    mode_t before = umask(0777 & ~mode);
    int bound = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    int error = errno;

    umask(before);
    errno = error;
    return bound;
}

/* Removes the socket of a stage that was killed; what is anything else stays. */
static bool remove_stale(const struct sockaddr_un *address)
{
    struct stat file;

    if (lstat(address->sun_path, &file) == 0 && !S_ISSOCK(file.st_mode)) {
        log_error("cannot make the socket %s: a file that is no socket is there",
                  address->sun_path);
        return false;
    }
    evutil_socket_t fd = socket_connect(address);
    if (fd < 0 && errno == ECONNREFUSED && unlink(address->sun_path) == 0)
        return true;
    if (fd >= 0 || errno == EAGAIN || errno == EPROTOTYPE)
        log_error("cannot make the socket %s: another process answers there", address->sun_path);
    else
        log_error("cannot replace the socket %s: %s", address->sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

evutil_socket_t socket_listen(const struct sockaddr_un *address, mode_t mode, struct stat *file)
{
    evutil_socket_t fd = new_socket();

    if (fd >= 0) {
        int bound = bind_quietly(fd, address, mode);
        if (bound < 0 && errno == EADDRINUSE) {
            if (!remove_stale(address)) {
                close(fd);
                return -1;
            }
            bound = bind_quietly(fd, address, mode);
        }
        if (bound == 0 && listen(fd, BACKLOG) == 0 && lstat(address->sun_path, file) == 0)
            return fd;
    }
    log_error("cannot make the socket %s: %s", address->sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void socket_remove(const struct sockaddr_un *address, const struct stat *file)
{
    struct stat now;

    if (lstat(address->sun_path, &now) == 0 && now.st_dev == file->st_dev &&
        now.st_ino == file->st_ino && unlink(address->sun_path) < 0)
        log_warning("cannot remove the socket %s: %s", address->sun_path, strerror(errno));
}
