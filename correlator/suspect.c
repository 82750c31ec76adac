#include "correlator/suspect.h"

#include "common/memory.h"
#include "correlator/elapsed.h"

#include <stdlib.h>

/*
 * What a suspect does at each pass: see to its witnesses, let settle.c know them and the time, find
 * out what follows, and ask again if that is due.  Before it is said to be silent its sockets are
 * looked at once more, for the loop may not have come to them.
 */
#define LEASE_PARTS 3

static void take_baseline(struct suspect *suspect, const struct kubelet *kubelet)
{
    settle_baseline(&suspect->settle, kubelet->answered_us, kubelet->rtt_us);
    suspect->addresses[suspect->address_count++] = kubelet->address;
}

struct suspect *suspect_new(const struct means *means, const struct node *node,
                            const struct address *addresses, size_t count, uint16_t port,
                            uint32_t zone)
{
    uint64_t now_us = clock_monotonic_us();
    struct suspect *suspect = xcalloc(1, sizeof(*suspect));
    suspect->node = *node;
    suspect->number = node_number(node);
    suspect->zone = zone;
    suspect->port = port;
    suspect->gasps_end = &suspect->gasps;
    suspect->retract.kind = RECORD_RETRACT;
    digest_incident(node->uid, node->boot, suspect->retract.id);
    settle_begin(&suspect->settle, now_us);
    for (size_t i = 0; i < count && suspect->address_count < SUSPECT_ADDRESSES; i++) {
        const struct kubelet *kubelet =
            kubelets_find(means->kubelets, &addresses[i], suspect->number);
        if (kubelet != NULL && kubelet_is_good(kubelet, now_us, means->times.baseline_us))
            take_baseline(suspect, kubelet);
    }
    for (size_t i = 0; suspect->settle.answered_us == 0 && i < count && i < SUSPECT_ADDRESSES; i++)
        suspect->addresses[suspect->address_count++] = addresses[i];
    return suspect;
}

void suspect_free(const struct means *means, struct suspect *suspect)
{
    quorum_release(&suspect->quorum, means->witnesses);
    probe_close(&suspect->probes);
    lease_forget(&suspect->lease);
    free(suspect);
}

bool suspect_is_open(const struct suspect *suspect, uint64_t now_us)
{
    return suspect->judged_until_us > now_us || suspect->open_until_us > now_us;
}

void suspect_answered(const struct means *means, struct suspect *suspect,
                      const struct probe_result *result)
{
    settle_answered(&suspect->settle, &means->times, result->now_us, result->rtt_us);
    probe_close(&suspect->probes);
}

void suspect_unanswered(struct suspect *suspect, const struct probe_result *result)
{
    if (result->answer == ANSWER_OURS)
        settle_void(&suspect->settle, result->now_us);
}

static void see_to_witnesses(const struct means *means, struct suspect *suspect, uint64_t now_us)
{
    const struct settle *settle = &suspect->settle;
    struct witness_search search = { .address = &suspect->addresses[0],
                                     .zone = suspect->zone,
                                     .node = suspect->number,
                                     .answered_us = settle->answered_us };
    if (settle->answered_us == 0)
        search.answered_us = now_us;
    quorum_see_to(&suspect->quorum, means->witnesses, &search,
                  settle_need_us(settle, &means->times), now_us);
}

static struct settle_witnesses ask_witnesses(const struct means *means,
                                             const struct suspect *suspect, uint64_t now_us)
{
    return quorum_ask(&suspect->quorum, settle_need_us(&suspect->settle, &means->times), now_us);
}

/* One attempt asks all its addresses; if our side fails for one of them it does not count.  Of a
 * Node without any, only the witnesses are asked: it is not known to be unreachable before they
 * answer. */
static void attempt(const struct means *means, struct suspect *suspect, uint64_t now_us)
{
    bool failed = false;
    uint64_t life_us = settle_need_us(&suspect->settle, &means->times);
    for (size_t i = 0; i < suspect->address_count; i++) {
        enum probe_begun begun =
            probe_begin(means->prober, &suspect->probes, PROBE_SUSPECT, &suspect->addresses[i],
                        suspect->port, suspect->number, life_us);
        suspect->had_no_room = begun == PROBE_NO_ROOM;
        if (suspect->had_no_room)
            return;
        failed |= begun == PROBE_FAILED;
    }
    settle_attempted(&suspect->settle, now_us);
    if (failed)
        settle_void(&suspect->settle, now_us);
}

/* Read some times in the time that it takes to be alive, so that each panic finds two readings
 * after it to compare. */
static void see_to_lease(const struct means *means, struct suspect *suspect, uint64_t now_us)
{
    uint64_t rest_us = means->times.alive_us / LEASE_PARTS;
    if (suspect->gasps != NULL && suspect->state == SETTLE_ANSWERING &&
        elapsed_us(suspect->lease.begun_us, now_us) >= rest_us)
        lease_read(means->leases, &suspect->lease, suspect->node.name);
}

bool suspect_is_alive(const struct means *means, const struct suspect *suspect, uint64_t since_us)
{
    return suspect->state == SETTLE_ANSWERING && suspect->lease.renewed_us >= since_us &&
           settle_is_alive(&suspect->settle, &means->times, since_us);
}

static enum settle_state find_state(const struct means *means, struct suspect *suspect,
                                    uint64_t now_us)
{
    struct settle_witnesses witnesses = ask_witnesses(means, suspect, now_us);
    return settle_state(&suspect->settle, &means->times, &witnesses, now_us);
}

void suspect_pass(const struct means *means, struct suspect *suspect, uint64_t now_us)
{
    see_to_witnesses(means, suspect, now_us);
    struct settle_witnesses witnesses = ask_witnesses(means, suspect, now_us);
    settle_look(&suspect->settle, &witnesses, means->steady_us);
    suspect->state = find_state(means, suspect, now_us);
    if (suspect->state == SETTLE_SILENT || suspect->state == SETTLE_UNPROBABLE) {
        probe_poll(&suspect->probes);
        suspect->state = find_state(means, suspect, now_us);
    }
    if (suspect->state == SETTLE_SILENT) /* and not the attempt that is about to begin */
        suspect->silent_us = suspect->settle.attempted_us;
    bool confirm = suspect->gasps == NULL && suspect->state == SETTLE_SILENT;
    suspect->had_no_room = false;
    if (settle_is_due(&suspect->settle, &means->times, confirm, now_us))
        attempt(means, suspect, now_us);
    see_to_lease(means, suspect, now_us);
}

void suspect_finding(const struct means *means, const struct suspect *suspect, uint64_t now_us,
                     struct finding *finding)
{
    *finding = (struct finding){
        .addresses = suspect->addresses,
        .address_count = suspect->address_count,
        .port = suspect->port,
        .settle = &suspect->settle,
        .times = &means->times,
        .witnesses = ask_witnesses(means, suspect, now_us),
        .gasp_us = suspect->gasp_us,
        .gasp_name = suspect->gasp_name,
        .now_us = now_us,
    };
}
