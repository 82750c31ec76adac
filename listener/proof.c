#include "listener/proof.h"

#include <string.h>

/*
 * One death says many things: the panic line, the end marker or "Rebooting in", each perhaps twice
 * (two netconsole targets, a record that an nbcon console replays).  And old text comes again when
 * the netconsole module is loaded: the whole log buffer within some 10 ms, a forged panic line of
 * last week with it.  A panic that is reported once too often is judged once more downstream and
 * costs a little; one that is taken for an old one is forgotten.  So a line is old only if it is
 * the *same kernel record* as one before: same text and same kernel time, to the microsecond.
 *
 * - Lower kernel time alone proves nothing: a machine that booted again and panics earlier after
 *   its boot than last time has lower times too.  (Sequence numbers start over in the same way, so
 *   they add nothing to the time.)
 * - Kernel time that falls by more than a second, or a boot banner, is a restart: a boot, or a
 *   replay.  The two are told apart by what follows: a replay puts its lines on the wire at once,
 *   a panic that is equal to the microsecond but comes a second or more after the restart is
 *   another boot's (clocks that tick in milliseconds make such pairs).
 * - Without kernel time (printk.time=0) two records with one text cannot be told apart: only what
 *   comes within a second is taken for the same.
 * - The same record within 60 s is another target's copy and nobody's business; later it is stale.
 *
 * The end marker belongs to a panic of the same text and boot of the last 60 s, "Rebooting in" to
 * any; where there is none, the panic line was lost, and they are the proof.  Markers are only
 * ever printed by panic(); "Rebooting in" needs a precursor in the same boot.
 */
#define WINDOW_US     (60 * UINT64_C(1000000))
#define AT_ONCE_US    UINT64_C(1000000)
#define TEXT_COMPARED 128 /* basic format cuts long texts, and prints several lines one by one */

/* FNV-1a over the first line. */
static uint64_t hash(struct span text)
{
    uint64_t hash = 14695981039346656037ULL;
    for (size_t i = 0; i < text.size && i < TEXT_COMPARED && text.bytes[i] != '\n'; i++)
        hash = (hash ^ (unsigned char)text.bytes[i]) * 1099511628211ULL;
    return hash;
}

/* Returns whether kernel time started over. */
static bool follow_time(struct proof_state *state, const struct kernel_record *record,
                        const struct line_class *class, uint64_t now_us)
{
    bool known = record->kernel_us != RECORD_ABSENT;
    bool fell = known && record->kernel_us + AT_ONCE_US < state->newest_us;
    bool restarted = fell || class->kind == LINE_BANNER;
    if (restarted) {
        state->restarted_us = now_us;
        state->precursor_us = 0;
        state->newest_us = 0;
    }
    if (known && record->kernel_us > state->newest_us)
        state->newest_us = record->kernel_us;
    return restarted;
}

static bool is_recent(const struct proof_state *state, const struct said *said, uint64_t now_us)
{
    return said->heard_us > 0 && now_us - said->heard_us <= WINDOW_US &&
           said->heard_us >= state->restarted_us;
}

/* Whether NEW is the kernel record that SAID was. */
static bool is_same(const struct proof_state *state, const struct said *said,
                    const struct said *new)
{
    if (said->heard_us == 0 || said->kind != new->kind || said->text != new->text ||
        said->kernel_us != new->kernel_us)
        return false;
    bool restarted = state->restarted_us > said->heard_us;
    if (new->kernel_us == RECORD_ABSENT)
        return !restarted && new->heard_us - said->heard_us <= AT_ONCE_US;
    return !restarted || new->heard_us - state->restarted_us < AT_ONCE_US;
}

static enum step step_of_same(const struct proof_state *state, const struct said *new)
{
    for (size_t i = 0; i < PROOF_REMEMBERED; i++)
        if (is_same(state, &state->said[i], new))
            return new->heard_us - state->said[i].heard_us <= WINDOW_US ? STEP_AGAIN : STEP_STALE;
    return STEP_NONE;
}

/* A panic of which NEW can be the end: the marker repeats its text. */
static bool belongs(const struct proof_state *state, const struct said *new, bool under_way)
{
    for (size_t i = 0; i < PROOF_REMEMBERED; i++) {
        const struct said *said = &state->said[i];
        bool near = is_recent(state, said, new->heard_us) || (under_way && said->heard_us > 0);
        bool textless = new->kind == LINE_REBOOTING || said->kind == LINE_REBOOTING;
        if (near && said->kind != LINE_HALT && (textless || said->text == new->text))
            return true;
    }
    return false;
}

static struct proven judge(const struct proof_state *state, const struct said *new, bool under_way)
{
    enum step same = step_of_same(state, new);
    if (same != STEP_NONE)
        return (struct proven){ .step = same };
    switch (new->kind) {
    case LINE_PANIC:
        return (struct proven){ .step = STEP_PANIC, .proof = PROOF_LINE };
    case LINE_END_MARKER:
        if (belongs(state, new, under_way))
            return (struct proven){ .step = STEP_BELONGS };
        return (struct proven){ .step = STEP_PANIC, .proof = PROOF_END_MARKER };
    case LINE_REBOOTING:
        if (belongs(state, new, under_way))
            return (struct proven){ .step = STEP_BELONGS };
        if (state->precursor_us == 0 || new->heard_us - state->precursor_us > WINDOW_US)
            return (struct proven){ .step = STEP_NONE };
        return (struct proven){ .step = STEP_PANIC,
                                .proof = PROOF_REBOOTING,
                                .hint = state->precursor };
    default: /* LINE_HALT: what a panic prints while it reboots is its own */
        if (under_way)
            return (struct proven){ .step = STEP_NONE };
        return (struct proven){ .step = STEP_HALT };
    }
}

static void take_precursor(struct proof_state *state, enum reason_code code, uint64_t now_us)
{
    bool old = state->precursor_us == 0 || now_us - state->precursor_us > WINDOW_US;
    state->precursor_us = now_us;
    if (old || code != REASON_UNKNOWN)
        state->precursor = code;
}

struct proven proof_next(struct proof_state *state, const struct kernel_record *record,
                         const struct line_class *class, bool under_way, uint64_t now_us)
{
    bool rebooted = follow_time(state, record, class, now_us);
    struct proven proven = { .step = STEP_NONE };
    if (class->kind == LINE_PRECURSOR)
        take_precursor(state, class->code, now_us);
    if (class->kind == LINE_PANIC || class->kind == LINE_END_MARKER ||
        class->kind == LINE_REBOOTING || class->kind == LINE_HALT) {
        struct span text = class->what.bytes ? class->what : record->text;
        struct said new = { class->kind, hash(text), record->kernel_us, now_us };
        proven = judge(state, &new, under_way && !rebooted);
        if (proven.step != STEP_NONE && proven.step != STEP_AGAIN && proven.step != STEP_STALE)
            state->said[state->next++ % PROOF_REMEMBERED] = new;
    }
    proven.rebooted = rebooted;
    return proven;
}

void proof_remember(struct proof_state *state, const struct kernel_record *record,
                    const struct line_class *class, uint64_t now_us)
{
    proof_next(state, record, class, false, now_us);
    state->newest_us = 0;
}
