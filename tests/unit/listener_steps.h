#pragma once

#include "listener/pending_file.h"

#include "tests/unit/listener_world.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/*
 * A kill at every instruction.  A child stores into the pending file, and is stepped through it by
 * ptrace(2); whenever a step has changed a byte of what it works on, that is what a kill would
 * leave: it goes into a copy of the file, which is opened as a restart would.  What is found there
 * must be as before or as after, and once it is as after it must stay so.
 *
 * (Under valgrind, where a step is one of valgrind's own, only the end is looked at.)
 */
static char copy[80];
static size_t states;

static void setup_copy(void)
{
    setup();
    snprintf(copy, sizeof(copy), "%s/copy", folder);
    states = 0;
}

static void teardown_copy(void)
{
    unlink(copy);
    teardown();
}

static void copy_file(void)
{
    char command[256];
    snprintf(command, sizeof(command), "cp --sparse=always %s %s", file, copy);
    ck_assert_int_eq(system(command), 0);
}

static struct pending *open_copy(void)
{
    char error[PENDING_ERROR_SIZE];
    struct pending *opened = pending_open(copy, error);
    ck_assert_msg(opened != NULL, "%s", error);
    return opened;
}

/* The parts of the file that a child works on, as they are and as the copy has them. */
struct watched {
    struct part {
        const char *bytes;
        char *known;
        size_t at, size;
    } parts[2];
    size_t count;
    int copy;
};

static void watch_too(struct watched *watched, size_t at, size_t size)
{
    int fd = open(file, O_RDONLY);
    size_t page = at / 4096 * 4096;
    const char *map = mmap(NULL, at - page + size, PROT_READ, MAP_SHARED, fd, (off_t)page);
    ck_assert_ptr_ne(map, MAP_FAILED);
    close(fd);
    struct part *part = &watched->parts[watched->count++];
    *part = (struct part){ map + (at - page), malloc(size), at, size };
    memcpy(part->known, part->bytes, size);
}

static void watch(struct watched *watched, size_t at, size_t size)
{
    copy_file();
    *watched = (struct watched){ .copy = open(copy, O_WRONLY) };
    watch_too(watched, at, size);
}

/* Whether the step changed something; then the copy has it too. */
static bool has_changed(struct watched *watched)
{
    bool changed = false;
    for (size_t i = 0; i < watched->count; i++) {
        struct part *part = &watched->parts[i];
        if (memcmp(part->bytes, part->known, part->size) == 0)
            continue;
        memcpy(part->known, part->bytes, part->size);
        ck_assert_int_eq(pwrite(watched->copy, part->known, part->size, (off_t)part->at),
                         (ssize_t)part->size);
        changed = true;
    }
    states += changed;
    return changed;
}

static bool can_step(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return !preloaded || !strstr(preloaded, "vgpreload");
}

/* Returns in the child alone, where what follows up to end_child() is stepped through; CHECK says
 * whether the copy is as after. */
static bool in_child(struct watched *watched, bool (*is_after)(void))
{
    pid_t child = fork();
    if (child == 0) {
        if (can_step()) {
            ptrace(PTRACE_TRACEME, 0, NULL, NULL);
            raise(SIGSTOP);
        }
        return true;
    }
    int status;
    bool after = false;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    while (WIFSTOPPED(status)) {
        if (has_changed(watched)) {
            bool now = is_after();
            ck_assert_msg(now || !after, "state %zu is as before again", states);
            after = now;
        }
        ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
    }
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child: status %d", status);
    has_changed(watched);
    ck_assert(is_after());
    ck_assert_msg(!can_step() || states > 20, "only %zu states were seen", states);
    for (size_t i = 0; i < watched->count; i++)
        free(watched->parts[i].known);
    close(watched->copy);
    return false;
}

static void end_child(void)
{
    _exit(0);
}
