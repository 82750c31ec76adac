#include "actuator/control.h"

#include <stdlib.h>

#include "common/channel.h"
#include "common/log.h"
#include "common/memory.h"

/* Commands that wait at a time; each is one line that a person typed, or another process sent. */
#define WAITING_MAX 32

struct waiting {
    struct channel_peer *peer;
    uint64_t ticket;
    enum record_kind kind;
    char *id;
};

struct control {
    struct control_setup setup;
    struct channel_server *server;
    struct waiting waiting[WAITING_MAX];
    size_t count;
    uint64_t tickets; /* that were given out */
};

static void forget(struct control *control, size_t index)
{
    free(control->waiting[index].id);
    control->waiting[index] = control->waiting[--control->count];
}

static void answer(struct control *control, size_t index, const char *why)
{
    const struct waiting *waiting = &control->waiting[index];

    if (why)
        channel_peer_refuse(waiting->peer, waiting->kind, waiting->id, why);
    else
        channel_server_acknowledge(control->server, waiting->kind, waiting->id);
    forget(control, index);
}

void control_answer(struct control *control, uint64_t ticket, const char *why)
{
    for (size_t i = 0; i < control->count; i++) {
        if (control->waiting[i].ticket == ticket) {
            answer(control, i, why);
            return;
        }
    }
}

/* Every command begins with its id. */
static const char *id_of(const struct record *record)
{
    switch (record->kind) {
    case RECORD_UNDO:
        return record->undo.id;
    case RECORD_REPORT:
        return record->report.id;
    default:
        return record->command.id;
    }
}

static void on_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    struct control *control = arg;
    const char *id = id_of(record);

    if (control->count == WAITING_MAX) {
        channel_peer_refuse(peer, record->kind, id, "too many commands wait to be done");
        return;
    }
    log_notice("%s was asked for", record_types[record->kind].name);
    uint64_t ticket = ++control->tickets;
    control->waiting[control->count++] =
        (struct waiting){ peer, ticket, record->kind, xstrdup(id) };
    control->setup.command(control->setup.arg, ticket, record);
}

static void on_left(void *arg, struct channel_peer *peer)
{
    struct control *control = arg;

    for (size_t i = control->count; i-- > 0;) {
        if (control->waiting[i].peer == peer)
            forget(control, i);
    }
}

static const struct channel_server_handler handler = { .record = on_record, .left = on_left };

struct control *control_new(const struct control_setup *setup)
{
    struct control *control = xcalloc(1, sizeof(*control));

    control->setup = *setup;
    control->server = channel_server_new(setup->base, setup->path, ROLE_ACTUATOR, ROLE_COMMAND,
                                         true, &handler, control);
    if (control->server)
        return control;
    free(control);
    return NULL;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    channel_server_free(control->server);
    free(control);
}
