#include "actuator/lease.h"

#include <stdio.h>

#include "common/clock.h"
#include "tests/unit/unit.h"

#define BEGIN_US (1000 * US_PER_SECOND)
#define MS(ms)   (BEGIN_US + (uint64_t)(ms)*US_PER_MS)

/* One reading: asked for at SENT, answered 10 ms later.  TEXT NULL: there was no Lease. */
static void read_at(struct lease *lease, int sent_ms, const char *text)
{
    struct lease_reading reading = { .found = text != NULL,
                                     .duration_us = 40 * US_PER_SECOND,
                                     .sent_us = MS(sent_ms),
                                     .answered_us = MS(sent_ms + 10) };

    if (text)
        snprintf(reading.renewed, sizeof(reading.renewed), "%s", text);
    lease_take(lease, &reading);
}

/* COUNT witnesses, MOVING of which were last seen to change at MOVED_MS. */
static struct lease_witnesses witnesses_of(size_t count, size_t moving, int moved_ms)
{
    struct lease_witnesses witnesses = { .all = true, .count = count };

    for (size_t i = 0; i < count; i++) {
        read_at(&witnesses.leases[i], i < moving ? moved_ms : 0, "a");
        if (i < moving)
            read_at(&witnesses.leases[i], moved_ms + 1000, "b");
    }
    return witnesses;
}

struct row {
    const char *name;
    int last_ms;    /* the Lease is read each second until then */
    int renewed_ms; /* readings from then on show another text; 0: none does */
    int now_ms;     /* 0: right after the last reading */
    bool lost_before, missing;
    size_t witnesses, moving;
    int moved_ms;
    enum lease_state state;
    bool others; /* there are other Nodes that might be witnesses */
};

/*
 * A Lease of 40 s is renewed each 10 s, at most 0.4 s later: with a first answer at 10 ms it is
 * overdue at 10,410 ms, and lapses at 14,510 ms.
 */
static const struct row rows[] = {
    { "read once", 0, 0, 0, false, false, 5, 5, 0, LEASE_UNKNOWN },
    { "a millisecond too early", 14509, 0, 0, false, false, 5, 5, 11000, LEASE_UNKNOWN },
    { "lapsed to the millisecond", 14510, 0, 0, false, false, 5, 5, 11000, LEASE_LAPSED },
    { "they moved when it was overdue", 14510, 0, 0, false, false, 5, 5, 10410, LEASE_LAPSED },
    { "they may have moved before", 14510, 0, 0, false, false, 5, 5, 10409, LEASE_UNKNOWN },
    { "three witnesses of five are enough", 14510, 0, 0, false, false, 5, 3, 11000, LEASE_LAPSED },
    { "two of five are not", 14510, 0, 0, false, false, 5, 2, 11000, LEASE_UNKNOWN },
    { "of three all are needed", 14510, 0, 0, false, false, 3, 2, 11000, LEASE_UNKNOWN },
    { "of two in a small cluster both", 14510, 0, 0, false, false, 2, 2, 11000, LEASE_LAPSED },
    { "one of two is not enough", 14510, 0, 0, false, false, 2, 1, 11000, LEASE_UNKNOWN },
    { "one in a cluster of two", 14510, 0, 0, false, false, 1, 1, 11000, LEASE_LAPSED },
    { "two are not enough where there are more", 14510, 0, 0, false, false, 2, 2, 11000,
      LEASE_UNKNOWN, .others = true },
    { "three are, wherever", 14510, 0, 0, false, false, 3, 3, 11000, LEASE_LAPSED, .others = true },
    { "nobody to compare with", 14510, 0, 0, false, false, 0, 0, 0, LEASE_UNKNOWN },
    { "no witness moves: the API server is sick", 60000, 0, 0, false, false, 5, 0, 0,
      LEASE_UNKNOWN },
    { "they moved, but before the time in question", 30000, 0, 0, false, false, 5, 5, 11000,
      LEASE_UNKNOWN },
    { "renewed in time", 12000, 9000, 0, false, false, 5, 5, 11000, LEASE_ALIVE },
    { "renewed at the last moment", 15000, 14400, 0, false, false, 5, 5, 11000, LEASE_ALIVE },
    { "renewed once more, then lapsed", 24000, 9000, 0, false, false, 5, 5, 20000, LEASE_LAPSED },
    { "nobody could read it since", 14510, 0, 29011, false, false, 5, 5, 11000, LEASE_UNKNOWN },
    { "the last reading still counts", 14510, 0, 29010, false, false, 5, 5, 11000, LEASE_LAPSED },
    { "lost before", 60000, 0, 0, true, false, 5, 5, 50000, LEASE_LOST_BEFORE },
    { "missing", 20000, 0, 0, false, true, 5, 5, 15000, LEASE_MISSING },
};

START_TEST(a_lease_lapses_when_it_alone_stands_still_for_long_enough)
{
    const struct row *row = &rows[_i];
    struct lease_witnesses witnesses = witnesses_of(row->witnesses, row->moving, row->moved_ms);
    struct lease lease = { .lost_before = row->lost_before };
    int ms = 0;

    witnesses.all = !row->others;
    for (;; ms = ms + 1000 < row->last_ms ? ms + 1000 : row->last_ms) {
        bool renewed = row->renewed_ms > 0 && ms >= row->renewed_ms;
        read_at(&lease, ms, row->missing ? NULL : renewed ? "b" : "a");
        if (ms == row->last_ms)
            break;
    }
    uint64_t now_us = MS(row->now_ms > 0 ? row->now_ms : row->last_ms + 10);
    enum lease_state state = lease_judge(&lease, &witnesses, now_us);
    ck_assert_msg(state == row->state, "%s: %s instead of %s", row->name, lease_state_names[state],
                  lease_state_names[row->state]);
}
END_TEST

START_TEST(one_that_was_never_read_is_unknown)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 0);
    struct lease lease = { 0 };

    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(60000)), LEASE_UNKNOWN);
}
END_TEST

/* Two readings prove as much as fifteen: a renewTime does not change and change back. */
START_TEST(a_slow_reader_comes_to_the_same_state)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 11000);
    struct lease lease = { 0 };

    read_at(&lease, 0, "a");
    ck_assert_uint_eq(lease_due_us(&lease), MS(14510));
    read_at(&lease, 14510, "a");
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(14520)), LEASE_LAPSED);
}
END_TEST

START_TEST(one_that_was_made_anew_begins_anew)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 31000);
    struct lease lease = { 0 };

    read_at(&lease, 0, "a");
    read_at(&lease, 10000, NULL);
    read_at(&lease, 20000, "a");
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(20010)), LEASE_UNKNOWN);
    read_at(&lease, 34510, "a");
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(34520)), LEASE_LAPSED);
}
END_TEST

/* The API server took nobody's renewals for 20 s; its kubelets come back one after the other. */
START_TEST(who_renews_first_after_the_server_was_sick_proves_nothing_of_the_rest)
{
    struct lease_witnesses witnesses = { .count = 3 };
    struct lease lease = { 0 };

    for (int ms = 0; ms <= 21000; ms += 1000) {
        read_at(&lease, ms, "a");
        for (size_t i = 0; i < 3; i++)
            lease_take_witness(&witnesses, i,
                               &(struct lease_reading){ .found = true,
                                                        .duration_us = 40 * US_PER_SECOND,
                                                        .renewed = { ms > 20000 ? 'b' : 'a' },
                                                        .sent_us = MS(ms),
                                                        .answered_us = MS(ms + 10) });
    }
    ck_assert_uint_eq(lease_moved(&witnesses, &lease), 3);
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(21010)), LEASE_UNKNOWN);
    ck_assert_uint_eq(witnesses.late_us, MS(21010));
}
END_TEST

struct outage {
    const char *name;
    int first_ms, last_ms, step_ms; /* when it begins */
    int lasts_ms;
    size_t count;             /* of witnesses */
    int phases_ms[WITNESSES]; /* when they renew; each 10 s later again */
};

/* The Node itself renews at 9.9 s, and tries again at 19.9 s what was refused. */
#define NODE_PHASE_MS 9900
#define FOREVER_MS    100000
#define FIVE                                                                                       \
    5,                                                                                             \
    {                                                                                              \
        1200, 3300, 5400, 7500, 9400                                                               \
    }
#define TEN                                                                                        \
    10,                                                                                            \
    {                                                                                              \
        300, 1200, 2600, 3300, 4500, 5400, 6400, 7500, 8300, 9400                                  \
    }
#define AT_ONCE                                                                                    \
    4,                                                                                             \
    {                                                                                              \
        9800, 9850, 9950, 9990                                                                     \
    }

static const struct outage outages[] = {
    { "renewals refused just before it is due", 9700, 9700, 1, FOREVER_MS, FIVE },
    { "the same with ten", 9700, 9700, 1, FOREVER_MS, TEN },
    { "from any moment on", 0, 20000, 50, FOREVER_MS, TEN },
    { "from any moment on, few witnesses", 0, 20000, 50, FOREVER_MS, FIVE },
    { "for two seconds", 0, 20000, 50, 2000, TEN },
    { "for two seconds, few witnesses", 0, 20000, 50, 2300, FIVE },
    { "for five seconds", 0, 20000, 50, 5000, TEN },
    { "for half a minute", 0, 20000, 50, 30000, TEN },
    { "all kubelets in step", 0, 20000, 50, FOREVER_MS, AT_ONCE },
};

/* Which renewal a kubelet's Lease shows at MS; one that came during the outage was refused. */
static const char *renewal(int phase_ms, int ms, int from_ms, int lasts_ms)
{
    static char text[16];
    int last = 0;

    for (int n = 1, at_ms = phase_ms; at_ms <= ms; n++, at_ms += 10000) {
        if (at_ms < from_ms || at_ms >= from_ms + lasts_ms)
            last = n;
    }
    snprintf(text, sizeof(text), "%d", last);
    return text;
}

static void read_witnesses(struct lease_witnesses *witnesses, const struct outage *outage,
                           int from_ms, int ms)
{
    for (size_t i = 0; i < witnesses->count; i++) {
        struct lease_reading reading = { .found = true,
                                         .duration_us = 40 * US_PER_SECOND,
                                         .sent_us = MS(ms),
                                         .answered_us = MS(ms + 10) };
        snprintf(reading.renewed, sizeof(reading.renewed), "%s",
                 renewal(outage->phases_ms[i], ms, from_ms, outage->lasts_ms));
        lease_take_witness(witnesses, i, &reading);
    }
}

/* What the API server does to kubelets that live shows in their Leases a whole interval long. */
START_TEST(what_lives_does_not_lapse_because_the_api_server_was_sick)
{
    const struct outage *outage = &outages[_i];

    for (int from_ms = outage->first_ms; from_ms <= outage->last_ms; from_ms += outage->step_ms) {
        struct lease_witnesses witnesses = { .all = true, .count = outage->count };
        struct lease lease = { 0 };

        for (int ms = 0; ms <= 60000; ms += 1000) {
            read_at(&lease, ms, renewal(NODE_PHASE_MS, ms, from_ms, outage->lasts_ms));
            read_witnesses(&witnesses, outage, from_ms, ms + 300);
            ck_assert_msg(lease_judge(&lease, &witnesses, MS(ms + 310)) != LEASE_LAPSED,
                          "%s: refused from %d ms on, lapsed at %d ms", outage->name, from_ms, ms);
        }
    }
}
END_TEST

/* They are read at 11.3 s, and the third after that renews at 17.5 s. */
START_TEST(what_is_dead_lapses_once_three_others_were_renewed_after_it_was_due)
{
    static const struct outage none = { .count = 5, .phases_ms = { 1200, 2600, 5400, 7500, 9400 } };
    struct lease_witnesses witnesses = { .all = true, .count = 5 };
    struct lease lease = { 0 };
    int ms = 0;

    for (;; ms += 1000) {
        read_at(&lease, ms, "a");
        read_witnesses(&witnesses, &none, 0, ms + 300);
        if (lease_judge(&lease, &witnesses, MS(ms + 310)) == LEASE_LAPSED)
            break;
        ck_assert_int_lt(ms, 23000);
    }
    ck_assert_int_eq(ms, 18000);
}
END_TEST

/* How many of ten others died without a word, and how many may have. */
static const struct {
    size_t dead, spared;
    bool lapses;
} deaths[] = { { 0, 0, true }, { 1, 0, false }, { 1, 1, true }, { 2, 1, false } };

START_TEST(who_died_without_a_word_holds_up_where_the_lease_is_all_that_speaks)
{
    static const struct outage none = { .lasts_ms = 0, TEN };
    struct lease_witnesses witnesses = { .all = true, .count = 10 };
    struct lease lease = { .spared = deaths[_i].spared };
    bool lapses = false;

    for (int ms = 0; ms <= 25000; ms += 1000) {
        read_at(&lease, ms, "a");
        read_witnesses(&witnesses, &none, 0, ms + 300);
        for (size_t i = 0; i < deaths[_i].dead; i++)
            witnesses.leases[i] = lease;
        lapses |= lease_judge(&lease, &witnesses, MS(ms + 310)) == LEASE_LAPSED;
    }
    ck_assert_int_eq(lapses, deaths[_i].lapses);
}
END_TEST

START_TEST(a_whole_window_after_a_late_witness_it_may_lapse_again)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 30000);
    struct lease lease = { 0 };

    witnesses.late_us = MS(21010);
    read_at(&lease, 0, "a");
    read_at(&lease, 35509, "a");
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(35519)), LEASE_UNKNOWN);
    read_at(&lease, 35510, "a");
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(35520)), LEASE_LAPSED);
}
END_TEST

START_TEST(the_window_follows_the_leases_duration)
{
    struct lease lease = { .duration_us = 40 * US_PER_SECOND };

    ck_assert_uint_eq(lease_window_us(&lease), 14500 * US_PER_MS);
    lease.duration_us = 4 * US_PER_SECOND;
    ck_assert_uint_eq(lease_window_us(&lease), 3250 * US_PER_MS);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("lease");

    tcase_add_loop_test(tests, a_lease_lapses_when_it_alone_stands_still_for_long_enough, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tests, one_that_was_never_read_is_unknown);
    tcase_add_loop_test(tests, what_lives_does_not_lapse_because_the_api_server_was_sick, 0,
                        sizeof(outages) / sizeof(outages[0]));
    tcase_add_test(tests, what_is_dead_lapses_once_three_others_were_renewed_after_it_was_due);
    tcase_add_loop_test(tests, who_died_without_a_word_holds_up_where_the_lease_is_all_that_speaks,
                        0, sizeof(deaths) / sizeof(deaths[0]));
    tcase_add_test(tests, a_slow_reader_comes_to_the_same_state);
    tcase_add_test(tests, one_that_was_made_anew_begins_anew);
    tcase_add_test(tests, who_renews_first_after_the_server_was_sick_proves_nothing_of_the_rest);
    tcase_add_test(tests, a_whole_window_after_a_late_witness_it_may_lapse_again);
    tcase_add_test(tests, the_window_follows_the_leases_duration);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator lease", fill);
}
