#include "actuator/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/digest.h"

#define PATIENCE_US (10 * US_PER_SECOND)

enum reply { REPLY_NONE, REPLY_DONE, REPLY_REFUSED };

static bool fail(char error[CONTROL_ERROR_SIZE], const char *path, const char *why)
{
    snprintf(error, CONTROL_ERROR_SIZE, "%s: %s", path, why);
    return false;
}

static bool reach(int fd, const char *path, char error[CONTROL_ERROR_SIZE])
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path))
        return fail(error, path, "too long for a socket");
    strcpy(address.sun_path, path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return fail(error, path, strerror(errno));
    return true;
}

/* COMMAND with this ID. */
static struct record with_id(const struct record *command, const char *id)
{
    struct record record = *command;

    if (record.kind == RECORD_UNDO)
        record.undo.id = id;
    else if (record.kind == RECORD_REPORT)
        record.report.id = id;
    else
        record.command.id = id;
    return record;
}

static bool send_command(int fd, const struct record *command, const char *id)
{
    static char packet[2 * RECORD_PACKET_MAX];
    const struct record hello = { .kind = RECORD_HELLO,
                                  .hello = { RECORD_MIN_VERSION, ROLE_COMMAND, LASTGASP_VERSION } };
    const struct record record = with_id(command, id);
    size_t size = record_encode(&hello, packet);

    size += record_encode(&record, packet + size);
    return send(fd, packet, size, MSG_NOSIGNAL | MSG_EOR) == (ssize_t)size;
}

/* What RECORD means for the command ID. */
static enum reply reply_of(const struct record *record, const char *id,
                           char error[CONTROL_ERROR_SIZE], const char *path)
{
    if (record->kind == RECORD_ACK && strcmp(record->ack.id, id) == 0)
        return REPLY_DONE;
    if (record->kind != RECORD_ERROR || (record->error.id && strcmp(record->error.id, id) != 0))
        return REPLY_NONE;
    fail(error, path, record->error.why);
    return REPLY_REFUSED;
}

static enum reply read_packet(const char *bytes, size_t size, const char *id,
                              char error[CONTROL_ERROR_SIZE], const char *path)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE];
    enum reply reply = REPLY_NONE;

    if (!packet_decode(bytes, size, false, &packet, why)) {
        fail(error, path, why);
        return REPLY_REFUSED;
    }
    for (size_t i = 0; i < packet.count && reply == REPLY_NONE; i++)
        reply = reply_of(&packet.records[i], id, error, path);
    packet_free(&packet);
    return reply;
}

/* What is not done within our patience, by kind. */
static const char *const late_words[RECORD_KINDS] = {
    [RECORD_PAUSE] = "not written to the ledger within 10 s; the actuator goes on trying, and the "
                     "pause holds on its host",
    [RECORD_RESUME] = "not written to the ledger within 10 s; the actuator goes on trying",
    [RECORD_UNDO] = "not undone within 10 s; the actuator goes on trying, and does nothing else "
                    "about that incident",
    [RECORD_REPORT] = "not taken within 10 s: the actuator waits for the API server, or for its "
                      "disk, and goes on trying",
};

static bool wait_for(int fd, enum record_kind kind, const char *id, char error[CONTROL_ERROR_SIZE],
                     const char *path)
{
    static char bytes[RECORD_PACKET_MAX];
    uint64_t until_us = clock_monotonic_us() + PATIENCE_US, now_us;

    while ((now_us = clock_monotonic_us()) < until_us) {
        struct pollfd readable = { .fd = fd, .events = POLLIN };
        int ready = poll(&readable, 1, (int)((until_us - now_us) / US_PER_MS) + 1);
        if (ready <= 0)
            continue;
        ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
        if (size <= 0)
            return fail(error, path, "the actuator closed the connection");
        enum reply reply = read_packet(bytes, (size_t)size, id, error, path);
        if (reply != REPLY_NONE)
            return reply == REPLY_DONE;
    }
    return fail(error, path, late_words[kind]);
}

bool control_ask(const char *path, const struct record *command, char error[CONTROL_ERROR_SIZE])
{
    unsigned char random[16];
    char id[DIGEST_TEXT_SIZE];
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || getrandom(random, sizeof(random), 0) != sizeof(random)) {
        if (fd >= 0)
            close(fd);
        return fail(error, path, strerror(errno));
    }
    digest_print(&(struct digest_part){ random, sizeof(random) }, 1, id);
    bool done = reach(fd, path, error);
    if (done && !send_command(fd, command, id))
        done = fail(error, path, strerror(errno));
    done = done && wait_for(fd, command->kind, id, error, path);
    close(fd);
    return done;
}
