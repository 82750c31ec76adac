#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* What tells that a file is another one than it was: a rename over it changes the inode. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

#define FILE_MAX (1024 * 1024)

bool file_stamp_read(const char *path, struct file_stamp *stamp);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/* The whole of a regular file of at most FILE_MAX bytes, NUL-terminated, the caller's to free.
 * NULL with *WHY when it cannot be had: "Permission denied", "is a directory". */
char *file_read(const char *path, size_t *size, struct file_stamp *stamp, const char **why);
