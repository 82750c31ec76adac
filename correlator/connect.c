#include "correlator/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t name_of(const struct address *address, uint16_t port,
                         struct sockaddr_storage *name)
{
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)name;
    struct sockaddr_in *four = (struct sockaddr_in *)name;
    struct in6_addr whole;
    memset(name, 0, sizeof(*name));
    memcpy(&whole, address->bytes, sizeof(whole));
    if (!IN6_IS_ADDR_V4MAPPED(&whole)) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        six->sin6_addr = whole;
        return sizeof(*six);
    }
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    memcpy(&four->sin_addr, address->bytes + 12, sizeof(four->sin_addr));
    return sizeof(*four);
}

int connect_begin(const struct address *address, uint16_t port)
{
    struct sockaddr_storage name;
    socklen_t size = name_of(address, port, &name);
    int fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (connect(fd, (struct sockaddr *)&name, size) == 0 || errno == EINPROGRESS)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}
