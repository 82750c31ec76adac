#include "common/log.h"
#include "listener/listener.h"
#include "listener/pending.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Beside a listener that runs, so it binds nothing and locks nothing. */
static bool correlator_answers(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(name.sun_path)) {
        log_error("%s: too long for a socket's path (%zu bytes at most)", path,
                  sizeof(name.sun_path) - 1);
        return false;
    }
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0;
    if (!answers)
        log_error("the correlator at %s does not answer: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return answers;
}

bool listener_check(const struct listener_settings *settings)
{
    char error[PENDING_ERROR_SIZE];
    bool usable = pending_check(settings->pending, error);
    if (!usable)
        log_error("%s", error);
    bool readable = !settings->replay || access(settings->replay, R_OK) == 0;
    if (!readable)
        log_error("cannot read %s: %s", settings->replay, strerror(errno));
    bool good = correlator_answers(settings->to) && usable && readable;
    if (good)
        log_notice("options, pending file and correlator are fine");
    return good;
}
