#include "actuator/incidents_internal.h"

#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

/*
 * DIR/lock is held by whoever works in DIR, and says who that is: 16 random digits, written once.
 * A process that starts again here has the same identity and knows, by the lock, that the former
 * one is dead; so it may go on with a ledger that is held in that name.
 */
#define DIGITS 16

/* A name that cannot be stored is a new one after the next start, which costs it a wait. */
static bool make_digits(int fd, char digits[DIGITS + 1])
{
    unsigned char random[DIGITS / 2];

    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(digits + 2 * i, 3, "%02x", random[i]);
    if (pwrite(fd, digits, DIGITS, 0) != DIGITS)
        (void)!ftruncate(fd, 0);
    return true;
}

static bool name_ourselves(struct incidents *incidents)
{
    char host[64] = "", digits[DIGITS + 1] = "";

    if (pread(incidents->lock, digits, DIGITS, 0) != DIGITS ||
        strspn(digits, "0123456789abcdef") != DIGITS) {
        if (!make_digits(incidents->lock, digits))
            return false;
    }
    if (gethostname(host, sizeof(host) - 1) != 0)
        strcpy(host, "lastgasp");
    snprintf(incidents->identity, sizeof(incidents->identity), "%s-%s", host, digits);
    return true;
}

bool incidents_lock(struct incidents *incidents, const char *dir, char error[INCIDENTS_ERROR_SIZE])
{
    char *path = xasprintf("%s/lock", dir);

    incidents->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool taken = incidents->lock >= 0 && flock(incidents->lock, LOCK_EX | LOCK_NB) == 0 &&
                 name_ourselves(incidents);
    if (!taken)
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", path,
                 errno == EWOULDBLOCK ? "another actuator works in this state directory"
                                      : strerror(errno));
    free(path);
    return taken;
}

const char *incidents_identity(const struct incidents *incidents)
{
    return incidents->identity;
}
