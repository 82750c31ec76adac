#include "actuator/pauses.h"

#include <stddef.h>
#include <stdlib.h>

#include "actuator/ledger.h"
#include "common/memory.h"

/* That wait at a time; who asks for more has not waited for an answer. */
#define WAITING_MAX 16

struct pauses {
    struct ledger *ledger;
    void (*answer)(void *arg, uint64_t ticket, const char *why);
    void *arg;
    uint64_t waiting[WAITING_MAX]; /* tickets, all for the same: */
    bool pause;
    size_t count;
};

static void answer_all(struct pauses *pauses, const char *why)
{
    while (pauses->count > 0)
        pauses->answer(pauses->arg, pauses->waiting[--pauses->count], why);
}

static void on_written(void *arg)
{
    answer_all(arg, NULL);
}

void pauses_ask(struct pauses *pauses, uint64_t ticket, bool pause)
{
    if (!pauses->ledger) {
        pauses->answer(pauses->arg, ticket,
                       "this actuator writes nothing (mode observe, or a dry run), so it has no "
                       "ledger to write this to");
        return;
    }
    if (pause != pauses->pause)
        answer_all(pauses, "overtaken by a later command");
    if (pauses->count == WAITING_MAX)
        pauses->answer(pauses->arg, pauses->waiting[--pauses->count],
                       "too many commands wait for the ledger");
    pauses->pause = pause;
    pauses->waiting[pauses->count++] = ticket;
    ledger_pause(pauses->ledger, pause, on_written, pauses);
}

struct pauses *pauses_new(struct ledger *ledger,
                          void (*answer)(void *arg, uint64_t ticket, const char *why), void *arg)
{
    struct pauses *pauses = xcalloc(1, sizeof(*pauses));

    pauses->ledger = ledger;
    pauses->answer = answer;
    pauses->arg = arg;
    return pauses;
}

void pauses_free(struct pauses *pauses)
{
    free(pauses);
}
