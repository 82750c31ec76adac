#include "actuator/commands.h"

#include <stdlib.h>

#include "actuator/control.h"
#include "actuator/pauses.h"
#include "actuator/reports.h"
#include "actuator/undo.h"
#include "common/memory.h"

struct commands {
    struct control *control;
    struct pauses *pauses;
    struct undo_desk *undo;
    struct reports *reports;
};

static void on_command(void *arg, uint64_t ticket, const struct record *record)
{
    const struct commands *commands = arg;

    switch (record->kind) {
    case RECORD_PAUSE:
    case RECORD_RESUME:
        pauses_ask(commands->pauses, ticket, record->kind == RECORD_PAUSE);
        break;
    case RECORD_UNDO:
        undo_ask(commands->undo, ticket, &record->undo);
        break;
    case RECORD_REPORT:
        reports_ask(commands->reports, ticket, &record->report);
        break;
    default: /* the channel lets nothing else through from a command */
        break;
    }
}

static void on_answer(void *arg, uint64_t ticket, const char *why)
{
    const struct commands *commands = arg;
    control_answer(commands->control, ticket, why);
}

struct commands *commands_new(const struct commands_setup *setup)
{
    struct commands *commands = xcalloc(1, sizeof(*commands));

    commands->control = control_new(&(struct control_setup){
        .base = setup->base, .path = setup->path, .command = on_command, .arg = commands });
    if (!commands->control) {
        free(commands);
        return NULL;
    }
    commands->pauses = pauses_new(setup->ledger, on_answer, commands);
    commands->undo = undo_new(&(struct undo_setup){ .client = setup->client,
                                                    .names = setup->names,
                                                    .incidents = setup->incidents,
                                                    .people = setup->people,
                                                    .engine = setup->engine,
                                                    .ledger = setup->ledger,
                                                    .counts = setup->counts,
                                                    .answer = on_answer,
                                                    .arg = commands });
    commands->reports = reports_new(&(struct reports_setup){ .client = setup->client,
                                                             .names = setup->names,
                                                             .incidents = setup->incidents,
                                                             .people = setup->people,
                                                             .engine = setup->engine,
                                                             .turn = setup->turn,
                                                             .ledger = setup->ledger,
                                                             .counts = setup->counts,
                                                             .answer = on_answer,
                                                             .arg = commands });
    return commands;
}

void commands_free(struct commands *commands)
{
    if (!commands)
        return;
    undo_free(commands->undo);
    reports_free(commands->reports);
    pauses_free(commands->pauses);
    control_free(commands->control);
    free(commands);
}

void commands_reported(struct commands *commands, uint64_t ticket, const char *id)
{
    reports_taken(commands->reports, ticket, id);
}

void commands_closed(struct commands *commands, const char *id, enum outcome outcome,
                     const char *detail)
{
    undo_closed(commands->undo, id, outcome, detail);
}
