#include "actuator/control.h"

#include <stdlib.h>

#include "actuator/ledger.h"
#include "common/channel.h"
#include "common/log.h"
#include "common/memory.h"

/* Commands that wait at a time; each is one line that a person typed. */
#define WAITING_MAX 16

struct waiting {
    struct channel_peer *peer;
    enum record_kind kind;
    char *id;
};

struct control {
    struct channel_server *server;
    struct ledger *ledger;
    struct waiting waiting[WAITING_MAX];
    size_t count;
};

static void forget(struct control *control, size_t index)
{
    free(control->waiting[index].id);
    control->waiting[index] = control->waiting[--control->count];
}

static void on_written(void *arg)
{
    struct control *control = arg;

    while (control->count > 0) {
        const struct waiting *waiting = &control->waiting[control->count - 1];
        channel_server_acknowledge(control->server, waiting->kind, waiting->id);
        forget(control, control->count - 1);
    }
}

/* The last word counts; whoever asked for the opposite is told so. */
static void overtake(struct control *control, enum record_kind kind)
{
    for (size_t i = control->count; i-- > 0;) {
        const struct waiting *waiting = &control->waiting[i];
        if (waiting->kind == kind)
            continue;
        channel_peer_refuse(waiting->peer, waiting->kind, waiting->id,
                            "overtaken by a later command");
        forget(control, i);
    }
}

static void on_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    struct control *control = arg;
    const char *id = record->command.id;

    if (!control->ledger) {
        channel_peer_refuse(peer, record->kind, id,
                            "this actuator writes nothing (mode observe, or a dry run), so it has "
                            "no ledger to write this to");
        return;
    }
    if (control->count == WAITING_MAX) {
        channel_peer_refuse(peer, record->kind, id, "too many commands wait for the ledger");
        return;
    }
    log_notice("%s was asked for", record_types[record->kind].name);
    overtake(control, record->kind);
    control->waiting[control->count++] = (struct waiting){ peer, record->kind, xstrdup(id) };
    ledger_pause(control->ledger, record->kind == RECORD_PAUSE, on_written, control);
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

struct control *control_new(struct event_base *base, const char *path, struct ledger *ledger)
{
    struct control *control = xcalloc(1, sizeof(*control));

    control->ledger = ledger;
    control->server =
        channel_server_new(base, path, ROLE_ACTUATOR, ROLE_COMMAND, true, &handler, control);
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
