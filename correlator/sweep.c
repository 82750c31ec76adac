#include "correlator/sweep.h"

#include "common/clock.h"

/*
 * Two walks over the same array: one over all, at the pace of the period; one that looks only for
 * what was not tried yet, at ten times that pace, which ends when there is none.  The array may
 * change below them: an index that is off by one tries somebody twice, or a little later.
 */
#define WHOLE US_PER_SECOND /* tries are counted in millionths: rate a second * microseconds */

static uint64_t rate(size_t count, uint64_t period_us, uint64_t least)
{
    uint64_t rate = (count * US_PER_SECOND + period_us - 1) / period_us;
    if (rate < least)
        rate = least;
    return rate < SWEEP_RATE_MOST ? rate : SWEEP_RATE_MOST;
}

void sweep_pass(struct sweep *sweep, const struct kubelets *kubelets, uint64_t period_us,
                uint64_t now_us)
{
    uint64_t passed_us = sweep->looked_us == 0 ? 0 : now_us - sweep->looked_us;
    if (passed_us > US_PER_SECOND)
        passed_us = US_PER_SECOND;
    sweep->looked_us = now_us;
    sweep->owed += passed_us * kubelets->count * US_PER_SECOND / period_us;
    if (kubelets->untried == 0)
        sweep->owed_untried = 0;
    else
        sweep->owed_untried += passed_us * rate(kubelets->count, period_us / 10, SWEEP_RATE_LEAST);
    if (sweep->owed > SWEEP_RATE_MOST * WHOLE)
        sweep->owed = SWEEP_RATE_MOST * WHOLE;
}

static size_t take(struct kubelets *kubelets, size_t *next)
{
    size_t at = *next < kubelets->count ? *next : 0;
    *next = at + 1;
    kubelets_mark_tried(kubelets, at);
    return at;
}

size_t sweep_next(struct sweep *sweep, struct kubelets *kubelets)
{
    if (kubelets->untried > 0 && sweep->owed_untried >= WHOLE) {
        sweep->owed_untried -= WHOLE;
        for (;; sweep->next_untried++) {
            if (sweep->next_untried >= kubelets->count)
                sweep->next_untried = 0;
            if (!kubelets->all[sweep->next_untried].tried)
                return take(kubelets, &sweep->next_untried);
        }
    }
    if (kubelets->count > 0 && sweep->owed >= WHOLE) {
        sweep->owed -= WHOLE;
        return take(kubelets, &sweep->next);
    }
    return SIZE_MAX;
}
