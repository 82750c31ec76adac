#pragma once

#include "listener/pending.h"

/* The pending file as it lies on the disk; pending.c and pending_file.c alone look at it. */
struct pending_header {
    char magic[16];
    uint32_t version, slot_size, slots, batch_size, addresses, file_size;
};

struct pending_file {
    struct pending_header header;
    struct address_sets sets;
    struct batch batch;
    struct slot slots[PENDING_SLOTS];
};

/* Opens or makes it, locks and maps it; *FD holds the lock.  Errors as of pending_open(). */
struct pending_file *pending_file_open(const char *path, int *fd, char error[PENDING_ERROR_SIZE]);
void pending_file_close(struct pending_file *file, int fd);
