#include "actuator/remedy_state.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

/* A Lease that cannot be read at all (no right to) is tried again, but not as if it mattered. */
#define REFUSED_US (30 * US_PER_SECOND)

void remedy_lease_begin(struct remedy *remedy)
{
    if (remedy->lease_begun || !remedy_needs_lease(remedy))
        return;
    remedy->lease_begun = true;
    remedy_push(&remedy->acts, &remedy->lease_task);
}

void remedy_lease_hasten(struct remedy *remedy)
{
    for (struct remedy_task *task = remedy->waiting.first; task; task = task->next) {
        if (task == &remedy->lease_task && task->tries == 0 && !remedy->lease_refused)
            task->not_before_us = remedy->now_us;
    }
}

static void print_lapse(const struct remedy *remedy, char *out, size_t cap)
{
    snprintf(out, cap, "the Node's Lease was not renewed for %.1f s, those of %zu other Nodes were",
             (double)(remedy->lease.until_us - remedy->lease.since_us) / US_PER_SECOND,
             lease_moved(remedy->witnesses, &remedy->lease));
}

const char *remedy_lease_words(struct remedy *remedy)
{
    char words[128];

    if (lease_judge(&remedy->lease, remedy->witnesses, remedy->now_us) != LEASE_LAPSED)
        return NULL;
    print_lapse(remedy, words, sizeof(words));
    return arena_copy(&remedy->arena, words, strlen(words));
}

void remedy_lease_say(struct remedy *remedy)
{
    enum lease_state state = lease_judge(&remedy->lease, remedy->witnesses, remedy->now_us);

    /* Whatever was to be said before goes first: this can wait for the next occasion. */
    if (!remedy->lease_begun || state == remedy->lease_said || remedy->words[0] != '\0')
        return;
    remedy->lease_said = state;
    if (state == LEASE_LAPSED) {
        char words[128];
        print_lapse(remedy, words, sizeof(words));
        remedy_say(remedy, "%s", words);
    } else {
        remedy_say(remedy, "the Node's Lease is %s", lease_state_names[state]);
    }
}

void remedy_lease_answered(struct remedy *remedy, enum answer_class class,
                           const struct remedy_answer *answer)
{
    static const struct lease_reading missing;
    uint64_t delay_us = *remedy->plan.lease_every_us;

    remedy->lease_refused = class == ANSWER_NEVER;
    if (remedy->lease_refused) {
        remedy_say(remedy, "the Node's Lease cannot be read: %s", answer->message);
        remedy_postpone(remedy, &remedy->lease_task, REFUSED_US);
        return;
    }
    lease_take(&remedy->lease, class == ANSWER_DONE ? answer->lease : &missing);
    uint64_t due_us = lease_due_us(&remedy->lease);
    if (due_us > remedy->now_us && due_us - remedy->now_us < delay_us)
        delay_us = due_us - remedy->now_us;
    remedy_postpone(remedy, &remedy->lease_task, delay_us);
}
