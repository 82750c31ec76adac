/*
 * How an edge works.
 *
 * A link is one connection; the client has one at a time, the server up to sixteen, and both sides
 * move packets by the code in this file.  Encoded records wait as lines in two buffers.  OUT is
 * what goes next: hello first, then acknowledgements and errors as they come.  When it runs low it
 * is topped up, first from the owner (`more`: the client's deliveries, the server's stream), then
 * from REST, the bounded buffer of best-effort records.  A packet is as many whole lines of OUT as
 * fit PACKET_TARGET, so whatever happened in one turn of the loop shares a system call.  The
 * socket is watched for room only while something waits, and a wake-up moves PACKETS_A_TURN
 * packets at most in each direction, so no peer starves another.
 *
 * What is guaranteed:
 * - A delivery is the client's until the peer's ack for its kind and id was read.  The link holds
 *   a copy of a few of them at most; when it ends, all that were sent wait again, in order.
 * - An ack or an error reaches the peer or the link ends: its buffer never loses a line, and a
 *   peer that lets OWED_MAX pile up is closed.  It connects again, sends again, and is told again.
 * - A packet is used when all of it is in order, or not at all.  Otherwise the peer is told why,
 *   nothing more is read from it, and it is closed once that is written, or after LINGER.
 * - A record may be seen twice, after a reconnect; that is why every delivery has an id.
 *
 * A link never vanishes under whoever uses it: every end is only noted (link_end), and the owner's
 * `closed` is called from the link's own event, as the last thing that touches it.
 *
 * Linux reports ECONNRESET once when the peer closed with unread data of ours, but what the peer
 * had sent is still there to be read (net/unix/af_unix.c, unix_release_sock).  A failed send does
 * not lose the peer's last words either: they are read before the link ends.
 */
#include "common/channel_internal.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PACKET_TARGET  8192 /* what socat takes without -b */
#define PACKETS_A_TURN 16
#define LAST_PACKETS   1024 /* of a peer that is gone; a bound, should it go on sending */
#define REST_MAX       (256 * 1024)
#define OWED_MAX       (2 * 1024 * 1024) /* an ack for each of the listener's slots, at once */
#define SEND_BUFFER    (256 * 1024)

static const struct timeval linger = { 1, 0 };

/* One packet or record on its way: nobody keeps a pointer into it. */
static char buffer[RECORD_PACKET_MAX];

static void put(struct evbuffer *lines, const struct record *record)
{
    evbuffer_add(lines, buffer, record_encode(record, buffer));
}

/* Stops reading; the write event sends what is left of OUT and then closes. */
static void link_end(struct link *link, enum link_end end, const char *why)
{
    if (link->end != LINK_OPEN)
        return;
    link->end = end;
    snprintf(link->why, sizeof(link->why), "%s", why);
    event_del(link->readable);
    event_add(link->writable, &linger);
}

static void link_reject(struct link *link, const char *why)
{
    put(link->out, &(struct record){ .kind = RECORD_ERROR,
                                     .error = { .of = RECORD_KINDS, .why = why } });
    link_end(link, LINK_GARBAGE, why);
}

/* packet_decode() has checked versions, those in a hello too; this is who says what to whom. */
static bool allowed(const struct link *link, const struct packet *packet,
                    char why[RECORD_WHY_SIZE])
{
    for (size_t i = 0; i < packet->count; i++) {
        const struct record *record = &packet->records[i];
        const struct record_type *type = &record_types[record->kind];

        if ((type->from & (1u << link->peer)) == 0 || (type->to & (1u << link->role)) == 0) {
            snprintf(why, RECORD_WHY_SIZE, "the %s may not send %s to the %s",
                     role_names[link->peer], type->name, role_names[link->role]);
            return false;
        }
        if (record->kind == RECORD_HELLO && record->hello.role != link->peer) {
            snprintf(why, RECORD_WHY_SIZE, "the %s expects the %s here, not the %s",
                     role_names[link->role], role_names[link->peer],
                     role_names[record->hello.role]);
            return false;
        }
    }
    return true;
}

static void use_packet(struct link *link, size_t size, bool cut)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE];

    if (cut)
        snprintf(why, sizeof(why), "a packet is longer than %d bytes", RECORD_PACKET_MAX);
    if (cut || !packet_decode(buffer, size, link->strict, &packet, why)) {
        link_reject(link, why);
        return;
    }
    if (allowed(link, &packet, why))
        link->handler->packet(link->arg, &packet);
    else
        link_reject(link, why);
    packet_free(&packet);
}

/* False when there is nothing more to read now. */
static bool receive(struct link *link)
{
    struct iovec part = { buffer, sizeof(buffer) };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t size;

    do
        size = recvmsg(link->fd, &message, MSG_DONTWAIT);
    while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0) {
        if (errno != EAGAIN)
            link_end(link, LINK_GONE, strerror(errno));
        return false;
    }
    if (size == 0)
        link_end(link, LINK_GONE, "it closed the connection");
    else
        use_packet(link, (size_t)size, (message.msg_flags & MSG_TRUNC) != 0);
    return link->end == LINK_OPEN && link->reading;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    for (int i = 0; i < PACKETS_A_TURN && receive(arg); i++)
        ;
}

static void move_line(struct link *link)
{
    struct evbuffer_ptr end = evbuffer_search_eol(link->rest, NULL, NULL, EVBUFFER_EOL_LF);

    evbuffer_remove_buffer(link->rest, link->out, (size_t)end.pos + 1);
    link->resting--;
}

static void top_up(struct link *link)
{
    struct record record;

    while (evbuffer_get_length(link->out) < PACKET_TARGET) {
        if (link->handler->more(link->arg, &record))
            put(link->out, &record);
        else if (link->resting > 0)
            move_line(link);
        else
            return;
    }
}

/* Copies whole lines up to PACKET_TARGET, or the first one when it is longer, to the buffer. */
static size_t next_packet(struct evbuffer *lines)
{
    size_t size = (size_t)evbuffer_copyout(lines, buffer, PACKET_TARGET);
    const char *end = memrchr(buffer, '\n', size);

    if (end == NULL) {
        size = (size_t)evbuffer_copyout(lines, buffer, sizeof(buffer));
        end = memchr(buffer, '\n', size);
    }
    return (size_t)(end - buffer) + 1;
}

/* The socket takes nothing any more: the peer's last words, then the end. */
static void link_lost(struct link *link, int error)
{
    for (int i = 0; i < LAST_PACKETS && link->end == LINK_OPEN && link->reading; i++) {
        if (!receive(link))
            break;
    }
    link_end(link, LINK_GONE, strerror(error));
}

enum sent { SENT_ONE, SENT_NO_ROOM, SENT_FAILED };

static enum sent send_bytes(evutil_socket_t fd, size_t size)
{
    struct iovec part = { buffer, size };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t sent;

    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_EOR);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return SENT_ONE;
    return errno == EAGAIN ? SENT_NO_ROOM : SENT_FAILED;
}

/* False when nothing more can be sent now. */
static bool send_next(struct link *link)
{
    if (link->end == LINK_OPEN)
        top_up(link);
    if (evbuffer_get_length(link->out) == 0) {
        event_del(link->writable);
        return false;
    }
    size_t size = next_packet(link->out);
    enum sent sent = send_bytes(link->fd, size);
    if (sent == SENT_ONE) {
        evbuffer_drain(link->out, size);
        return true;
    }
    if (sent == SENT_FAILED) {
        link_lost(link, errno);
        evbuffer_drain(link->out, evbuffer_get_length(link->out));
    }
    return false;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;

    (void)fd;
    for (int i = 0; i < PACKETS_A_TURN && send_next(link); i++)
        ;
    if (link->end != LINK_OPEN &&
        ((what & EV_TIMEOUT) != 0 || evbuffer_get_length(link->out) == 0))
        link->handler->closed(link->arg, link->end, link->why);
}

void link_open(struct link *link, struct event_base *base, evutil_socket_t fd, enum role role,
               enum role peer, bool strict, const struct link_handler *handler, void *arg)
{
    *link = (struct link){ .fd = fd, .role = role, .peer = peer, .strict = strict,
                           .handler = handler, .arg = arg, .reading = true };
    /* The sender's buffer is the only one that counts on a unix socket. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
    link->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, link);
    link->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, link);
    link->out = evbuffer_new();
    link->rest = evbuffer_new();
    event_add(link->readable, NULL);
    link_owe(link, &(struct record){ .kind = RECORD_HELLO,
                                     .hello = { .min_v = RECORD_MIN_VERSION, .role = role,
                                                .version = LASTGASP_VERSION } });
}

size_t link_close(struct link *link)
{
    event_free(link->readable);
    event_free(link->writable);
    evbuffer_free(link->out);
    evbuffer_free(link->rest);
    close(link->fd);
    return link->resting;
}

void link_wake(struct link *link)
{
    if (link->end == LINK_OPEN)
        event_add(link->writable, NULL);
}

void link_owe(struct link *link, const struct record *record)
{
    if (link->end != LINK_OPEN)
        return;
    put(link->out, record);
    if (evbuffer_get_length(link->out) > OWED_MAX)
        link_end(link, LINK_SLOW, "it does not read what it is owed");
    else
        link_wake(link);
}

bool link_offer(struct link *link, const struct record *record)
{
    if (link->end != LINK_OPEN)
        return false;
    size_t size = record_encode(record, buffer);
    if (evbuffer_get_length(link->rest) + size > REST_MAX)
        return false;
    evbuffer_add(link->rest, buffer, size);
    link->resting++;
    link_wake(link);
    return true;
}

void link_read(struct link *link, bool reading)
{
    link->reading = reading;
    if (link->end != LINK_OPEN)
        return;
    if (reading)
        event_add(link->readable, NULL);
    else
        event_del(link->readable);
}

void link_turn_away(evutil_socket_t fd, const char *why)
{
    size_t size = record_encode(&(struct record){ .kind = RECORD_ERROR,
                                                  .error = { .of = RECORD_KINDS, .why = why } },
                                buffer);
    send_bytes(fd, size);
    close(fd);
}

const char *print_skipped(uint64_t skipped, char text[SKIPPED_SIZE])
{
    text[0] = '\0';
    if (skipped > 0)
        snprintf(text, SKIPPED_SIZE, " (and %llu more not logged)", (unsigned long long)skipped);
    return text;
}
