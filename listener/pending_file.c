#include "listener/pending_file.h"

#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The header holds everything that the layout depends on.  A file whose header is not exactly ours
 * is somebody else's, or of another version: it is refused and left alone, for it may hold panics
 * that its owner still has to deliver.  A new file therefore gets its name only when it is whole.
 */
#define PENDING_VERSION 1

static const struct pending_header our_header = {
    .magic = "lastgasp pending",
    .version = PENDING_VERSION,
    .slot_size = sizeof(struct slot),
    .slots = PENDING_SLOTS,
    .batch_size = sizeof(struct batch),
    .addresses = PENDING_ADDRESSES,
    .file_size = sizeof(struct pending_file),
};

static bool fail(char error[PENDING_ERROR_SIZE], const char *path, const char *what)
{
    if (what)
        snprintf(error, PENDING_ERROR_SIZE, "%s: %s", path, what);
    else
        snprintf(error, PENDING_ERROR_SIZE, "%s: %s", path, strerror(errno));
    return false;
}

static bool is_ours(int fd, const char *path, char error[PENDING_ERROR_SIZE])
{
    struct pending_header header;
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return fail(error, path, NULL);
    if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header.magic, our_header.magic, sizeof(header.magic)) != 0)
        return fail(error, path, "is not a pending file of lastgasp-listener; left as it is");
    if (memcmp(&header, &our_header, sizeof(header)) != 0 ||
        stat.st_size != (off_t)sizeof(struct pending_file))
        return fail(error, path,
                    "is a pending file of another version of lastgasp-listener; left as it is "
                    "(let that version deliver what is in it, or name another file)");
    return true;
}

static bool lock(int fd, const char *path, char error[PENDING_ERROR_SIZE])
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    return fail(error, path, errno == EWOULDBLOCK ? "another listener has it open" : NULL);
}

/* Blocks, not a hole: a full file system is found out now and not by SIGBUS in a panic. */
static bool fill(int fd, const char *path, char error[PENDING_ERROR_SIZE])
{
    if (ftruncate(fd, 0) != 0)
        return fail(error, path, NULL);
    errno = posix_fallocate(fd, 0, sizeof(struct pending_file));
    if (errno != 0)
        return fail(error, path, NULL);
    if (pwrite(fd, &our_header, sizeof(our_header), 0) != (ssize_t)sizeof(our_header))
        return fail(error, path, NULL);
    return true;
}

static int make(const char *path, char error[PENDING_ERROR_SIZE])
{
    char *new = xasprintf("%s.new", path);
    int fd = open(new, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool made = fd >= 0 ? lock(fd, new, error) : fail(error, new, NULL);
    if (made) {
        made = fill(fd, new, error);
        if (made && link(new, path) != 0)
            made = fail(error, path, NULL);
        unlink(new);
    }
    free(new);
    if (!made && fd >= 0)
        close(fd);
    return made ? fd : -1;
}

static int open_or_make(const char *path, char error[PENDING_ERROR_SIZE])
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return make(path, error);
    if (fd < 0) {
        fail(error, path, NULL);
        return -1;
    }
    if (lock(fd, path, error) && is_ours(fd, path, error))
        return fd;
    close(fd);
    return -1;
}

bool pending_check(const char *path, char error[PENDING_ERROR_SIZE])
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fail(error, path, NULL);
    bool ours = is_ours(fd, path, error);
    close(fd);
    return ours;
}

static bool is_sound_slot(const struct slot *slot)
{
    static const unsigned details[] = {
        [SLOT_PANIC] = PROOF_SILENT_OOPS,
        [SLOT_HALT] = HALT_RESTARTING,
        [SLOT_DRILL] = 0,
        [SLOT_LATE] = 0,
    };
    return slot->kind <= SLOT_LATE && slot->detail <= details[slot->kind] &&
           slot->reason_code <= REASON_HALT && slot->size <= sizeof(slot->datagram) &&
           slot->offset < slot->size && slot->stands_for_others <= 1 &&
           memchr(slot->id, '\0', sizeof(slot->id)) &&
           memchr(slot->reason, '\0', sizeof(slot->reason));
}

/* Nothing of ours writes other values; whoever did, may know what the panics in it were. */
static bool is_sound(const struct pending_file *file)
{
    const struct address_sets *sets = &file->sets;
    if (sets->current > 1 || sets->count[0] > PENDING_ADDRESSES ||
        sets->count[1] > PENDING_ADDRESSES)
        return false;
    for (uint32_t i = 0; i < PENDING_SLOTS; i++)
        if (file->slots[i].state == SLOT_PENDING && !is_sound_slot(&file->slots[i]))
            return false;
    return true;
}

static struct pending_file *map(int fd, const char *path, char error[PENDING_ERROR_SIZE])
{
    struct pending_file *file =
        mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED) {
        fail(error, path, NULL);
        return NULL;
    }
    madvise(file, sizeof(*file), MADV_DONTDUMP); /* there may be tokens in it */
    if (is_sound(file))
        return file;
    fail(error, path, "is damaged; left as it is");
    munmap(file, sizeof(*file));
    return NULL;
}

struct pending_file *pending_file_open(const char *path, int *fd, char error[PENDING_ERROR_SIZE])
{
    *fd = open_or_make(path, error);
    if (*fd < 0)
        return NULL;
    struct pending_file *file = map(*fd, path, error);
    if (!file)
        close(*fd);
    return file;
}

void pending_file_close(struct pending_file *file, int fd)
{
    munmap(file, sizeof(*file));
    close(fd);
}
