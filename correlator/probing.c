#include "correlator/probing.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/own_boot.h"
#include "correlator/elapsed.h"
#include "correlator/sweep.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Every answer, whoever was asked for whatever reason, is a baseline of that port and an answer of
 * that suspect.  Nothing is freed but at the end of a suspect's own pass, so whatever handles an
 * answer may rely on what it holds.
 *
 * Two timers: the sweep's goes always, the suspects' only while there are any.
 *
 * There may be tens of thousands of suspects, and what they ask in one pass can take a second: so a
 * pass is made in turns, between which the loop reads answers.  That we stood still is seen by two
 * turns that are far apart; it is no reason to begin again that one suspect's place in a long pass
 * comes late, or none would ever be found silent.  Witnesses have the longer turn: who asks a
 * silent machine too seldom finds out later, who asks a witness too seldom begins again.
 */
#define PASS_US           (50 * US_PER_MS)
#define WITNESSES_TURN_US (40 * US_PER_MS)
#define TURN_US           (10 * US_PER_MS)
#define SWEEP_US          (500 * US_PER_MS)
#define ANSWER_US         (3 * US_PER_SECOND) /* what the sweep waits: a second SYN has its time, too */
#define BUCKETS           4096

enum counter { SUSPECTS, GAPS, CUT_OFF, COUNTERS };
static const char *const counter_names[COUNTERS] = { "suspects", "gaps", "cut_off" };

struct probing {
    const struct probing_handler *handler;
    void *arg;
    struct means means;
    struct witness_rules rules;
    struct kubelets kubelets;
    struct sweep sweep;
    struct probe_list swept;
    struct event *sweep_timer, *turn_timer;
    TAILQ_HEAD(, suspect) all;
    LIST_HEAD(, suspect) buckets[BUCKETS];
    size_t count;
    struct suspect *next;         /* of the pass under way; NULL: that is over */
    uint64_t begun_us, turned_us; /* the last pass and the last turn */
    struct log_sample gap_sample, cut_off_sample;
    uint64_t values[COUNTERS];
    struct counters counters;
};

static void on_heard(void *arg, struct probe_list *list, enum probe_use use,
                     const struct probe_result *result)
{
    struct probing *probing = arg;
    if (result->answer != ANSWER_YES) {
        if (use == PROBE_SUSPECT)
            suspect_unanswered((struct suspect *)list, result);
        return;
    }
    witnesses_heard(probing->means.witnesses, result);
    struct kubelet *kubelet = kubelets_find(&probing->kubelets, result->address, result->node);
    if (kubelet != NULL) {
        kubelet->answered_us = result->now_us;
        uint64_t rtt_us = known_trip_us(kubelet->rtt_us, result->rtt_us);
        kubelet->rtt_us = rtt_us < UINT32_MAX ? (uint32_t)rtt_us : UINT32_MAX;
    }
    struct suspect *suspect = probing_find(probing, result->node);
    if (suspect == NULL)
        return;
    suspect_answered(&probing->means, suspect, result);
    probing->handler->answered(probing->arg, suspect);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct probing *probing = arg;
    uint64_t now_us = clock_monotonic_us();
    sweep_pass(&probing->sweep, &probing->kubelets, probing->means.times.sweep_us, now_us);
    while (prober_has_room(probing->means.prober, PROBE_SWEEP)) {
        size_t at = sweep_next(&probing->sweep, &probing->kubelets);
        if (at == SIZE_MAX)
            break;
        const struct kubelet *kubelet = &probing->kubelets.all[at];
        if (!kubelets_is_shared(&probing->kubelets, at))
            probe_begin(probing->means.prober, &probing->swept, PROBE_SWEEP, &kubelet->address,
                        kubelet->port, kubelet->node, ANSWER_US);
    }
}

static void note_turn(struct probing *probing, uint64_t now_us)
{
    uint64_t skipped, stood_us = elapsed_us(probing->turned_us, now_us);
    probing->turned_us = now_us;
    if (stood_us <= settle_gap_us(&probing->means.times))
        return;
    probing->means.steady_us = now_us;
    probing->values[GAPS]++;
    if (log_sample_due(&probing->gap_sample, now_us, &skipped))
        log_warning("we stood still for %llu ms: what is silent must settle again (and %llu times "
                    "more)",
                    (unsigned long long)(stood_us / US_PER_MS), (unsigned long long)skipped);
}

static void note_state(struct probing *probing, struct suspect *suspect, uint64_t now_us)
{
    char words[WORDS_SIZE];
    struct finding finding;
    uint64_t skipped;
    if (suspect->state != SETTLE_CUT_OFF)
        return;
    probing->values[CUT_OFF]++;
    if (!log_sample_due(&probing->cut_off_sample, now_us, &skipped))
        return;
    suspect_finding(&probing->means, suspect, now_us, &finding);
    log_warning_of(suspect->retract.id,
                   "held, for it may be we who are cut off from node %s: %s (and %llu like it)",
                   suspect->node.name, words_silent(&finding, words), (unsigned long long)skipped);
}

static void end(struct probing *probing, struct suspect *suspect)
{
    LIST_REMOVE(suspect, in_bucket);
    TAILQ_REMOVE(&probing->all, suspect, in_all);
    probing->count--;
    suspect_free(&probing->means, suspect);
}

/* Without an attempt since the last one there is nothing new to tell.  *ROOM is cleared when the
 * actuator cannot be told more at this moment. */
static void see_to_evidence(struct probing *probing, struct suspect *suspect, uint64_t now_us,
                            bool *room)
{
    if (!*room || suspect->state != SETTLE_SILENT ||
        elapsed_us(suspect->evidence_us, now_us) < probing->means.times.evidence_us ||
        suspect->silent_us == suspect->told_us)
        return;
    *room = probing->handler->evidence(probing->arg, suspect);
    if (!*room)
        return;
    suspect->evidence_us = now_us;
    suspect->told_us = suspect->silent_us;
}

static void pass(struct probing *probing, struct suspect *suspect, uint64_t now_us, bool *room)
{
    enum settle_state before = suspect->state;
    if (suspect->gasps == NULL && !suspect_is_open(suspect, now_us)) {
        if (!suspect->is_retracting)
            end(probing, suspect);
        return;
    }
    suspect_pass(&probing->means, suspect, now_us);
    bool changed = suspect->state != before;
    if (changed)
        note_state(probing, suspect, now_us);
    if (changed || elapsed_us(suspect->judged_us, now_us) >= US_PER_SECOND) {
        suspect->judged_us = now_us;
        probing->handler->judge(probing->arg, suspect);
    }
    if (suspect_is_open(suspect, now_us))
        see_to_evidence(probing, suspect, now_us, room);
}

/* The first for whom there was no room for a probe comes first the next time. */
static void take_turns(struct probing *probing)
{
    struct suspect *first, *moved;
    TAILQ_FOREACH(first, &probing->all, in_all)
    {
        if (first->had_no_room)
            break;
    }
    while (first != NULL && (moved = TAILQ_FIRST(&probing->all)) != first) {
        TAILQ_REMOVE(&probing->all, moved, in_all);
        TAILQ_INSERT_TAIL(&probing->all, moved, in_all);
    }
}

/* After US at the earliest, and not before the loop has seen to everything else. */
static void add_turn(struct probing *probing, uint64_t us)
{
    event_add(probing->turn_timer, &(struct timeval){ .tv_usec = (suseconds_t)us });
}

/* True when all had their turn. */
static bool go_on(struct probing *probing, uint64_t until_us)
{
    bool room = true;
    uint64_t now_us;
    while (probing->next != NULL && (now_us = clock_monotonic_us()) < until_us) {
        struct suspect *suspect = probing->next;
        probing->next = TAILQ_NEXT(suspect, in_all);
        pass(probing, suspect, now_us, &room);
    }
    return probing->next == NULL;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct probing *probing = arg;
    uint64_t now_us = clock_monotonic_us();
    note_turn(probing, now_us);
    if (probing->next == NULL) {
        probing->next = TAILQ_FIRST(&probing->all);
        probing->begun_us = now_us;
    }
    witnesses_pass(probing->means.witnesses, now_us + WITNESSES_TURN_US);
    if (!go_on(probing, clock_monotonic_us() + TURN_US)) {
        add_turn(probing, 0);
        return;
    }
    take_turns(probing);
    if (probing->count == 0) {
        witnesses_rest(probing->means.witnesses);
        return;
    }
    uint64_t took_us = elapsed_us(probing->begun_us, clock_monotonic_us());
    add_turn(probing, took_us < PASS_US ? PASS_US - took_us : 0);
}

static bool is_suspect(void *arg, uint64_t node)
{
    return probing_find(arg, node) != NULL;
}

static void read_own_boot(struct kubelets *kubelets)
{
    snprintf(kubelets->own_boot, sizeof(kubelets->own_boot), "%s", own_boot());
    if (kubelets->own_boot[0] == '\0')
        log_warning("/proc/sys/kernel/random/boot_id cannot be read: if this machine is a Node it "
                    "may be its own witness");
}

struct probing *probing_new(struct event_base *base, struct kube_client *kube,
                            const struct settle_times *times, const struct probing_handler *handler,
                            void *arg)
{
    struct probing *probing = xcalloc(1, sizeof(*probing));
    probing->handler = handler;
    probing->arg = arg;
    probing->counters = (struct counters){ counter_names, COUNTERS, probing->values };
    TAILQ_INIT(&probing->all);
    read_own_boot(&probing->kubelets);
    probing->rules = (struct witness_rules){ times->baseline_us, is_suspect, probing };
    probing->means.times = *times;
    probing->means.kubelets = &probing->kubelets;
    probing->means.prober = prober_new(base, prober_descriptors(), on_heard, probing);
    probing->means.witnesses = witnesses_new(probing->means.prober, &probing->kubelets,
                                             &probing->means.times, &probing->rules);
    probing->means.leases = lease_reader_new(kube);
    probing->turn_timer = event_new(base, -1, 0, on_turn, probing);
    probing->sweep_timer = event_new(base, -1, EV_PERSIST, on_sweep, probing);
    event_add(probing->sweep_timer, &(struct timeval){ .tv_usec = (suseconds_t)SWEEP_US });
    return probing;
}

void probing_free(struct probing *probing)
{
    if (probing == NULL)
        return;
    while (!TAILQ_EMPTY(&probing->all))
        end(probing, TAILQ_FIRST(&probing->all));
    probe_close(&probing->swept);
    event_free(probing->sweep_timer);
    event_free(probing->turn_timer);
    witnesses_free(probing->means.witnesses);
    lease_reader_free(probing->means.leases);
    prober_free(probing->means.prober);
    kubelets_free(&probing->kubelets);
    free(probing);
}

void probing_replace(struct probing *probing, const struct nodemap *map)
{
    kubelets_replace(&probing->kubelets, map);
}

void probing_change(struct probing *probing, const struct node_facts *was,
                    const struct node_facts *is)
{
    kubelets_change(&probing->kubelets, was, is);
}

struct suspect *probing_find(const struct probing *probing, uint64_t node)
{
    struct suspect *suspect;
    LIST_FOREACH(suspect, &probing->buckets[node % BUCKETS], in_bucket)
    {
        if (suspect->number == node)
            return suspect;
    }
    return NULL;
}

static struct suspect *add(struct probing *probing, struct suspect *suspect)
{
    LIST_INSERT_HEAD(&probing->buckets[suspect->number % BUCKETS], suspect, in_bucket);
    TAILQ_INSERT_TAIL(&probing->all, suspect, in_all);
    uint64_t now_us = clock_monotonic_us();
    if (probing->count++ == 0) {
        probing->turned_us = now_us;
        add_turn(probing, PASS_US);
    }
    probing->values[SUSPECTS]++;
    suspect_pass(&probing->means, suspect, now_us);
    return suspect;
}

struct suspect *probing_suspect(struct probing *probing, const struct node_facts *facts,
                                const struct address *source)
{
    struct address addresses[NODE_CLAIMS_MAX];
    size_t count = kubelets_choose(&probing->kubelets, facts, source, addresses);
    uint16_t port = facts->kubelet_port != 0 ? facts->kubelet_port : KUBELET_PORT;
    return add(probing,
               suspect_new(&probing->means, &facts->node, addresses, count, port, facts->zone));
}

struct suspect *probing_suspect_at(struct probing *probing, const struct node *node,
                                   const struct address *address, uint16_t port)
{
    const struct kubelet *kubelet = kubelets_find(&probing->kubelets, address, node_number(node));
    uint32_t zone = kubelet != NULL ? kubelet->zone : 0;
    return add(probing, suspect_new(&probing->means, node, address, 1, port, zone));
}

size_t probing_suspects(const struct probing *probing)
{
    return probing->count;
}

size_t probing_judged(const struct probing *probing)
{
    size_t judged = 0;
    const struct suspect *suspect;
    TAILQ_FOREACH(suspect, &probing->all, in_all)
    {
        judged += suspect->gasps != NULL;
    }
    return judged;
}

const struct means *probing_means(const struct probing *probing)
{
    return &probing->means;
}

struct probing_ports probing_coverage(const struct probing *probing)
{
    const struct kubelets *kubelets = &probing->kubelets;
    return (struct probing_ports){
        .known = kubelets->count,
        .good = kubelets_good(kubelets, clock_monotonic_us(), probing->means.times.baseline_us),
        .untried = kubelets->untried,
    };
}

void probing_counters(const struct probing *probing, const struct counters *tables[PROBING_TABLES])
{
    tables[0] = &probing->counters;
    tables[1] = prober_counters(probing->means.prober);
    tables[2] = lease_reader_counters(probing->means.leases);
}

void probing_log_counts(const struct probing *probing)
{
    const struct counters *tables[PROBING_TABLES];
    struct probing_ports ports = probing_coverage(probing);
    log_info("kubelet ports: %zu, answering %zu", ports.known, ports.good);
    probing_counters(probing, tables);
    for (size_t i = 0; i < PROBING_TABLES; i++)
        counters_log(tables[i]);
}
