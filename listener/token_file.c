#include "listener/token_file.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "listener/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MAX_READ (8 << 20) /* TOKENS_MAX lines, the longest that there are */

/* What tells that it is another file, or may be read by others. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    mode_t mode;
    struct timespec written, changed;
};

struct token_file {
    const char *path;
    struct tokens *tokens;
    struct identity identity; /* of what was read last, or could not be used */
    uint64_t looked_us;
};

static bool fail(char error[TOKEN_FILE_ERROR_SIZE], const char *path, const char *what)
{
    snprintf(error, TOKEN_FILE_ERROR_SIZE, "%s: %s", path, what);
    return false;
}

static bool is_private(const struct stat *status, const char *path,
                       char error[TOKEN_FILE_ERROR_SIZE])
{
    if (!S_ISREG(status->st_mode))
        return fail(error, path, "is not a regular file");
    if (status->st_mode & (S_IRWXG | S_IRWXO))
        return fail(error, path, "is open to its group or to others; chmod 0600 it");
    if (status->st_size > SIZE_MAX_READ)
        return fail(error, path, "is larger than 8 MiB");
    return true;
}

static struct tokens *parse(struct span text, const char *path, char error[TOKEN_FILE_ERROR_SIZE])
{
    size_t line;
    const char *why;
    struct tokens *tokens = tokens_parse(text, &line, &why);
    if (!tokens && line > 0)
        snprintf(error, TOKEN_FILE_ERROR_SIZE, "%s, line %zu: %s", path, line, why);
    else if (!tokens)
        fail(error, path, why);
    return tokens;
}

/* At most as much as it had when it was looked at; no copy of it stays in memory. */
static struct tokens *read_all(int fd, size_t size, const char *path,
                               char error[TOKEN_FILE_ERROR_SIZE])
{
    char *bytes = xmalloc(size + 1);
    size_t used = 0;
    ssize_t got = 0;
    while (used < size && (got = read(fd, bytes + used, size - used)) > 0)
        used += (size_t)got;
    struct tokens *tokens = NULL;
    if (got < 0)
        fail(error, path, strerror(errno));
    else
        tokens = parse((struct span){ bytes, used }, path, error);
    explicit_bzero(bytes, size);
    free(bytes);
    return tokens;
}

static struct tokens *read_tokens(const char *path, char error[TOKEN_FILE_ERROR_SIZE])
{
    struct stat status;
    struct tokens *tokens = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0)
        fail(error, path, strerror(errno));
    else if (is_private(&status, path, error))
        tokens = read_all(fd, (size_t)status.st_size, path, error);
    if (fd >= 0)
        close(fd);
    return tokens;
}

/* All zero when there is none. */
static struct identity identify(const char *path)
{
    struct stat status;
    struct identity identity;
    memset(&identity, 0, sizeof(identity)); /* with its gaps: compared as bytes */
    if (stat(path, &status) != 0)
        return identity;
    identity.device = status.st_dev;
    identity.inode = status.st_ino;
    identity.size = status.st_size;
    identity.mode = status.st_mode;
    identity.written = status.st_mtim;
    identity.changed = status.st_ctim;
    return identity;
}

struct token_file *token_file_open(const char *path, char error[TOKEN_FILE_ERROR_SIZE])
{
    struct identity identity = identify(path);
    struct tokens *tokens = read_tokens(path, error);
    if (!tokens)
        return NULL;
    struct token_file *file = xcalloc(1, sizeof(*file));
    file->path = path;
    file->tokens = tokens;
    file->identity = identity;
    return file;
}

void token_file_free(struct token_file *file)
{
    tokens_free(file->tokens);
    free(file);
}

static void read_again(struct token_file *file, uint64_t now_us)
{
    if (now_us - file->looked_us < US_PER_SECOND)
        return;
    file->looked_us = now_us;
    struct identity identity = identify(file->path);
    if (memcmp(&identity, &file->identity, sizeof(identity)) == 0)
        return;
    file->identity = identity;
    char error[TOKEN_FILE_ERROR_SIZE];
    struct tokens *tokens = read_tokens(file->path, error);
    if (!tokens) {
        log_error("%s; the tokens that were read before stay good", error);
        return;
    }
    tokens_free(file->tokens);
    file->tokens = tokens;
    log_notice("%s: tokens read again", file->path);
}

bool token_file_accepts(struct token_file *file, struct span dictionary, uint64_t now_us)
{
    read_again(file, now_us);
    return tokens_accept(file->tokens, dictionary);
}
