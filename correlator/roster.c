#include "correlator/roster.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * Per peer a cursor into the map and a short queue of changes.  The queue is told after the walk
 * over the map has ended; an address told twice, or removed without having been added, does no
 * harm.  When it overflows (the peer reads slowly while the cluster changes a lot) the walk starts
 * over: the whole set again is always right.
 */
#define BATCH       256 /* addresses in one record: 12 KiB of its budget of 32 */
#define CHANGES_MAX 512

enum phase { PHASE_NO_MAP, PHASE_BEGIN, PHASE_WALK, PHASE_CHANGES };

struct change {
    struct address address;
    bool claimed;
};

struct stream {
    struct stream *next;
    struct channel_peer *peer;
    enum phase phase;
    uint64_t cursor;
    size_t change_count;
    struct change changes[CHANGES_MAX];
};

struct roster {
    const struct nodemap *map; /* NULL: none is whole yet */
    struct stream *streams;
    /* of the record that is being filled */
    char texts[BATCH][ADDRESS_TEXT_SIZE];
    const char *lines[BATCH];
};

struct roster *roster_new(void)
{
    return xcalloc(1, sizeof(struct roster));
}

void roster_free(struct roster *roster)
{
    free(roster);
}

static void start_over(struct stream *stream)
{
    stream->phase = PHASE_BEGIN;
    stream->change_count = 0;
    channel_peer_stream(stream->peer);
}

void roster_replace(struct roster *roster, const struct nodemap *map)
{
    roster->map = map;
    for (struct stream *stream = roster->streams; stream != NULL; stream = stream->next)
        start_over(stream);
}

void roster_changed(struct roster *roster, const struct address *address, bool claimed)
{
    for (struct stream *stream = roster->streams; stream != NULL; stream = stream->next) {
        if (stream->change_count == CHANGES_MAX) {
            start_over(stream);
        } else if (stream->phase == PHASE_WALK || stream->phase == PHASE_CHANGES) {
            stream->changes[stream->change_count++] = (struct change){ *address, claimed };
            channel_peer_stream(stream->peer);
        }
    }
}

void roster_joined(struct roster *roster, struct channel_peer *peer)
{
    struct stream *stream = xcalloc(1, sizeof(*stream));
    stream->peer = peer;
    stream->next = roster->streams;
    roster->streams = stream;
    channel_peer_set(peer, stream);
    if (roster->map != NULL)
        start_over(stream);
}

void roster_left(struct roster *roster, struct channel_peer *peer)
{
    struct stream *stream = channel_peer_get(peer);
    struct stream **link = &roster->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    channel_peer_set(peer, NULL);
    free(stream);
}

static void print(struct roster *roster, size_t at, const struct address *address)
{
    roster->lines[at] = address_print(address, roster->texts[at]);
}

static enum sources_op walk(struct roster *roster, struct stream *stream, size_t *count)
{
    struct address address;
    while (*count < BATCH && nodemap_next_address(roster->map, &stream->cursor, &address))
        print(roster, (*count)++, &address);
    if (*count > 0)
        return SOURCES_ADD;
    stream->phase = PHASE_CHANGES;
    return SOURCES_END;
}

/* As many of the oldest changes as are of one kind. */
static enum sources_op take_changes(struct roster *roster, struct stream *stream, size_t *count)
{
    bool claimed = stream->changes[0].claimed;
    while (*count < BATCH && *count < stream->change_count &&
           stream->changes[*count].claimed == claimed) {
        print(roster, *count, &stream->changes[*count].address);
        ++*count;
    }
    stream->change_count -= *count;
    memmove(stream->changes, stream->changes + *count,
            stream->change_count * sizeof(*stream->changes));
    return claimed ? SOURCES_ADD : SOURCES_REMOVE;
}

bool roster_more(struct roster *roster, struct channel_peer *peer, struct record *record)
{
    struct stream *stream = channel_peer_get(peer);
    enum sources_op op = SOURCES_BEGIN;
    size_t count = 0;
    if (stream->phase == PHASE_BEGIN) {
        stream->phase = PHASE_WALK;
        stream->cursor = 0;
    } else if (stream->phase == PHASE_WALK) {
        op = walk(roster, stream, &count);
    } else if (stream->change_count > 0) {
        op = take_changes(roster, stream, &count);
    } else {
        return false;
    }
    record->kind = RECORD_SOURCES;
    record->sources = (struct sources){ .op = op, .addresses = { count, roster->lines } };
    return true;
}
