#include "correlator/witnesses.h"

#include "common/clock.h"
#include "common/memory.h"
#include "correlator/elapsed.h"

#include <stdlib.h>

/*
 * Thousands of nodes may fall silent at once, and each searches for witnesses: so those that may be
 * one are gathered first, once a second, or earlier if searches pass over too many that panicked
 * since.
 */
#define BUCKETS         1024
#define GATHER_US       US_PER_SECOND
#define PASSED_OVER_MAX 64
#define PARTS_OF_GAP    3 /* probes in the time without an answer that makes it silent */

struct witness {
    struct probe_list probes;
    LIST_ENTRY(witness) in_bucket;
    TAILQ_ENTRY(witness) in_all;
    struct address address;
    uint64_t node;
    uint16_t port;
    unsigned users;
    uint64_t begun_us; /* the last probe */
    uint64_t rtt_us;
    struct witness_answers answers;
};

struct witnesses {
    struct prober *prober;
    const struct kubelets *kubelets;
    const struct settle_times *times;
    const struct witness_rules *rules;
    struct kubelets candidates;
    uint64_t gathered_us;                   /* when they were; 0: they must be */
    TAILQ_HEAD(witness_queue, witness) all; /* by begun_us, about */
    LIST_HEAD(, witness) buckets[BUCKETS];  /* by node */
};

struct witnesses *witnesses_new(struct prober *prober, const struct kubelets *kubelets,
                                const struct settle_times *times, const struct witness_rules *rules)
{
    struct witnesses *witnesses = xcalloc(1, sizeof(*witnesses));
    witnesses->prober = prober;
    witnesses->kubelets = kubelets;
    witnesses->times = times;
    witnesses->rules = rules;
    TAILQ_INIT(&witnesses->all);
    return witnesses;
}

void witnesses_rest(struct witnesses *witnesses)
{
    kubelets_free(&witnesses->candidates);
    witnesses->gathered_us = 0;
}

void witnesses_free(struct witnesses *witnesses)
{
    witnesses_rest(witnesses);
    free(witnesses);
}

/* Half the settling time: a lost SYN, which the kernel sends again after a second, is no silence.
 */
static uint64_t gap_least_us(const struct witnesses *witnesses)
{
    return witnesses->times->settle_us / 2;
}

static uint64_t gap_us(const struct witnesses *witnesses, const struct witness *witness)
{
    uint64_t gap = gap_least_us(witnesses), trips = PARTS_OF_GAP * witness->rtt_us;
    return trips > gap ? trips : gap;
}

/* When the last probe of it began, ours or another. */
static void note_begun(struct witnesses *witnesses, struct witness *witness, uint64_t begun_us)
{
    witness->begun_us = begun_us;
    TAILQ_REMOVE(&witnesses->all, witness, in_all);
    TAILQ_INSERT_TAIL(&witnesses->all, witness, in_all);
}

/* False without room for it: it is due still. */
static bool probe(struct witnesses *witnesses, struct witness *witness, uint64_t now_us)
{
    if (probe_begin(witnesses->prober, &witness->probes, PROBE_WITNESS, &witness->address,
                    witness->port, witness->node, gap_us(witnesses, witness)) == PROBE_NO_ROOM)
        return false;
    note_begun(witnesses, witness, now_us);
    return true;
}

/* NULL when it is none. */
static struct witness *find(const struct witnesses *witnesses, uint64_t node)
{
    struct witness *witness;
    LIST_FOREACH(witness, &witnesses->buckets[node % BUCKETS], in_bucket)
    {
        if (witness->node == node)
            return witness;
    }
    return NULL;
}

static struct witness *hold(struct witnesses *witnesses, const struct kubelet *kubelet)
{
    struct witness *witness = find(witnesses, kubelet->node);
    if (witness != NULL) {
        witness->users++;
        return witness;
    }
    witness = xcalloc(1, sizeof(*witness));
    witness->users = 1;
    witness->address = kubelet->address;
    witness->node = kubelet->node;
    witness->port = kubelet->port;
    witness->rtt_us = kubelet->rtt_us;
    LIST_INSERT_HEAD(&witnesses->buckets[witness->node % BUCKETS], witness, in_bucket);
    TAILQ_INSERT_HEAD(&witnesses->all, witness, in_all);
    probe(witnesses, witness, clock_monotonic_us());
    return witness;
}

static void gather(struct witnesses *witnesses)
{
    uint64_t now_us = clock_monotonic_us();
    if (witnesses->gathered_us != 0 && elapsed_us(witnesses->gathered_us, now_us) < GATHER_US)
        return;
    kubelets_free(&witnesses->candidates);
    witnesses->candidates = witness_candidates(witnesses->kubelets, witnesses->rules, now_us);
    witnesses->gathered_us = now_us;
}

size_t witnesses_find(struct witnesses *witnesses, struct witness_search *search,
                      struct witness *held[WITNESSES_MAX])
{
    const struct kubelet *found[WITNESSES_MAX];
    gather(witnesses);
    size_t count = witness_choose(&witnesses->candidates, witnesses->rules, search, found);
    for (size_t i = 0; i < count; i++)
        held[i] = hold(witnesses, found[i]);
    if (search->passed_over > PASSED_OVER_MAX)
        witnesses->gathered_us = 0;
    return count;
}

bool witness_is_fit(const struct witnesses *witnesses, const struct witness *witness)
{
    const struct witness_rules *rules = witnesses->rules;
    return kubelets_find(witnesses->kubelets, &witness->address, witness->node) != NULL &&
           !rules->is_suspect(rules->arg, witness->node);
}

void witness_release(struct witnesses *witnesses, struct witness *witness)
{
    if (--witness->users > 0)
        return;
    probe_close(&witness->probes);
    LIST_REMOVE(witness, in_bucket);
    TAILQ_REMOVE(&witnesses->all, witness, in_all);
    free(witness);
}

void witnesses_pass(struct witnesses *witnesses, uint64_t until_us)
{
    struct witness *next, *last = TAILQ_LAST(&witnesses->all, witness_queue);
    for (struct witness *each = TAILQ_FIRST(&witnesses->all); each != NULL; each = next) {
        next = each != last ? TAILQ_NEXT(each, in_all) : NULL;
        uint64_t now_us = clock_monotonic_us(), since_us = elapsed_us(each->begun_us, now_us);
        if (now_us >= until_us || since_us < gap_least_us(witnesses) / PARTS_OF_GAP)
            break;
        if (since_us >= gap_us(witnesses, each) / PARTS_OF_GAP && !probe(witnesses, each, now_us))
            break;
    }
}

void witnesses_heard(struct witnesses *witnesses, const struct probe_result *result)
{
    struct witness *witness = find(witnesses, result->node);
    if (witness == NULL || !address_equal(&witness->address, result->address))
        return;
    witness_answered(&witness->answers, result->begun_us, result->now_us,
                     gap_us(witnesses, witness));
    if (result->begun_us > witness->begun_us)
        note_begun(witnesses, witness, result->begun_us);
}

bool witness_since(const struct witness *witness, uint64_t gap_us, uint64_t now_us,
                   uint64_t *since_us)
{
    *since_us = witness->answers.since_us;
    return witness_is_answering(&witness->answers, now_us, gap_us);
}
