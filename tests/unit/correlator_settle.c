#include "tests/unit/unit.h"

#include "correlator/settle.h"

#define S     US_PER_SECOND
#define MS    US_PER_MS
#define START (1000 * S)
#define NEVER 0

static const struct settle_times times = {
    .settle_us = 3 * S, .alive_us = 30 * S, .baseline_us = 1200 * S, .evidence_us = 2 * S
};

/* What happens from one time to another, both in ms from the beginning. */
enum happening {
    NOTHING,
    ANSWERS,   /* each attempt, at once */
    ANSWER,    /* one, at the first of the times */
    STOPPED,   /* our own loop */
    BUSY,      /* our own loop, which goes on: it does not come to this one */
    HINTS,     /* at every look */
    FAILING,   /* every attempt, on our side */
    CUT_OFF,   /* too few witnesses answer */
    NO_WITNESS /* there is none */
};

struct phase {
    enum happening what;
    unsigned from_ms, to_ms;
};

static const struct {
    const char *name;
    bool known; /* it answered before */
    unsigned rtt_ms;
    struct phase phases[3];
    enum settle_state state; /* the first one that ends it: ANSWERING, when it is alive */
    unsigned at_ms;          /* when; NEVER: not within two minutes, and STATE is the last */
    unsigned attempts;
} rows[] = {
    { "silent from the beginning", true, 0, { { 0 } }, SETTLE_SILENT, 3000, 6 },
    { "an answer late in the settling time starts it again",
      true,
      0,
      { { ANSWER, 2950, 2950 } },
      SETTLE_SILENT,
      5950,
      5 },
    { "it answers for a while more, then dies",
      true,
      0,
      { { ANSWERS, 0, 1500 } },
      SETTLE_SILENT,
      4000,
      5 },
    { "it answers for ever", true, 0, { { ANSWERS, 0, 120000 } }, SETTLE_ANSWERING, 30000, 0 },
    { "answers that a silence came between are not of 30 s",
      true,
      0,
      { { ANSWERS, 0, 20000 }, { CUT_OFF, 0, 25000 }, { ANSWERS, 24000, 120000 } },
      SETTLE_ANSWERING,
      54000,
      0 },
    { "a slow one has four round trips", true, 1000, { { 0 } }, SETTLE_SILENT, 4000, 6 },
    { "a fast one has the settling time", true, 700, { { 0 } }, SETTLE_SILENT, 3000, 6 },
    { "our loop stood still for two seconds",
      true,
      0,
      { { STOPPED, 1000, 3000 } },
      SETTLE_SILENT,
      6000,
      6 },
    { "our loop stood still at the last moment",
      true,
      0,
      { { STOPPED, 2950, 3600 } },
      SETTLE_SILENT,
      6600,
      6 },
    { "there are so many that each is looked at once in two seconds",
      true,
      0,
      { { BUSY, 50, 2000 }, { BUSY, 2050, 4000 }, { BUSY, 4050, 6000 } },
      SETTLE_SILENT,
      6050,
      4 },
    { "our loop was a little late", true, 0, { { STOPPED, 1000, 1400 } }, SETTLE_SILENT, 3000, 6 },
    { "it can be asked only later: time counts from there",
      true,
      0,
      { { FAILING, 0, 5000 } },
      SETTLE_SILENT,
      8000,
      6 },
    { "it can never be asked", true, 0, { { FAILING, 0, 120000 } }, SETTLE_ASKING, NEVER, 0 },
    { "it could not be asked in between",
      true,
      0,
      { { FAILING, 600, 2900 } },
      SETTLE_SILENT,
      6000,
      6 },
    { "a few hints are listened to", true, 0, { { HINTS, 1000, 1100 } }, SETTLE_SILENT, 4050, 6 },
    { "hints without end do not keep it from being found silent",
      true,
      0,
      { { HINTS, 0, 120000 } },
      SETTLE_SILENT,
      3100,
      6 },
    { "we are cut off", true, 0, { { CUT_OFF, 0, 120000 } }, SETTLE_CUT_OFF, NEVER, 0 },
    { "we were cut off in between: it counts from the end of that",
      true,
      0,
      { { CUT_OFF, 500, 1500 } },
      SETTLE_SILENT,
      4500,
      6 },
    { "we were cut off for long, and it answers when we are not",
      true,
      0,
      { { CUT_OFF, 0, 60000 }, { ANSWERS, 60000, 120000 } },
      SETTLE_ANSWERING,
      90000,
      0 },
    { "there is nobody else", true, 0, { { NO_WITNESS, 0, 120000 } }, SETTLE_UNPROBABLE, 3000, 6 },
    { "it never answered", false, 0, { { 0 } }, SETTLE_UNPROBABLE, 3000, 6 },
    { "it never answered and cannot be asked",
      false,
      0,
      { { FAILING, 0, 120000 } },
      SETTLE_UNPROBABLE,
      3000,
      0 },
    { "it never answered, and we are cut off: its Lease may have stopped with the network",
      false,
      0,
      { { CUT_OFF, 0, 120000 } },
      SETTLE_CUT_OFF,
      NEVER,
      0 },
    { "it never answered, and we were cut off for a while",
      false,
      0,
      { { CUT_OFF, 0, 60000 } },
      SETTLE_UNPROBABLE,
      63000,
      6 },
    { "an answer to the probe itself is as good as one before it",
      false,
      0,
      { { ANSWER, 400, 400 } },
      SETTLE_SILENT,
      3400,
      5 },
};

static bool happens(const struct phase *phases, enum happening what, unsigned ms)
{
    for (int i = 0; i < 3; i++) {
        if (phases[i].what == what && ms >= phases[i].from_ms && ms < phases[i].to_ms)
            return true;
    }
    return false;
}

static bool happens_once(const struct phase *phases, unsigned ms)
{
    return phases[0].what == ANSWER && phases[0].from_ms == ms;
}

/* The witnesses as they look at MS: since the end of the last cut. */
static struct settle_witnesses witnesses_at(const struct phase *phases, unsigned ms)
{
    struct settle_witnesses witnesses = {
        .count = 4, .answering = 3, .enough = true, .since_us = START
    };
    for (int i = 0; i < 3; i++) {
        if (phases[i].what == CUT_OFF && ms >= phases[i].to_ms)
            witnesses.since_us = START + phases[i].to_ms * MS;
    }
    if (happens(phases, CUT_OFF, ms))
        witnesses = (struct settle_witnesses){ .count = 4, .answering = 2 };
    if (happens(phases, NO_WITNESS, ms))
        witnesses = (struct settle_witnesses){ 0 };
    return witnesses;
}

static bool is_final(const struct settle *settle, enum settle_state state)
{
    if (state == SETTLE_ANSWERING)
        return settle_is_alive(settle, &times, START);
    return state != SETTLE_ASKING && state != SETTLE_CUT_OFF;
}

/* As the shell does, each 50 ms. */
static enum settle_state look(struct settle *settle, const struct phase *phases, unsigned ms,
                              uint64_t rtt_us, uint64_t steady_us)
{
    uint64_t now_us = START + ms * MS;
    struct settle_witnesses witnesses = witnesses_at(phases, ms);
    if (happens(phases, HINTS, ms))
        settle_hint(settle, now_us);
    if (happens_once(phases, ms))
        settle_answered(settle, &times, now_us, rtt_us);
    settle_look(settle, &witnesses, steady_us);
    enum settle_state state = settle_state(settle, &times, &witnesses, now_us);
    if (is_final(settle, state) || !settle_is_due(settle, &times, false, now_us))
        return state;
    settle_attempted(settle, now_us);
    if (happens(phases, FAILING, ms))
        settle_void(settle, now_us);
    else if (happens(phases, ANSWERS, ms))
        settle_answered(settle, &times, now_us, rtt_us);
    return state;
}

START_TEST(each_timeline_comes_to_its_state)
{
    const struct phase *phases = rows[_i].phases;
    struct settle settle;
    enum settle_state state = SETTLE_ASKING;
    unsigned ms = 0, turned_ms = 0;
    uint64_t steady_us = 0;
    settle_begin(&settle, START);
    if (rows[_i].known)
        settle_baseline(&settle, START - 600 * S, rows[_i].rtt_ms * MS);
    for (; ms < 120000; ms += 50) {
        if (happens(phases, STOPPED, ms))
            continue;
        if ((ms - turned_ms) * MS > settle_gap_us(&times))
            steady_us = START + ms * MS;
        turned_ms = ms;
        if (happens(phases, BUSY, ms))
            continue;
        state = look(&settle, phases, ms, rows[_i].rtt_ms * MS, steady_us);
        if (is_final(&settle, state))
            break;
    }
    ck_assert_msg(state == rows[_i].state, "%s: state %d at %u ms", rows[_i].name, state, ms);
    if (rows[_i].at_ms == NEVER)
        return;
    ck_assert_msg(ms == rows[_i].at_ms, "%s: at %u ms", rows[_i].name, ms);
    ck_assert_msg(settle.attempts == rows[_i].attempts, "%s: %u attempts", rows[_i].name,
                  settle.attempts);
}
END_TEST

static const struct settle_witnesses fine = {
    .count = 1, .answering = 1, .enough = true, .since_us = START
};

START_TEST(an_answer_that_is_found_in_the_last_poll_counts)
{
    struct settle settle;
    settle_begin(&settle, START);
    settle_baseline(&settle, START - S, 0);
    for (int i = 0; i < 6; i++)
        settle_attempted(&settle, START + (uint64_t)i * 500 * MS);
    uint64_t now_us = START + 3 * S;
    ck_assert_int_eq(settle_state(&settle, &times, &fine, now_us), SETTLE_SILENT);
    settle_answered(&settle, &times, now_us + 7, 20);
    ck_assert_int_eq(settle_state(&settle, &times, &fine, now_us), SETTLE_ANSWERING);
    ck_assert_int_eq(settle_state(&settle, &times, &fine, now_us + 20), SETTLE_ANSWERING);
}
END_TEST

START_TEST(for_a_later_panic_it_must_go_on_answering)
{
    struct settle settle;
    settle_begin(&settle, START);
    ck_assert(!settle_is_alive(&settle, &times, START));
    for (uint64_t at_us = START + 2 * S; at_us <= START + 40 * S; at_us += S)
        settle_answered(&settle, &times, at_us, 20);
    ck_assert(settle_is_alive(&settle, &times, START));
    ck_assert(settle_is_alive(&settle, &times, START + 10 * S));
    ck_assert(!settle_is_alive(&settle, &times, START + 10 * S + 1));
    ck_assert(!settle_is_alive(&settle, &times, START + 50 * S));
}
END_TEST

START_TEST(three_attempts_are_too_few)
{
    struct settle settle;
    settle_begin(&settle, START);
    settle_baseline(&settle, START - S, 0);
    for (int i = 0; i < 3; i++)
        settle_attempted(&settle, START + (uint64_t)i * 500 * MS);
    ck_assert_int_eq(settle_state(&settle, &times, &fine, START + 9 * S), SETTLE_ASKING);
    settle_attempted(&settle, START + 9 * S);
    ck_assert_int_eq(settle_state(&settle, &times, &fine, START + 9 * S), SETTLE_SILENT);
}
END_TEST

START_TEST(a_baseline_that_comes_late_does_not_replace_a_newer_answer)
{
    struct settle settle;
    settle_begin(&settle, START);
    settle_answered(&settle, &times, START + S, 5);
    settle_baseline(&settle, START - 60 * S, 900 * MS);
    ck_assert_uint_eq(settle.answered_us, START + S);
    ck_assert_uint_eq(settle.rtt_us, 5);
}
END_TEST

START_TEST(an_answer_to_a_syn_that_was_sent_again_is_no_measure_of_the_round_trip)
{
    struct settle settle;
    settle_begin(&settle, START);
    settle_baseline(&settle, START - S, 200 * MS);
    settle_answered(&settle, &times, START + 6 * S, 6 * S);
    ck_assert_uint_eq(settle.answered_us, START + 6 * S);
    ck_assert_uint_eq(settle.rtt_us, 200 * MS);
    settle_answered(&settle, &times, START + 7 * S, 300 * MS);
    ck_assert_uint_eq(settle.rtt_us, 300 * MS);
}
END_TEST

START_TEST(of_several_addresses_the_newest_answer_and_the_longest_round_trip_count)
{
    struct settle settle;
    settle_begin(&settle, START);
    settle_baseline(&settle, START - 60 * S, 900 * MS);
    settle_baseline(&settle, START - 5 * S, 2 * MS);
    settle_baseline(&settle, START - 9 * S, 5 * MS);
    ck_assert_uint_eq(settle.answered_us, START - 5 * S);
    ck_assert_uint_eq(settle_need_us(&settle, &times), 3600 * MS);
}
END_TEST

START_TEST(confirming_asks_twice_for_each_evidence)
{
    struct settle settle;
    settle_begin(&settle, START);
    ck_assert(settle_is_due(&settle, &times, true, START));
    settle_attempted(&settle, START);
    ck_assert(settle_is_due(&settle, &times, false, START + 500 * MS));
    ck_assert(!settle_is_due(&settle, &times, true, START + 999 * MS));
    ck_assert(settle_is_due(&settle, &times, true, START + 1000 * MS));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("settle");
    tcase_add_loop_test(cases, each_timeline_comes_to_its_state, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(cases, an_answer_that_is_found_in_the_last_poll_counts);
    tcase_add_test(cases, for_a_later_panic_it_must_go_on_answering);
    tcase_add_test(cases, three_attempts_are_too_few);
    tcase_add_test(cases, a_baseline_that_comes_late_does_not_replace_a_newer_answer);
    tcase_add_test(cases, an_answer_to_a_syn_that_was_sent_again_is_no_measure_of_the_round_trip);
    tcase_add_test(cases, of_several_addresses_the_newest_answer_and_the_longest_round_trip_count);
    tcase_add_test(cases, confirming_asks_twice_for_each_evidence);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("settle", fill);
}
