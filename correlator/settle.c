#include "correlator/settle.h"

#include "correlator/elapsed.h"

/*
 * Silence is counted from `from_us`, which only ever moves forward: to each answer, to the end of
 * each gap of our own loop and to the first attempt after one that failed on our side (nothing was
 * asked meanwhile), and to the moment since when enough witnesses answer without a break (what was
 * asked before that may have been lost with what was asked of them).  Attempts count from there,
 * too.
 *
 * It is no gap that there are so many to ask that each has its turn seldom, as long as the loop
 * goes on and reads what answers there are: then it takes longer until one was asked often enough.
 *
 * Silent witnesses hold everything, also the verdict that it is unprobable: a machine that never
 * answered here may be removed because of its Lease alone, which stops for whole zones when it is
 * the network that failed.
 *
 * A later panic, or a datagram of any kind, moves nothing: who sends one each second could
 * otherwise keep a dead machine from ever being found silent.  For the same reason only a few
 * hints are listened to.
 */
static void start_again(struct settle *settle, uint64_t from_us)
{
    settle->from_us = settle->restart_us = from_us;
    settle->attempts = 0;
    settle->attempted_us = 0;
    settle->is_void = false;
}

void settle_begin(struct settle *settle, uint64_t now_us)
{
    *settle = (struct settle){ 0 };
    start_again(settle, now_us);
}

void settle_baseline(struct settle *settle, uint64_t answered_us, uint64_t rtt_us)
{
    if (settle->answers_us != 0)
        return;
    if (answered_us > settle->answered_us)
        settle->answered_us = answered_us;
    if (rtt_us > settle->rtt_us)
        settle->rtt_us = rtt_us;
}

uint64_t settle_need_us(const struct settle *settle, const struct settle_times *times)
{
    uint64_t trips_us = SETTLE_ATTEMPTS * settle->rtt_us;
    return trips_us > times->settle_us ? trips_us : times->settle_us;
}

bool settle_is_due(const struct settle *settle, const struct settle_times *times, bool confirm,
                   uint64_t now_us)
{
    uint64_t every_us = settle_need_us(settle, times) / SETTLE_PARTS;
    if (confirm && every_us < times->evidence_us / 2)
        every_us = times->evidence_us / 2;
    uint64_t last_us = settle->attempted_us;
    if (last_us == 0 && settle->from_us == settle->answered_us)
        last_us = settle->from_us; /* it has just answered */
    return last_us == 0 || elapsed_us(last_us, now_us) >= every_us;
}

void settle_attempted(struct settle *settle, uint64_t now_us)
{
    if (settle->is_void)
        settle->from_us = now_us;
    settle->is_void = false;
    settle->attempted_us = now_us;
    settle->attempts++;
}

void settle_void(struct settle *settle, uint64_t now_us)
{
    settle->attempts = 0;
    settle->from_us = now_us;
    settle->is_void = true;
}

void settle_answered(struct settle *settle, const struct settle_times *times, uint64_t now_us,
                     uint64_t rtt_us)
{
    bool broken = settle->answers_us == 0 ||
                  elapsed_us(settle->answered_us, now_us) >= settle_need_us(settle, times);
    if (broken)
        settle->answers_us = now_us;
    settle->answered_us = now_us;
    settle->rtt_us = known_trip_us(settle->rtt_us, rtt_us);
    start_again(settle, now_us);
}

void settle_hint(struct settle *settle, uint64_t now_us)
{
    if (settle->hints == SETTLE_HINTS)
        return;
    settle->hints++;
    start_again(settle, now_us);
}

uint64_t settle_gap_us(const struct settle_times *times)
{
    uint64_t gap_us = times->settle_us / SETTLE_PARTS;
    return gap_us > SETTLE_GAP_US ? gap_us : SETTLE_GAP_US;
}

void settle_look(struct settle *settle, const struct settle_witnesses *witnesses,
                 uint64_t steady_us)
{
    uint64_t since_us = steady_us;
    if (witnesses->enough && witnesses->since_us > since_us)
        since_us = witnesses->since_us;
    if (since_us > settle->from_us)
        start_again(settle, since_us);
}

bool settle_is_alive(const struct settle *settle, const struct settle_times *times,
                     uint64_t since_us)
{
    uint64_t from_us = settle->answers_us > since_us ? settle->answers_us : since_us;
    return settle->answers_us != 0 && elapsed_us(from_us, settle->answered_us) >= times->alive_us;
}

enum settle_state settle_state(const struct settle *settle, const struct settle_times *times,
                               const struct settle_witnesses *witnesses, uint64_t now_us)
{
    uint64_t need_us = settle_need_us(settle, times);
    if (settle->answers_us != 0 && elapsed_us(settle->answered_us, now_us) < need_us)
        return SETTLE_ANSWERING;
    bool known = settle->answered_us != 0;
    uint64_t from_us = known ? settle->from_us : settle->restart_us;
    if (elapsed_us(from_us, now_us) < need_us || (known && settle->attempts < SETTLE_ATTEMPTS))
        return SETTLE_ASKING;
    if (witnesses->count > 0 && !witnesses->enough)
        return SETTLE_CUT_OFF;
    return known && witnesses->count > 0 ? SETTLE_SILENT : SETTLE_UNPROBABLE;
}
