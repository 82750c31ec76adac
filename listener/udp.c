#include "listener/udp.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A panic storm is many datagrams at once: the kernel's queue (128 MiB where we may have it) holds
 * what comes while we work, recvmmsg takes up to 512 at a time, and after four calls the loop
 * turns, so that acknowledgements and timers get their share.
 *
 * A flood is more than that.  When 8 MiB wait, or a smaller queue is half full, only who may be a
 * Node is let into the rest (door.h) until it has all but emptied: so what a flood from anywhere
 * makes the kernel lose is the flood's own, and no panic waits long behind it.  The kernel counts
 * what is not let in as it counts what finds no room.
 *
 * Nothing of a batch may be lost by a kill: the kernel writes it into the pending file, and the
 * lengths are zeroed only when all of it was handled.  A restart handles the batch again; panics
 * in it get the same ids, so that is harmless.  For the same reason a batch whose datagrams cannot
 * be taken (all Node slots are full) stays where it is, and nothing more is read; and one that
 * holds parts of a panic that is not whole yet stays, what comes next is read in behind it.
 */
#define SOCKETS_MAX    16
#define CALLS_A_WAKEUP 4
#define RECEIVE_BUFFER (128 << 20)
#define ANYBODYS_MAX   (8 << 20)

struct udp_socket {
    int fd;
    struct event *readable;
    uint32_t drops; /* as SO_MEMINFO last told */
    bool narrow;    /* not everybody is let in */
    struct udp *udp;
};

struct udp {
    struct event_base *base;
    struct batch *batch;
    const struct udp_handler *handler;
    void *arg;
    struct udp_socket sockets[SOCKETS_MAX];
    size_t count;
    struct event *timer;
    size_t at, end; /* what of the batch is still to be handled; before: perhaps again */
    bool restoring; /* it is the batch of the listener before us */
};

static void arm(struct batch *batch, size_t i)
{
    /* Before anything else, for the compiler too: what is half armed is not offered again. */
    __atomic_store_n(&batch->headers[i].msg_len, 0, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    batch->vectors[i] = (struct iovec){ batch->datagrams[i], NETCONSOLE_DATAGRAM_MAX };
    batch->headers[i] = (struct mmsghdr){
        .msg_hdr = { .msg_name = &batch->names[i],
                     .msg_namelen = sizeof(batch->names[i]),
                     .msg_iov = &batch->vectors[i],
                     .msg_iovlen = 1,
                     .msg_control = batch->control[i],
                     .msg_controllen = sizeof(batch->control[i]) },
    };
}

static uint64_t arrival(const struct batch *batch, size_t i)
{
    /* Not CMSG_FIRSTHDR: after a restart the header's pointers are another process's. */
    const struct cmsghdr *control = (const struct cmsghdr *)batch->control[i];
    if (batch->headers[i].msg_hdr.msg_controllen < CMSG_LEN(sizeof(struct timespec)) ||
        control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
        return clock_wall_us();
    struct timespec time;
    memcpy(&time, CMSG_DATA(control), sizeof(time));
    return (uint64_t)time.tv_sec * US_PER_SECOND + (uint64_t)time.tv_nsec / 1000;
}

static bool offer(struct udp *udp, size_t i)
{
    const struct batch *batch = udp->batch;
    size_t size = batch->headers[i].msg_len;
    struct datagram datagram = {
        .bytes = { batch->datagrams[i],
                   size < NETCONSOLE_DATAGRAM_MAX ? size : NETCONSOLE_DATAGRAM_MAX },
        .oversized = batch->headers[i].msg_hdr.msg_flags & MSG_TRUNC,
        .received_us = arrival(batch, i),
    };
    if (!address_of_sockaddr(&batch->names[i], &datagram.source, &datagram.port))
        return true;
    return udp->handler->datagram(udp->arg, &datagram);
}

void udp_settle(struct udp *udp)
{
    if (udp->at < udp->end)
        return;
    for (size_t i = 0; i < udp->end; i++)
        arm(udp->batch, i);
    udp->at = udp->end = 0;
}

/* Handles the batch from where it is; false when a datagram was refused. */
static bool handle(struct udp *udp)
{
    for (; udp->at < udp->end; udp->at++) {
        bool nothing = udp->restoring && udp->batch->headers[udp->at].msg_len == 0;
        if (!nothing && !offer(udp, udp->at))
            return false;
    }
    udp->restoring = false;
    if (udp->end == PENDING_BATCH || !udp->handler->unsettled(udp->arg))
        udp_settle(udp);
    return true;
}

static bool look_at(const struct udp_socket *socket, uint32_t info[SK_MEMINFO_VARS])
{
    socklen_t size = SK_MEMINFO_VARS * sizeof(info[0]);
    return getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0;
}

static void open_door(int fd)
{
    int none = 0;
    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
}

static void mind_the_door(struct udp_socket *socket)
{
    uint32_t info[SK_MEMINFO_VARS];
    struct sock_fprog program;
    if (!look_at(socket, info))
        return;
    uint32_t used = info[SK_MEMINFO_RMEM_ALLOC], half = info[SK_MEMINFO_RCVBUF] / 2;
    uint32_t anybodys = half < ANYBODYS_MAX ? half : ANYBODYS_MAX;
    if (!socket->narrow && used > anybodys &&
        socket->udp->handler->narrow(socket->udp->arg, &program)) {
        socket->narrow =
            setsockopt(socket->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
    } else if (socket->narrow && used < anybodys / 8) {
        open_door(socket->fd);
        socket->narrow = false;
    }
}

/* Whether there may be more. */
static bool receive(struct udp_socket *socket)
{
    struct udp *udp = socket->udp;
    int room = (int)(PENDING_BATCH - udp->end);
    int count =
        recvmmsg(socket->fd, udp->batch->headers + udp->end, (unsigned)room, MSG_DONTWAIT, NULL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
        log_error("cannot receive: %s", strerror(errno));
    if (count <= 0)
        return false;
    udp->end += (size_t)count;
    if (!handle(udp)) {
        udp_stop(udp);
        return false;
    }
    return count == room;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct udp_socket *socket = arg;
    (void)fd, (void)what;
    bool more = true;
    for (int call = 0; call < CALLS_A_WAKEUP && more; call++) {
        mind_the_door(socket);
        more = receive(socket);
    }
    mind_the_door(socket);
}

static void count_drops(struct udp_socket *socket)
{
    uint32_t info[SK_MEMINFO_VARS];
    struct udp *udp = socket->udp;
    if (!look_at(socket, info) || info[SK_MEMINFO_DROPS] == socket->drops)
        return;
    udp->handler->dropped(udp->arg, (uint32_t)(info[SK_MEMINFO_DROPS] - socket->drops));
    socket->drops = info[SK_MEMINFO_DROPS];
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    struct udp *udp = arg;
    (void)fd, (void)what;
    for (size_t i = 0; i < udp->count; i++) {
        mind_the_door(&udp->sockets[i]);
        count_drops(&udp->sockets[i]);
    }
}

struct udp *udp_new(struct event_base *base, struct batch *batch, const struct udp_handler *handler,
                    void *arg)
{
    struct udp *udp = xcalloc(1, sizeof(*udp));
    udp->base = base;
    udp->batch = batch;
    udp->handler = handler;
    udp->arg = arg;
    udp->timer = event_new(base, -1, EV_PERSIST, on_second, udp);
    return udp;
}

void udp_free(struct udp *udp)
{
    for (size_t i = 0; i < udp->count; i++) {
        event_free(udp->sockets[i].readable);
        close(udp->sockets[i].fd);
    }
    event_free(udp->timer);
    free(udp);
}

/* With privilege the size asked for, without it what net.core.rmem_max allows.  A socket that was
 * passed keeps the size that its unit asked for: without privilege we could only make it less. */
static void enlarge_queue(int fd)
{
    int size = RECEIVE_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

bool udp_take(struct udp *udp, int fd)
{
    if (udp->count == SOCKETS_MAX) {
        log_error("more than %d sockets to listen on", SOCKETS_MAX);
        return false;
    }
    int type = 0, on = 1;
    socklen_t size = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_DGRAM) {
        log_error("descriptor %d is not a UDP socket", fd);
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    open_door(fd); /* a socket of systemd's may be as a killed listener left it */
    struct udp_socket *socket = &udp->sockets[udp->count];
    *socket = (struct udp_socket){ .fd = fd, .udp = udp };
    socket->readable = event_new(udp->base, fd, EV_READ | EV_PERSIST, on_readable, socket);
    udp->count++;
    return true;
}

bool udp_listen(struct udp *udp, const char *endpoint)
{
    struct sockaddr_storage name;
    socklen_t size = address_parse_endpoint(endpoint, &name);
    int on = 1, fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* One socket a family, so that 0.0.0.0 and [::] can both be listened on. */
    bool bound = fd >= 0 &&
                 (name.ss_family != AF_INET6 ||
                  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
                 bind(fd, (const struct sockaddr *)&name, size) == 0;
    if (!bound)
        log_error("cannot listen on %s: %s", endpoint, strerror(errno));
    if (bound && udp_take(udp, fd)) {
        enlarge_queue(fd);
        log_notice("listening on %s", endpoint);
        return true;
    }
    if (fd >= 0)
        close(fd);
    return false;
}

bool udp_restore(struct udp *udp)
{
    udp->restoring = true;
    udp->end = PENDING_BATCH;
    while (udp->end > 0 && udp->batch->headers[udp->end - 1].msg_len == 0)
        arm(udp->batch, --udp->end);
    return handle(udp);
}

void udp_start(struct udp *udp)
{
    for (size_t i = 0; i < udp->count; i++)
        event_add(udp->sockets[i].readable, NULL);
    event_add(udp->timer, &(struct timeval){ .tv_sec = 1 });
}

void udp_stop(struct udp *udp)
{
    for (size_t i = 0; i < udp->count; i++) {
        event_del(udp->sockets[i].readable);
        count_drops(&udp->sockets[i]);
    }
}

bool udp_resume(struct udp *udp)
{
    return handle(udp);
}
