/*
 * The least that a receiver can do: a bare recvmmsg loop that counts, and looks at nothing.
 *
 *   datagrams-count PORT
 *
 * Socket, size of the queue and of a batch are as the listener's; the loop waits in the call.  It
 * says "ready", and at SIGTERM how many came.
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER (8 << 20)
#define BATCH          512
#define DATAGRAM_MAX   1024

static volatile sig_atomic_t ended;

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_storage names[BATCH];
static char datagrams[BATCH][DATAGRAM_MAX];

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static int open_socket(const char *port)
{
    int size = RECEIVE_BUFFER, fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 name = { .sin6_family = AF_INET6,
                                 .sin6_port = htons((uint16_t)atoi(port)) };
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
        err(1, "cannot listen on port %s", port);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return fd;
}

/* The call has written into what it used. */
static void arm(int used)
{
    for (int i = 0; i < used; i++) {
        vectors[i] = (struct iovec){ datagrams[i], DATAGRAM_MAX };
        messages[i].msg_hdr = (struct msghdr){ .msg_name = &names[i],
                                               .msg_namelen = sizeof(names[i]),
                                               .msg_iov = &vectors[i],
                                               .msg_iovlen = 1 };
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "usage: datagrams-count PORT");
    int fd = open_socket(argv[1]);
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGTERM, &action, NULL);
    puts("ready");
    fflush(stdout);
    uint64_t count = 0;
    for (int used = BATCH; !ended;) {
        arm(used);
        used = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (used < 0 && errno != EINTR)
            err(1, "cannot receive");
        count += used > 0 ? (uint64_t)used : 0;
    }
    printf("%llu\n", (unsigned long long)count);
    return 0;
}
