/*
 * Sends datagrams from many addresses over loopback at a steady rate:
 *
 *   datagrams-send ADDRESS PORT RATE COUNT SOURCES <LINES
 *
 * LINES are the datagrams of one kernel, each after its size in two bytes (this machine's order).
 * Each source, fd66:: and its number, sends them one after the other and then again; neighbours are
 * one line apart.  One socket sends for all, since a socket may name a source that nobody has
 * (IPV6_FREEBIND, IPV6_PKTINFO): use it in a network without a way out.
 *
 * It prints the rate that it reached.  What it is late with by more than LATE_NS, since the machine
 * let it wait, it does not make up for in a burst: that would no longer be the steady rate.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH     64
#define LINES_MAX 4096
#define LINE_SIZE 2048
#define SECOND_NS INT64_C(1000000000)
#define LATE_NS   (SECOND_NS / 100)

static struct iovec lines[LINES_MAX];
static size_t line_count;

static struct mmsghdr messages[BATCH];
static _Alignas(struct cmsghdr) char controls[BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];

static void read_lines(void)
{
    uint16_t size;
    while (fread(&size, sizeof(size), 1, stdin) == 1) {
        char *line = malloc(LINE_SIZE);
        if (line_count == LINES_MAX || size > LINE_SIZE || !line ||
            fread(line, 1, size, stdin) != size)
            errx(1, "standard input: at most %d lines of %d bytes", LINES_MAX, LINE_SIZE);
        lines[line_count++] = (struct iovec){ line, size };
    }
    if (line_count == 0)
        errx(1, "standard input: no lines");
}

static int open_socket(const char *address, const char *port)
{
    int on = 1, fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port)) };
    if (inet_pton(AF_INET6, address, &to.sin6_addr) != 1)
        errx(2, "%s is not an IPv6 address", address);
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        err(1, "cannot send to %s port %s", address, port);
    return fd;
}

static void prepare(void)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct cmsghdr *control = (struct cmsghdr *)controls[i];
        *control = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo)),
                                     .cmsg_level = IPPROTO_IPV6,
                                     .cmsg_type = IPV6_PKTINFO };
        messages[i].msg_hdr = (struct msghdr){ .msg_iovlen = 1,
                                               .msg_control = control,
                                               .msg_controllen = sizeof(controls[i]) };
    }
}

static void address(size_t i, uint64_t number, uint64_t sources)
{
    struct in6_pktinfo info = { .ipi6_addr.s6_addr = { 0xfd, 0x66 } };
    uint32_t source = htonl((uint32_t)(number % sources));
    memcpy(info.ipi6_addr.s6_addr + 12, &source, sizeof(source));
    memcpy(CMSG_DATA((struct cmsghdr *)controls[i]), &info, sizeof(info));
    messages[i].msg_hdr.msg_iov = &lines[(number / sources + number % sources) % line_count];
}

static void send_all(int fd, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        int now = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
        if (now < 0)
            err(1, "cannot send");
        sent += (size_t)now;
    }
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        errx(2, "usage: datagrams-send ADDRESS PORT RATE COUNT SOURCES <LINES");
    double rate = atof(argv[3]);
    uint64_t count = strtoull(argv[4], NULL, 10), sources = strtoull(argv[5], NULL, 10);
    if (rate <= 0 || count == 0 || sources == 0)
        errx(2, "RATE, COUNT and SOURCES are more than 0");
    read_lines();
    prepare();
    int fd = open_socket(argv[1], argv[2]);
    int64_t first = now_ns(), began = first;
    for (uint64_t sent = 0; sent < count;) {
        size_t some = count - sent < BATCH ? (size_t)(count - sent) : BATCH;
        for (size_t i = 0; i < some; i++)
            address(i, sent + i, sources);
        int64_t due = began + (int64_t)((double)sent / rate * SECOND_NS);
        int64_t late = now_ns() - due;
        if (late > LATE_NS)
            began += late;
        struct timespec until = { due / SECOND_NS, due % SECOND_NS };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        send_all(fd, some);
        sent += some;
    }
    printf("%.0f\n", (double)count * SECOND_NS / (double)(now_ns() - first));
    return 0;
}
