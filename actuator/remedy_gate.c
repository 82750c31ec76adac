/*
 * What may be sent now.  Every request that writes passes here twice: when it is chosen
 * (remedy_next) and when there is a connection that takes it (remedy_may_leave), which may be
 * seconds later; never when it is queued, so that a batch is one request.  The table says what each
 * kind needs:
 *
 *   level     the mode, the Node's opt-outs and, of a halt, --on-halt let us go so far
 *   right     the table of rights gives at least this, with the Lease as it is now
 *   writes    we lead, nobody has paused us, and the mode is one that writes
 *   leave     the ledger let this Node be touched
 *   evidence  the last probe without an answer is younger than 5 s (of a verdict by probe), and so
 *             is the last reading of the Lease (where the right comes from it)
 *   identity  the Node was read within the last second (two, from a slow API server), and it was
 *             still the one that died
 *
 * A Node's own PATCH needs no identity: it goes out under the resourceVersion that was judged.
 * Once the end has begun (the evidence was taken back, say) only what undoes and tells goes out.
 */
#include "actuator/remedy_state.h"

#include "common/clock.h"

#define EVIDENCE_US (5 * US_PER_SECOND)
#define IDENTITY_US (1 * US_PER_SECOND)

/* From an API server that needs that long, a read counts for LEAST after its answer, but never for
 * longer than MOST: a machine may boot in that time. */
#define IDENTITY_LEAST_US (200 * US_PER_MS)
#define IDENTITY_MOST_US  (2 * US_PER_SECOND)

/* What it waits for is worth a line in the history when it does so for as long as this. */
#define SAY_HELD_US (1 * US_PER_SECOND)

enum { WRITES = 1, LEAVE = 2, EVIDENCE = 4, IDENTITY = 8 };
#define REMOVAL (WRITES | LEAVE | EVIDENCE | IDENTITY)

static const struct need {
    enum mode level;
    enum right right;
    unsigned what;
} needs[] = {
    [REMEDY_READ_NODE] = { MODE_OBSERVE, RIGHT_HISTORY, 0 },
    [REMEDY_READ_LEASE] = { MODE_OBSERVE, RIGHT_HISTORY, 0 },
    [REMEDY_LIST_PODS] = { MODE_OBSERVE, RIGHT_HISTORY, 0 },
    [REMEDY_EVENT] = { MODE_OBSERVE, RIGHT_HISTORY, WRITES },
    [REMEDY_CLEAR_NODE] = { MODE_OBSERVE, RIGHT_HISTORY, WRITES },
    [REMEDY_MARK_NODE] = { MODE_ANNOTATE, RIGHT_CORDON, WRITES | LEAVE | EVIDENCE },
    [REMEDY_MARK_POD] = { MODE_ANNOTATE, RIGHT_REMOVE, REMOVAL },
    [REMEDY_DELETE_POD] = { MODE_PODS, RIGHT_REMOVE, REMOVAL },
    [REMEDY_TAINT_NODE] = { MODE_NODE, RIGHT_REMOVE, REMOVAL },
    [REMEDY_DELETE_NODE] = { MODE_NODE, RIGHT_REMOVE, REMOVAL },
};

static const char *const lease_words[] = {
    [LEASE_UNKNOWN] = "for the Node's Lease to lapse while those of other Nodes are renewed",
    [LEASE_ALIVE] = "for the Node's Lease, which was renewed, to lapse",
    [LEASE_LAPSED] = "",
    [LEASE_LOST_BEFORE] = "in vain: the Node's Ready was Unknown at the first look, so that its "
                          "Lease proves nothing",
    [LEASE_MISSING] = "for the Node's Lease, which is missing",
};

static const char old_lease[] = "for a fresh reading of the Node's Lease";

static enum lease_state lease_now(const struct remedy *remedy)
{
    return lease_judge(&remedy->lease, remedy->witnesses, remedy->now_us);
}

enum right remedy_right_with(const struct remedy *remedy, enum lease_state lease)
{
    if (remedy->halt.most == MODE_OBSERVE)
        return RIGHT_HISTORY;
    return rights_of(remedy->plan.verdict, lease, remedy->plan.accept_unverified);
}

enum right remedy_right(const struct remedy *remedy)
{
    return remedy_right_with(remedy, lease_now(remedy));
}

bool remedy_needs_lease(const struct remedy *remedy)
{
    return remedy->halt.most > MODE_OBSERVE &&
           rights_need_lease(remedy->plan.verdict, remedy->plan.accept_unverified);
}

static bool is_younger(uint64_t at_us, uint64_t most_us, uint64_t now_us)
{
    return at_us > 0 && now_us <= at_us + most_us;
}

static bool is_probed_lately(const struct remedy *remedy)
{
    return remedy->plan.verdict != VERDICT_SILENT ||
           is_younger(remedy->evidence_us, EVIDENCE_US, remedy->now_us);
}

/* Whether RIGHT rests on the Lease, and that was read long ago. */
static bool rests_on_old_lease(const struct remedy *remedy, enum right right)
{
    return remedy_right_with(remedy, LEASE_UNKNOWN) < right &&
           !is_younger(remedy->lease.until_us, EVIDENCE_US, remedy->now_us);
}

static const char *lacks_right(const struct remedy *remedy, const struct need *need)
{
    if (remedy_right(remedy) < need->right && remedy->plan.verdict == VERDICT_REPORTED)
        return "for the prober to find the machine silent";
    if (remedy_right(remedy) < need->right)
        return lease_words[lease_now(remedy)];
    if ((need->what & EVIDENCE) && !is_probed_lately(remedy))
        return "for fresh evidence from the prober";
    return NULL;
}

static const char *lacks_fresh_lease(const struct remedy *remedy, const struct need *need)
{
    return (need->what & EVIDENCE) && rests_on_old_lease(remedy, need->right) ? old_lease : NULL;
}

static const char *lacks_leave(const struct remedy *remedy, const struct need *need)
{
    bool writes = !(need->what & WRITES) || remedy->may_write;
    bool leave = !(need->what & LEAVE) || remedy->leave == REMEDY_LEAVE_GRANTED;

    if (writes && leave)
        return NULL;
    return remedy->leave == REMEDY_LEAVE_ELSEWHERE
               ? "for the host that leads"
               : "for leave: over a limit, paused, or no host leads";
}

const char *remedy_lacks_evidence(const struct remedy *remedy, enum remedy_kind kind)
{
    const char *why = lacks_right(remedy, &needs[kind]);
    return why ? why : lacks_fresh_lease(remedy, &needs[kind]);
}

const char *remedy_barred(const struct remedy *remedy, enum remedy_kind kind)
{
    const struct need *need = &needs[kind];
    const char *why;

    if (remedy->ending.begun && need->right > RIGHT_HISTORY)
        return "in vain: it is being ended";
    if (remedy->level < need->level)
        return "in vain: the mode or the Node does not let it go so far";
    if ((need->what & WRITES) && remedy->plan.mode == MODE_OBSERVE)
        return "in vain: the mode observe writes nothing";
    if ((why = lacks_right(remedy, need)) || (why = lacks_leave(remedy, need)))
        return why;
    return lacks_fresh_lease(remedy, need); /* the last, for it is read when nothing else lacks */
}

bool remedy_is_identified(const struct remedy *remedy, enum remedy_kind kind)
{
    return !(needs[kind].what & IDENTITY) || remedy->now_us <= remedy->identified_until_us;
}

const char *remedy_lacks_reading(const struct remedy *remedy)
{
    return remedy->read_late && !remedy_is_identified(remedy, REMEDY_MARK_POD)
               ? "for an API server that reads the Node in less than 2 s"
               : NULL;
}

/* The server may have read it as soon as it was asked, so that is what its age counts from. */
void remedy_identify(struct remedy *remedy, uint64_t sent_us)
{
    uint64_t until_us = sent_us + IDENTITY_US, least_us = remedy->now_us + IDENTITY_LEAST_US;

    if (until_us < least_us)
        until_us = least_us;
    if (until_us > sent_us + IDENTITY_MOST_US)
        until_us = sent_us + IDENTITY_MOST_US;
    remedy->identified_until_us = until_us;
    remedy->read_late = until_us < remedy->now_us;
    /* We do not know how long the answer lay there. */
    if (sent_us < remedy->stopped_us)
        remedy->identified_until_us = 0;
}

bool remedy_may_leave(struct remedy *remedy, const struct remedy_request *request, uint64_t now_us)
{
    enum remedy_kind kind = request->kind;
    bool is_late = remedy->over || now_us >= remedy->plan.expires_us;

    remedy->now_us = now_us;
    if ((is_late && needs[kind].right > RIGHT_HISTORY) || remedy_barred(remedy, kind) ||
        !remedy_is_identified(remedy, kind))
        return false;
    remedy->removing |= kind == REMEDY_DELETE_POD || kind == REMEDY_DELETE_NODE ||
                        (kind == REMEDY_MARK_POD && request->pod->mark == REMEDY_MARK_REMOVE);
    remedy->node_delete_sent |= kind == REMEDY_DELETE_NODE;
    return true;
}

void remedy_hold(struct remedy *remedy, const char *why)
{
    if (why == old_lease)
        remedy_lease_hasten(remedy);
    if (why == remedy->held_for)
        return;
    remedy->held_for = why;
    remedy->held_said_us = why ? remedy->now_us + SAY_HELD_US : UINT64_MAX;
}

void remedy_say_held(struct remedy *remedy)
{
    if (remedy->now_us < remedy->held_said_us)
        return;
    remedy->held_said_us = UINT64_MAX;
    remedy_say(remedy, "waits %s", remedy->held_for);
}

bool remedy_wants_leave(struct remedy *remedy, uint64_t now_us)
{
    remedy->now_us = now_us;
    if (remedy->over || remedy->ending.begun || !remedy->node || remedy->level == MODE_OBSERVE)
        return false;
    return remedy_right(remedy) >= needs[REMEDY_MARK_NODE].right && is_probed_lately(remedy);
}

bool remedy_needs_leave(const struct remedy_request *request)
{
    return needs[request->kind].what & LEAVE;
}

void remedy_set_leave(struct remedy *remedy, enum remedy_leave leave, bool may_write,
                      uint64_t now_us)
{
    if (leave == remedy->leave && may_write == remedy->may_write)
        return;
    remedy->now_us = now_us;
    remedy->leave = leave;
    remedy->may_write = may_write;
    remedy_advance(remedy);
}

void remedy_evidence(struct remedy *remedy, uint64_t at_us, uint64_t now_us)
{
    if (at_us <= remedy->evidence_us)
        return;
    remedy->now_us = now_us;
    remedy->evidence_us = at_us;
    remedy_advance(remedy);
}

void remedy_stopped(struct remedy *remedy, uint64_t now_us)
{
    remedy->evidence_us = remedy->identified_until_us = 0;
    remedy->stopped_us = now_us;
}

void remedy_set_witnesses(struct remedy *remedy, const struct lease_witnesses *witnesses)
{
    remedy->witnesses = witnesses;
}

enum remedy_stand remedy_stand(const struct remedy *remedy)
{
    if (remedy->held_for)
        return REMEDY_HELD;
    return remedy->marked ? REMEDY_ACTING : REMEDY_OPEN;
}
