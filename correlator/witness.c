#include "correlator/witness.h"

#include "correlator/elapsed.h"

#include <stdlib.h>
#include <string.h>

/*
 * From the place of the address in the sorted array the search goes outwards, to the side whose
 * next address has the longer prefix in common: so candidates come nearest first, and it ends with
 * the fourth of the same zone.  Only where the zone has fewer is the whole array seen.
 *
 * A machine that died without a word stays a candidate until its baseline is too old.  If all had
 * to answer, it would hold every verdict in its neighbourhood until that expires; so of four one
 * may be silent.  Not more: witnesses are there to tell a dead machine from a part of the network
 * that is cut off, a rack or a zone.  Most of the nearest four are on the same side as the machine
 * that is asked about, so when it is the network that failed two at least are silent, and the
 * verdict is held.  Were two allowed to be silent, a rack of three would be found dead while it
 * lives.  Of three or fewer each counts, for one is too large a part of them.
 *
 * How old a candidate's answer may be is measured from the last answer of the machine itself.  If
 * it were measured from now, the neighbours would drop out one by one while the network is cut off,
 * and strangers from beyond the cut would take their place.
 */
#define SILENT_MAX 1 /* of WITNESSES_MAX */

struct nearest {
    const struct kubelet *of[WITNESSES_MAX];
    size_t count;
};

struct kubelets witness_candidates(const struct kubelets *kubelets,
                                   const struct witness_rules *rules, uint64_t now_us)
{
    struct kubelets candidates = { 0 };
    for (size_t at = 0; at < kubelets->count; at++) {
        const struct kubelet *kubelet = &kubelets->all[at];
        if (kubelet_is_good(kubelet, now_us, 2 * rules->baseline_us) && !kubelet->is_ours &&
            !kubelets_is_shared(kubelets, at) && !rules->is_suspect(rules->arg, kubelet->node))
            kubelets_append(&candidates, kubelet);
    }
    return candidates;
}

static unsigned common_prefix(const struct address *a, const struct address *b)
{
    unsigned byte = 0;
    while (byte < sizeof(a->bytes) && a->bytes[byte] == b->bytes[byte])
        byte++;
    if (byte == sizeof(a->bytes))
        return 8 * byte;
    return 8 * byte + (unsigned)__builtin_clz((unsigned)(a->bytes[byte] ^ b->bytes[byte])) - 24;
}

static bool has_node(const struct nearest *nearest, uint64_t node)
{
    for (size_t i = 0; i < nearest->count; i++) {
        if (nearest->of[i]->node == node)
            return true;
    }
    return false;
}

static void consider(const struct witness_rules *rules, struct witness_search *search,
                     const struct kubelet *kubelet, struct nearest *nearest)
{
    if (nearest->count == WITNESSES_MAX || kubelet->node == search->node ||
        !kubelet_is_good(kubelet, search->answered_us, rules->baseline_us) ||
        has_node(nearest, kubelet->node))
        return;
    if (rules->is_suspect(rules->arg, kubelet->node))
        search->passed_over++;
    else
        nearest->of[nearest->count++] = kubelet;
}

size_t witness_choose(const struct kubelets *candidates, const struct witness_rules *rules,
                      struct witness_search *search, const struct kubelet *found[WITNESSES_MAX])
{
    struct nearest same = { .count = 0 }, other = { .count = 0 };
    size_t right = kubelets_at(candidates, search->address), left = right;
    while (same.count < WITNESSES_MAX && (left > 0 || right < candidates->count)) {
        bool go_left = right == candidates->count;
        if (left > 0 && !go_left)
            go_left = common_prefix(search->address, &candidates->all[left - 1].address) >
                      common_prefix(search->address, &candidates->all[right].address);
        const struct kubelet *kubelet = &candidates->all[go_left ? --left : right++];
        consider(rules, search, kubelet, kubelet->zone == search->zone ? &same : &other);
    }
    for (size_t i = 0; i < other.count && same.count < WITNESSES_MAX; i++) {
        if (!has_node(&same, other.of[i]->node))
            same.of[same.count++] = other.of[i];
    }
    memcpy(found, same.of, same.count * sizeof(*found));
    return same.count;
}

static int earlier(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

struct settle_witnesses witness_tally(size_t count, uint64_t since_us[], size_t answering)
{
    size_t needed = count == WITNESSES_MAX ? count - SILENT_MAX : count;
    struct settle_witnesses tally = {
        .count = (unsigned)count,
        .answering = (unsigned)answering,
        .enough = needed > 0 && answering >= needed,
    };
    if (tally.enough) {
        qsort(since_us, answering, sizeof(*since_us), earlier);
        tally.since_us = since_us[needed - 1];
    }
    return tally;
}

void witness_answered(struct witness_answers *answers, uint64_t begun_us, uint64_t now_us,
                      uint64_t gap_us)
{
    if (begun_us < answers->last_us)
        return;
    if (answers->since_us == 0 || begun_us - answers->last_us > gap_us)
        answers->since_us = now_us - begun_us < RESENT_US ? begun_us : now_us;
    answers->last_us = begun_us;
}

bool witness_is_answering(const struct witness_answers *answers, uint64_t now_us, uint64_t gap_us)
{
    return answers->since_us != 0 && elapsed_us(answers->last_us, now_us) <= gap_us;
}
