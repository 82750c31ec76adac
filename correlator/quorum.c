#include "correlator/quorum.h"

#include "common/clock.h"
#include "correlator/elapsed.h"

/*
 * Witnesses are chosen once and kept, also when somebody claims that one of them panicked: as long
 * as it answers it is as good a witness as before, and nobody can make the search begin again by
 * naming it.
 *
 * One that is silent is kept as well, however long that lasts: so does a network look that is cut
 * off, and if its witnesses went with time, what is held would end as a machine without witnesses,
 * which is not held.  Only who panicked itself, or is not that boot of that Node any more, is
 * released; the places that are free are filled with the nearest others.
 *
 * A witness must have answered within half the time for which the machine has to be silent.  When
 * the machine lives and the network fails, the last half of that time is without an answer from
 * either.
 */
#define SEARCH_US US_PER_SECOND

struct settle_witnesses quorum_ask(const struct quorum *quorum, uint64_t need_us, uint64_t now_us)
{
    uint64_t since_us[WITNESSES_MAX];
    size_t answering = 0;
    for (size_t i = 0; i < quorum->count; i++) {
        if (witness_since(quorum->of[i], need_us / 2, now_us, &since_us[answering]))
            answering++;
    }
    return witness_tally(quorum->count, since_us, answering);
}

static void release_unfit(struct quorum *quorum, struct witnesses *witnesses, uint64_t need_us,
                          uint64_t now_us)
{
    size_t kept = 0;
    uint64_t since_us;
    for (size_t i = 0; i < quorum->count; i++) {
        struct witness *witness = quorum->of[i];
        if (witness_since(witness, need_us / 2, now_us, &since_us) ||
            witness_is_fit(witnesses, witness))
            quorum->of[kept++] = witness;
        else
            witness_release(witnesses, witness);
    }
    quorum->count = kept;
}

static bool has(const struct quorum *quorum, const struct witness *witness)
{
    for (size_t i = 0; i < quorum->count; i++) {
        if (quorum->of[i] == witness)
            return true;
    }
    return false;
}

static void fill_up(struct quorum *quorum, struct witnesses *witnesses,
                    struct witness_search *search)
{
    struct witness *found[WITNESSES_MAX];
    size_t count = witnesses_find(witnesses, search, found);
    for (size_t i = 0; i < count; i++) {
        if (quorum->count < WITNESSES_MAX && !has(quorum, found[i]))
            quorum->of[quorum->count++] = found[i];
        else
            witness_release(witnesses, found[i]);
    }
}

void quorum_see_to(struct quorum *quorum, struct witnesses *witnesses,
                   struct witness_search *search, uint64_t need_us, uint64_t now_us)
{
    if (elapsed_us(quorum->searched_us, now_us) < SEARCH_US ||
        quorum_ask(quorum, need_us, now_us).enough)
        return;
    quorum->searched_us = now_us;
    release_unfit(quorum, witnesses, need_us, now_us);
    if (quorum->count < WITNESSES_MAX)
        fill_up(quorum, witnesses, search);
}

void quorum_release(struct quorum *quorum, struct witnesses *witnesses)
{
    while (quorum->count > 0)
        witness_release(witnesses, quorum->of[--quorum->count]);
}
