/*
 * Runs one fuzz target over every file of the folders that are named: what a fuzzer once found, or
 * was started from, stays a test where there is no libFuzzer.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/target.h"

/* The bytes are in a block of exactly their size, so that a sanitizer sees one read too many. */
static void replay_file(int folder, const char *name)
{
    struct stat status;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        err(EXIT_FAILURE, "%s", name);
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (!bytes || read(file, bytes, size) != (ssize_t)size)
        err(EXIT_FAILURE, "%s", name);
    close(file);
    printf("%s\n", name);
    fflush(stdout);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

static size_t replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        err(EXIT_FAILURE, "%s", path);
    size_t files = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        replay_file(dirfd(folder), entry->d_name);
        files++;
    }
    closedir(folder);
    return files;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i]) == 0)
            errx(EXIT_FAILURE, "%s: no file", argv[i]);
    }
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
