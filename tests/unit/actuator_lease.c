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
    struct lease_witnesses witnesses = { .chosen = true, .count = count };

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
};

/* A Lease of 40 s is renewed each 10 s: it lapses 14.5 s after the first answer, at 14,510 ms. */
static const struct row rows[] = {
    { "read once", 0, 0, 0, false, false, 5, 5, 0, LEASE_UNKNOWN },
    { "a millisecond too early", 14509, 0, 0, false, false, 5, 5, 5000, LEASE_UNKNOWN },
    { "lapsed to the millisecond", 14510, 0, 0, false, false, 5, 5, 5000, LEASE_LAPSED },
    { "three witnesses of five are enough", 14510, 0, 0, false, false, 5, 3, 5000, LEASE_LAPSED },
    { "two of five are not", 14510, 0, 0, false, false, 5, 2, 5000, LEASE_UNKNOWN },
    { "of three all are needed", 14510, 0, 0, false, false, 3, 2, 5000, LEASE_UNKNOWN },
    { "of two in a small cluster both", 14510, 0, 0, false, false, 2, 2, 5000, LEASE_LAPSED },
    { "one of two is not enough", 14510, 0, 0, false, false, 2, 1, 5000, LEASE_UNKNOWN },
    { "one in a cluster of two", 14510, 0, 0, false, false, 1, 1, 5000, LEASE_LAPSED },
    { "nobody to compare with", 14510, 0, 0, false, false, 0, 0, 0, LEASE_UNKNOWN },
    { "no witness moves: the API server is sick", 60000, 0, 0, false, false, 5, 0, 0,
      LEASE_UNKNOWN },
    { "they moved, but before the time in question", 30000, 0, 0, false, false, 5, 5, 5000,
      LEASE_UNKNOWN },
    { "renewed in time", 12000, 9000, 0, false, false, 5, 5, 5000, LEASE_ALIVE },
    { "renewed at the last moment", 15000, 14400, 0, false, false, 5, 5, 5000, LEASE_ALIVE },
    { "renewed once more, then lapsed", 24000, 9000, 0, false, false, 5, 5, 15000, LEASE_LAPSED },
    { "nobody could read it since", 14510, 0, 29011, false, false, 5, 5, 5000, LEASE_UNKNOWN },
    { "the last reading still counts", 14510, 0, 29010, false, false, 5, 5, 5000, LEASE_LAPSED },
    { "lost before", 60000, 0, 0, true, false, 5, 5, 50000, LEASE_LOST_BEFORE },
    { "missing", 20000, 0, 0, false, true, 5, 5, 15000, LEASE_MISSING },
};

START_TEST(a_lease_lapses_when_it_alone_stands_still_for_long_enough)
{
    const struct row *row = &rows[_i];
    struct lease_witnesses witnesses = witnesses_of(row->witnesses, row->moving, row->moved_ms);
    struct lease lease = { .lost_before = row->lost_before };
    int ms = 0;

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

START_TEST(witnesses_that_are_still_looked_for_prove_nothing)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 5000);
    struct lease lease = { 0 };

    read_at(&lease, 0, "a");
    read_at(&lease, 14510, "a");
    witnesses.chosen = false;
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(14520)), LEASE_UNKNOWN);
}
END_TEST

/* Two readings prove as much as fifteen: a renewTime does not change and change back. */
START_TEST(a_slow_reader_comes_to_the_same_state)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 5000);
    struct lease lease = { 0 };

    read_at(&lease, 0, "a");
    ck_assert_uint_eq(lease_due_us(&lease), MS(14510));
    read_at(&lease, 14510, "a");
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(14520)), LEASE_LAPSED);
}
END_TEST

START_TEST(one_that_was_made_anew_begins_anew)
{
    struct lease_witnesses witnesses = witnesses_of(5, 5, 25000);
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
    struct lease_witnesses witnesses = { .chosen = true, .count = 3 };
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
    ck_assert_uint_eq(lease_moved(&witnesses, MS(19000)), 3);
    ck_assert_int_eq(lease_judge(&lease, &witnesses, MS(21010)), LEASE_UNKNOWN);
    ck_assert_uint_eq(witnesses.late_us, MS(21010));
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
    tcase_add_test(tests, witnesses_that_are_still_looked_for_prove_nothing);
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
