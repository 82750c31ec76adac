#include "actuator/ledger_words.h"
#include "tests/unit/actuator_ledger.h"

#define START_US (1000 * US_PER_SECOND)
#define S(n)     (START_US + (uint64_t)((n)*1e6))

static const struct limits limits = { { [LIMITS_COUNT] = { 3, 60 * US_PER_SECOND } } };
static const struct limits_sizes sizes = { .nodes = 1000 };

static struct lease lease;
static struct ledger_state *a, *b;

static void setup(void)
{
    lease_init(&lease, shipped);
    a = ledger_state_new("host-a", &limits);
    b = ledger_state_new("host-b", &limits);
}

static void teardown(void)
{
    ledger_state_free(a);
    ledger_state_free(b);
    free(lease.body);
}

/* Lets STATE make one request, if it has any, and answers it at once. */
static enum ledger_step step(struct ledger_state *state, uint64_t now_us)
{
    const char *body = NULL;
    size_t size;
    enum ledger_step taken = ledger_state_next(state, &sizes, now_us, now_us, &body, &size);
    unsigned status = 200;

    if (taken == LEDGER_WRITE)
        status = lease_put(&lease, body);
    if (taken != LEDGER_REST)
        ledger_state_answered(state, status, lease.body, strlen(lease.body), now_us);
    return taken;
}

/* All that STATE wants to do at NOW. */
static void settle(struct ledger_state *state, uint64_t now_us)
{
    for (unsigned i = 0; i < 10 && step(state, now_us) != LEDGER_REST; i++)
        ;
}

/* From FROM to TO each second. */
static void run(struct ledger_state *state, double from, double to)
{
    for (double second = from; second <= to; second++)
        settle(state, S(second));
}

static enum ledger_answer ask(struct ledger_state *state, const char *node, uint64_t now_us)
{
    enum ledger_answer answer = ledger_state_ask(state, &sizes, node, "", now_us);
    if (answer != LEDGER_WAIT)
        return answer;
    settle(state, now_us);
    return ledger_state_ask(state, &sizes, node, "", now_us);
}

static void has_annotation(const char *key, const char *words)
{
    struct ledger_object *object = ledger_object_read(lease.body, strlen(lease.body));
    const char *value = strcmp(key, LEDGER_PAUSED) == 0    ? object->paused
                        : strcmp(key, LEDGER_LATCHED) == 0 ? object->latched
                                                           : object->touched;
    if (words)
        ck_assert_msg(value && strstr(value, words), "%s: %s", key, value ? value : "not there");
    else
        ck_assert_ptr_null(value);
    ledger_object_free(object);
}

START_TEST(the_first_to_come_holds_a_shipped_ledger)
{
    settle(a, S(0));
    settle(b, S(0));
    ck_assert_int_eq(ledger_state_role(a, S(0)), LEDGER_LEADS);
    ck_assert_int_eq(ledger_state_role(b, S(0)), LEDGER_STANDBY);
    ck_assert_str_eq(ledger_state_holder(b), "host-a");
    ck_assert_int_eq(ask(a, "n1", S(0)), LEDGER_GRANTED);
    ck_assert_int_eq(ask(b, "n2", S(0)), LEDGER_ELSEWHERE);
    has_annotation(LEDGER_TOUCHED, "n1 0");
}
END_TEST

START_TEST(what_others_put_into_the_object_stays)
{
    settle(a, S(0));
    ck_assert_ptr_nonnull(strstr(lease.body, "\"labels\":{\"team\":\"sre\"}"));
    ck_assert_ptr_nonnull(strstr(lease.body, "\"f:metadata\":{\"f:annotations\":{}}"));
    ck_assert_ptr_nonnull(strstr(lease.body, "\"uid\":\"1f6c\""));
    ck_assert_ptr_nonnull(strstr(lease.body, "\"leaseDurationSeconds\":15"));
}
END_TEST

START_TEST(nobody_writes_before_the_ledger_was_read_and_taken)
{
    ck_assert(!ledger_state_may_write(a, S(0)));
    ck_assert_int_eq(ledger_state_ask(a, &sizes, "n1", "", S(0)), LEDGER_WAIT);
    ck_assert_int_eq(step(a, S(0)), LEDGER_READ);
    ck_assert(!ledger_state_may_write(a, S(0)));
    ck_assert_int_eq(step(a, S(0)), LEDGER_WRITE);
    ck_assert(ledger_state_may_write(a, S(0)));
}
END_TEST

START_TEST(writes_end_ten_seconds_after_the_beginning_of_the_last_renewal)
{
    const char *body;
    size_t size;

    settle(a, S(0));
    ck_assert_int_eq(ledger_state_next(a, &sizes, S(5), S(5), &body, &size), LEDGER_WRITE);
    ck_assert_int_eq(lease_put(&lease, body), 200);
    ck_assert(ledger_state_may_write(a, S(9.9)));
    ledger_state_answered(a, 200, lease.body, strlen(lease.body), S(9.9));
    ck_assert(ledger_state_may_write(a, S(14.9)));
    ck_assert(!ledger_state_may_write(a, S(15)));
    ck_assert_int_eq(ledger_state_role(a, S(15)), LEDGER_LATE);
    ck_assert_int_eq(ledger_state_ask(a, &sizes, "n1", "", S(15)), LEDGER_WAIT);
}
END_TEST

START_TEST(a_silent_holder_loses_the_ledger_after_fifteen_seconds_and_not_before)
{
    settle(a, S(0));
    run(b, 0, 14);
    ck_assert_int_eq(ledger_state_role(b, S(14.9)), LEDGER_STANDBY);
    settle(b, S(15));
    ck_assert_int_eq(ledger_state_role(b, S(15)), LEDGER_LEADS);
    ck_assert_ptr_nonnull(strstr(lease.body, "\"leaseTransitions\":2"));
}
END_TEST

START_TEST(a_holder_that_renews_keeps_it)
{
    for (unsigned second = 0; second < 100; second++) {
        settle(a, S(second));
        settle(b, S(second));
        ck_assert_int_eq(ledger_state_role(a, S(second)), LEDGER_LEADS);
        ck_assert_int_eq(ledger_state_role(b, S(second)), LEDGER_STANDBY);
    }
}
END_TEST

START_TEST(a_frozen_holder_that_wakes_up_learns_that_it_lost)
{
    settle(a, S(0));
    ck_assert_int_eq(ask(a, "n1", S(1)), LEDGER_GRANTED);
    run(b, 1, 20);
    ck_assert(!ledger_state_may_write(a, S(21)));
    settle(a, S(21));
    ck_assert_int_eq(ledger_state_role(a, S(21)), LEDGER_STANDBY);
    ck_assert_int_eq(ask(a, "n1", S(21)), LEDGER_ELSEWHERE);
}
END_TEST

START_TEST(who_takes_over_knows_what_was_touched)
{
    settle(a, S(0));
    ck_assert_int_eq(ask(a, "n1", S(1)), LEDGER_GRANTED);
    ck_assert_int_eq(ask(a, "n2", S(1)), LEDGER_GRANTED);
    run(b, 1, 20);
    ck_assert_int_eq(ask(b, "n2", S(21)), LEDGER_GRANTED);
    ck_assert_int_eq(ask(b, "n3", S(21)), LEDGER_GRANTED);
    ck_assert_int_eq(ask(b, "n4", S(21)), LEDGER_WAIT);
}
END_TEST

START_TEST(the_same_process_after_a_restart_goes_on_at_once)
{
    settle(a, S(0));
    ck_assert_int_eq(ask(a, "n1", S(1)), LEDGER_GRANTED);
    ledger_state_free(a);
    a = ledger_state_new("host-a", &limits);
    settle(a, S(2));
    ck_assert_int_eq(ledger_state_role(a, S(2)), LEDGER_LEADS);
    ck_assert_int_eq(ask(a, "n1", S(2)), LEDGER_GRANTED);
    ck_assert_ptr_nonnull(strstr(lease.body, "\"leaseTransitions\":1"));
}
END_TEST

START_TEST(a_released_ledger_is_taken_at_the_next_look)
{
    settle(a, S(0));
    settle(b, S(0));
    ledger_state_release(a);
    ck_assert(!ledger_state_may_write(a, S(1)));
    settle(a, S(1));
    ck_assert(ledger_state_is_released(a));
    settle(b, S(2));
    ck_assert_int_eq(ledger_state_role(b, S(2)), LEDGER_LEADS);
    run(a, 2, 30);
    ck_assert_str_eq(ledger_state_holder(b), "host-b");
}
END_TEST

/* What the server answers to a write, and whether it carried it out. */
static const struct {
    unsigned status;
    bool applied;
} lost[] = { { 0, false }, { 0, true }, { 500, true }, { 504, false }, { 429, false } };

START_TEST(a_write_whose_answer_is_lost_grants_nothing_until_it_was_read)
{
    const char *body;
    size_t size;

    settle(a, S(0));
    ck_assert_int_eq(ledger_state_ask(a, &sizes, "n1", "", S(1)), LEDGER_WAIT);
    ck_assert_int_eq(ledger_state_next(a, &sizes, S(1), S(1), &body, &size), LEDGER_WRITE);
    if (lost[_i].applied)
        ck_assert_int_eq(lease_put(&lease, body), 200);
    ledger_state_answered(a, lost[_i].status, "", 0, S(2));
    ck_assert_int_eq(ledger_state_ask(a, &sizes, "n1", "", S(2)), LEDGER_WAIT);
    ck_assert_int_eq(step(a, S(2)), LEDGER_REST); /* not at once again */
    ck_assert_int_eq(step(a, S(3)), LEDGER_READ);
    ck_assert_int_eq(ledger_state_ask(a, &sizes, "n1", "", S(3)),
                     lost[_i].applied ? LEDGER_GRANTED : LEDGER_WAIT);
    ck_assert_int_eq(ask(a, "n1", S(3)), LEDGER_GRANTED);
}
END_TEST

START_TEST(a_late_write_of_a_frozen_holder_is_refused)
{
    const char *body;
    size_t size;

    settle(a, S(0));
    ledger_state_ask(a, &sizes, "n1", "", S(1));
    ck_assert_int_eq(ledger_state_next(a, &sizes, S(1), S(1), &body, &size), LEDGER_WRITE);
    run(b, 0, 20);
    ck_assert_int_eq(lease_put(&lease, body), 409);
    ledger_state_answered(a, 409, "", 0, S(20));
    settle(a, S(20));
    ck_assert_int_eq(ask(a, "n1", S(20)), LEDGER_ELSEWHERE);
    has_annotation(LEDGER_TOUCHED, "");
    ck_assert_ptr_null(strstr(lease.body, "n1"));
}
END_TEST

START_TEST(one_write_pays_for_all_that_wait)
{
    settle(a, S(0));
    unsigned before = lease.version;
    for (unsigned i = 0; i < 3; i++)
        ledger_state_ask(a, &sizes, (const char *[]){ "n1", "n2", "n3" }[i], "", S(1));
    settle(a, S(1));
    ck_assert_uint_eq(lease.version, before + 1);
    has_annotation(LEDGER_TOUCHED, "n1 0\nn2 0\nn3 0\n");
}
END_TEST

START_TEST(a_missing_ledger_is_said_and_never_made)
{
    const char *body;
    size_t size;

    settle(a, S(0));
    ck_assert_int_eq(ledger_state_next(a, &sizes, S(5), S(5), &body, &size), LEDGER_WRITE);
    ledger_state_answered(a, 404, "", 0, S(5));
    ck_assert_int_eq(ledger_state_next(a, &sizes, S(6), S(6), &body, &size), LEDGER_READ);
    ledger_state_answered(a, 404, "", 0, S(6));
    ck_assert_int_eq(ledger_state_role(a, S(6)), LEDGER_MISSING);
    ck_assert(!ledger_state_may_write(a, S(6)));
    ck_assert_int_eq(ledger_state_next(a, &sizes, S(8), S(8), &body, &size), LEDGER_READ);
}
END_TEST

START_TEST(a_ledger_that_was_made_anew_has_not_forgotten)
{
    settle(a, S(0));
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(ask(a, (const char *[]){ "n1", "n2", "n3" }[i], S(1)), LEDGER_GRANTED);
    free(lease.body);
    lease_init(&lease, shipped);
    while (lease.version < 77) /* none that A knows */
        lease_store(&lease, lease.body);
    run(a, 6, 9);
    ck_assert_int_eq(ledger_state_role(a, S(9)), LEDGER_LEADS);
    ck_assert_int_eq(ask(a, "n4", S(9)), LEDGER_WAIT);
    has_annotation(LEDGER_TOUCHED, "n3");
}
END_TEST

START_TEST(an_annotation_that_cannot_be_read_stops_all_and_is_left_alone)
{
    settle(a, S(0));
    lease_annotate(&lease, LEDGER_TOUCHED, "what is this");
    run(a, 5, 20);
    ck_assert_int_eq(ledger_state_role(a, S(20)), LEDGER_BROKEN);
    ck_assert(!ledger_state_may_write(a, S(20)));
    has_annotation(LEDGER_TOUCHED, "what is this");
    lease_annotate(&lease, LEDGER_TOUCHED, NULL);
    run(a, 21, 24);
    ck_assert_int_eq(ledger_state_role(a, S(24)), LEDGER_LEADS);
}
END_TEST

START_TEST(kubectl_pauses_every_host_by_an_annotation)
{
    settle(a, S(0));
    ck_assert_int_eq(ask(a, "n1", S(1)), LEDGER_GRANTED);
    lease_annotate(&lease, LEDGER_PAUSED, "maintenance");
    run(a, 2, 6); /* the next renewal finds it */
    ck_assert(!ledger_state_may_write(a, S(6)));
    ck_assert_int_eq(ask(a, "n1", S(6)), LEDGER_WAIT);
    ck_assert_str_eq(ledger_state_paused(a), "maintenance");
    run(a, 7, 40);
    has_annotation(LEDGER_PAUSED, "maintenance");
    ck_assert_int_eq(ledger_state_role(a, S(40)), LEDGER_LEADS);
    lease_annotate(&lease, LEDGER_PAUSED, NULL);
    run(a, 41, 46);
    ck_assert_int_eq(ask(a, "n1", S(46)), LEDGER_GRANTED);
}
END_TEST

START_TEST(a_host_that_stands_by_can_pause_and_resume)
{
    settle(a, S(0));
    settle(b, S(0));
    ledger_state_pause(b, true);
    ck_assert(!ledger_state_is_settled(b));
    settle(b, S(1));
    ck_assert(ledger_state_is_settled(b));
    has_annotation(LEDGER_PAUSED, "host-b");
    ck_assert_ptr_nonnull(strstr(lease.body, "\"holderIdentity\":\"host-a\""));
    run(a, 2, 6);
    ck_assert(!ledger_state_may_write(a, S(6)));
    ledger_state_pause(b, false);
    run(b, 6, 8);
    run(a, 9, 12);
    ck_assert(ledger_state_may_write(a, S(12)));
    has_annotation(LEDGER_PAUSED, NULL);
}
END_TEST

START_TEST(a_pause_holds_here_before_it_is_written)
{
    settle(a, S(0));
    ledger_state_pause(a, true);
    ck_assert(!ledger_state_may_write(a, S(1)));
}
END_TEST

static const char *const many[] = { "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8" };

static const char *words_of(const struct ledger_state *state, uint64_t now_us)
{
    static char words[LEDGER_WORDS_SIZE];
    ledger_words(state, &sizes, now_us, words);
    return words;
}

START_TEST(what_a_host_is_doing_is_said_in_words)
{
    ck_assert_str_eq(words_of(a, S(0)), "waits for the ledger");
    settle(a, S(0));
    settle(b, S(0));
    ck_assert_str_eq(words_of(b, S(0)), "stands by (host-a acts)");
    ck_assert_str_eq(words_of(a, S(0)), "acts; 0 Nodes touched lately, the limits allow 3 more");
    ask(a, "n1", S(1));
    ck_assert_str_eq(words_of(a, S(1)), "acts; 1 Nodes touched lately, the limits allow 2 more");
    ck_assert(ledger_state_leads(a, S(1)));
    ledger_state_pause(a, true);
    settle(a, S(2));
    ck_assert_ptr_nonnull(strstr(words_of(a, S(2)), "acts, PAUSED; 1 Nodes"));
    ck_assert(!ledger_state_may_write(a, S(2)));
    ck_assert(ledger_state_leads(a, S(2))); /* what was set may still be taken back */
    ck_assert(!ledger_state_leads(b, S(2)));
    ck_assert_ptr_nonnull(
        strstr(words_of(a, S(20)), "CANNOT BE RENEWED, so writes nothing, PAUSED"));
}
END_TEST

START_TEST(a_flood_latches_until_resume_on_every_host)
{
    settle(a, S(0));
    for (unsigned i = 0; i < 7; i++)
        ck_assert_int_eq(ask(a, many[i], S(1)), i < 3 ? LEDGER_GRANTED : LEDGER_WAIT);
    settle(a, S(1));
    has_annotation(LEDGER_LATCHED, "7 nodes");
    ck_assert_int_eq(ask(a, "n1", S(2)), LEDGER_GRANTED); /* what is paid for is finished */
    run(a, 3, 100);
    ck_assert_int_eq(ask(a, "n4", S(100)), LEDGER_WAIT); /* the window has slid: latched */
    run(b, 100, 116);
    ck_assert_int_eq(ledger_state_role(b, S(116)), LEDGER_LEADS);
    ck_assert_int_eq(ask(b, "n4", S(116)), LEDGER_WAIT);
    ledger_state_pause(b, false);
    settle(b, S(118));
    has_annotation(LEDGER_LATCHED, NULL);
    for (unsigned i = 0; i < 8; i++) /* limits hold, but it does not latch again at once */
        ck_assert_int_eq(ask(b, many[i], S(119)), i < 3 ? LEDGER_GRANTED : LEDGER_WAIT);
    ck_assert_ptr_null(ledger_state_latched(b));
}
END_TEST

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("ledger");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_first_to_come_holds_a_shipped_ledger);
    tcase_add_test(tests, what_others_put_into_the_object_stays);
    tcase_add_test(tests, nobody_writes_before_the_ledger_was_read_and_taken);
    tcase_add_test(tests, writes_end_ten_seconds_after_the_beginning_of_the_last_renewal);
    tcase_add_test(tests, a_silent_holder_loses_the_ledger_after_fifteen_seconds_and_not_before);
    tcase_add_test(tests, a_holder_that_renews_keeps_it);
    tcase_add_test(tests, a_frozen_holder_that_wakes_up_learns_that_it_lost);
    tcase_add_test(tests, who_takes_over_knows_what_was_touched);
    tcase_add_test(tests, the_same_process_after_a_restart_goes_on_at_once);
    tcase_add_test(tests, a_released_ledger_is_taken_at_the_next_look);
    tcase_add_loop_test(tests, a_write_whose_answer_is_lost_grants_nothing_until_it_was_read, 0,
                        COUNT_OF(lost));
    tcase_add_test(tests, a_late_write_of_a_frozen_holder_is_refused);
    tcase_add_test(tests, one_write_pays_for_all_that_wait);
    tcase_add_test(tests, a_missing_ledger_is_said_and_never_made);
    tcase_add_test(tests, a_ledger_that_was_made_anew_has_not_forgotten);
    tcase_add_test(tests, an_annotation_that_cannot_be_read_stops_all_and_is_left_alone);
    tcase_add_test(tests, kubectl_pauses_every_host_by_an_annotation);
    tcase_add_test(tests, a_host_that_stands_by_can_pause_and_resume);
    tcase_add_test(tests, a_pause_holds_here_before_it_is_written);
    tcase_add_test(tests, a_flood_latches_until_resume_on_every_host);
    tcase_add_test(tests, what_a_host_is_doing_is_said_in_words);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("ledger", fill);
}
