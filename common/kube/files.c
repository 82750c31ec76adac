#include "common/kube/files.h"

#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct file_stamp stamp_of(const struct stat *status)
{
    return (struct file_stamp){ .device = status->st_dev,
                                .inode = status->st_ino,
                                .size = status->st_size,
                                .changed = status->st_mtim };
}

bool file_stamp_read(const char *path, struct file_stamp *stamp)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return false;
    *stamp = stamp_of(&status);
    return true;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* One byte more than MAX is asked for, to see a file that grew since it was looked at. */
static ssize_t read_up_to(int fd, char *bytes, size_t max)
{
    size_t size = 0;
    while (size <= max) {
        ssize_t got = read(fd, bytes + size, max + 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

static char *read_open_file(int fd, size_t *size, struct file_stamp *stamp, const char **why)
{
    struct stat status;
    if (fstat(fd, &status) < 0) {
        *why = strerror(errno);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        *why = S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file";
        return NULL;
    }
    if (status.st_size > FILE_MAX) {
        *why = "is larger than 1 MiB";
        return NULL;
    }
    char *bytes = xmalloc((size_t)status.st_size + 2);
    ssize_t got = read_up_to(fd, bytes, (size_t)status.st_size);
    if (got < 0 || got > status.st_size) {
        *why = got < 0 ? strerror(errno) : "grew while it was read";
        free(bytes);
        return NULL;
    }
    bytes[got] = '\0';
    *size = (size_t)got;
    *stamp = stamp_of(&status);
    return bytes;
}

char *file_read(const char *path, size_t *size, struct file_stamp *stamp, const char **why)
{
    /* O_NONBLOCK: a named pipe must not stop the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        *why = strerror(errno);
        return NULL;
    }
    char *bytes = read_open_file(fd, size, stamp, why);
    close(fd);
    return bytes;
}
