#include "listener/replay.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MAX_US US_PER_SECOND
#define RETRY_US   (10 * US_PER_MS)
#define PORT       6665 /* netconsole's own default */

struct recorded {
    uint64_t t_us;
    bool oversized;
    size_t size;
    char bytes[];
};

struct replay {
    const struct replay_handler *handler;
    void *arg;
    struct event *timer;
    struct address source;
    struct recorded **datagrams;
    size_t count, at;
};

/* Base64 (RFC 4648, section 4) with padding. */
static int base64_value(char byte)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = byte ? strchr(alphabet, byte) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* What does not fit in CAP is left out, but counted. */
static bool base64_decode(const char *text, size_t size, char *out, size_t cap, size_t *used)
{
    *used = 0;
    if (size % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < size - padding; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (*used < cap)
            out[*used] = (char)(bits >> have);
        (*used)++;
    }
    return true;
}

enum { ROW_T, ROW_DATA };
static const struct json_pick_row rows[] = { { "t" }, { "data_b64" }, { NULL } };

struct picked {
    bool has_time, has_data;
    uint64_t t_us;
    char *out;
    size_t size;
};

static void on_row(void *arg, unsigned row, enum json_event event, const char *key,
                   const char *text, size_t size)
{
    struct picked *picked = arg;
    (void)key;
    if (row == ROW_T && event == JSON_NUMBER) {
        double t = strtod(text, NULL);
        picked->has_time = t >= 0 && t < 1e9;
        picked->t_us = picked->has_time ? (uint64_t)(t * 1e6) : 0;
    }
    if (row == ROW_DATA && event == JSON_STRING)
        picked->has_data =
            base64_decode(text, size, picked->out, NETCONSOLE_DATAGRAM_MAX, &picked->size);
}

bool replay_read_line(const char *line, size_t size, uint64_t *t_us, char *out, size_t *out_size,
                      bool *oversized)
{
    struct picked picked = { .out = out };
    if (!json_pick_document(rows, on_row, &picked, line, size) || !picked.has_time ||
        !picked.has_data)
        return false;
    *t_us = picked.t_us;
    *oversized = picked.size > NETCONSOLE_DATAGRAM_MAX;
    *out_size = *oversized ? NETCONSOLE_DATAGRAM_MAX : picked.size;
    return true;
}

static void add(struct replay *replay, uint64_t t_us, const char *bytes, size_t size,
                bool oversized)
{
    struct recorded *recorded = xmalloc(sizeof(*recorded) + size);
    *recorded = (struct recorded){ .t_us = t_us, .oversized = oversized, .size = size };
    memcpy(recorded->bytes, bytes, size);
    if ((replay->count & (replay->count - 1)) == 0)
        replay->datagrams =
            xrealloc(replay->datagrams, (2 * replay->count + 1) * sizeof(*replay->datagrams));
    replay->datagrams[replay->count++] = recorded;
}

/* LINE with its '\n', which a basic datagram ends in too. */
static bool add_line(struct replay *replay, const char *line, size_t size)
{
    char bytes[NETCONSOLE_DATAGRAM_MAX];
    bool oversized = size > sizeof(bytes);
    uint64_t t_us;
    if (line[0] != '{') {
        add(replay, 0, line, oversized ? sizeof(bytes) : size, oversized);
        return true;
    }
    size_t used;
    if (!replay_read_line(line, size, &t_us, bytes, &used, &oversized))
        return false;
    add(replay, t_us, bytes, used, oversized);
    return true;
}

static bool read_file(struct replay *replay, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        log_error("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t size;
    bool good = true;
    while (good && (size = getline(&line, &cap, file)) > 0) {
        number++;
        good = add_line(replay, line, (size_t)size);
        if (!good)
            log_error("%s, line %zu: not a line of a capture ({\"t\": SECONDS, \"src\": ..., "
                      "\"data_b64\": ...})",
                      path, number);
    }
    if (good && ferror(file)) {
        log_error("cannot read %s: %s", path, strerror(errno));
        good = false;
    }
    free(line);
    fclose(file);
    return good;
}

static void wait(struct replay *replay, uint64_t us)
{
    event_add(replay->timer,
              &(struct timeval){ (time_t)(us / US_PER_SECOND), (suseconds_t)(us % US_PER_SECOND) });
}

static uint64_t gap(const struct replay *replay)
{
    uint64_t before = replay->datagrams[replay->at - 1]->t_us;
    uint64_t after = replay->datagrams[replay->at]->t_us;
    uint64_t us = after > before ? after - before : 0;
    return us < GAP_MAX_US ? us : GAP_MAX_US;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct replay *replay = arg;
    (void)fd, (void)what;
    if (replay->at == replay->count) {
        replay->handler->ended(replay->arg);
        return;
    }
    const struct recorded *recorded = replay->datagrams[replay->at];
    struct datagram datagram = {
        .bytes = { recorded->bytes, recorded->size },
        .oversized = recorded->oversized,
        .source = replay->source,
        .port = PORT,
        .received_us = clock_wall_us(),
    };
    if (!replay->handler->datagram(replay->arg, &datagram)) {
        wait(replay, RETRY_US);
        return;
    }
    replay->at++;
    wait(replay, replay->at < replay->count ? gap(replay) : 0);
}

struct replay *replay_new(struct event_base *base, const char *path, const struct address *source,
                          const struct replay_handler *handler, void *arg)
{
    struct replay *replay = xcalloc(1, sizeof(*replay));
    replay->handler = handler;
    replay->arg = arg;
    replay->source = *source;
    replay->timer = event_new(base, -1, 0, on_timer, replay);
    if (read_file(replay, path))
        return replay;
    replay_free(replay);
    return NULL;
}

void replay_free(struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++)
        free(replay->datagrams[i]);
    free(replay->datagrams);
    event_free(replay->timer);
    free(replay);
}

void replay_start(struct replay *replay)
{
    wait(replay, 0);
}

void replay_stop(struct replay *replay)
{
    event_del(replay->timer);
}
