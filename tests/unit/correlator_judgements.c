#include "tests/unit/unit.h"

#include "common/memory.h"
#include "common/text.h"
#include "correlator/judgements.h"

#include <stdio.h>
#include <string.h>

/* These stand in for the channel: the linker takes them instead of the library's. */
static struct delivery *waiting[8];
static size_t waiting_count;

void channel_client_deliver(struct channel_client *client, struct delivery *delivery)
{
    (void)client;
    waiting[waiting_count++] = delivery;
}

static size_t withdrawn;

void channel_client_withdraw(struct channel_client *client, struct delivery *delivery)
{
    (void)client, (void)delivery;
    withdrawn++;
}

static const struct node node_a = { "a", "uid-1", "boot-1" };
static const struct node node_b = { "b", "uid-2", "boot-2" };

static struct gasps gasps;
static struct judgements *judgements;
static char acknowledged[4096];
static size_t used;

static void note_acknowledged(void *arg, const struct gasp *gasp)
{
    (void)arg;
    text_append(acknowledged, sizeof(acknowledged), &used, "%s ", gasp->id);
}

static void set_up(void)
{
    waiting_count = withdrawn = used = 0;
    acknowledged[0] = '\0';
    gasps_init(&gasps);
    judgements = judgements_new(NULL, &gasps, 900, note_acknowledged, NULL);
}

static void tear_down(void)
{
    judgements_free(judgements);
    gasps_clear(&gasps);
}

static bool join(const struct node *node, const char *id, enum record_kind kind,
                 enum verdict verdict, uint64_t received_us)
{
    struct record record = { .kind = kind };
    if (kind == RECORD_PANIC)
        record.panic = (struct panic){ .id = id,
                                       .source = "10.0.0.1",
                                       .received_us = received_us,
                                       .reason_code = REASON_OOPS,
                                       .reason = id };
    else
        record.halt = (struct halt){ .id = id, .source = "10.0.0.1", .received_us = received_us };
    struct gasp *gasp = gasp_new(&record, 0);
    gasp->verdict = verdict;
    gasp->words = xstrdup("words");
    gasps_add(&gasps, gasp);
    bool first;
    judgements_join(judgements, node, gasp, &first);
    return first;
}

/* "node cause verdict reason received: panics" of what would be sent. */
static const char *sent(struct delivery *delivery)
{
    static char text[8192];
    struct record record;
    judgements_fill(judgements, delivery, &record);
    ck_assert_int_eq(record.kind, RECORD_INTENT);
    ck_assert_str_eq(record.intent.id, delivery->id);
    ck_assert_uint_eq(record.intent.expires_us, record.intent.received_us + 900);
    size_t size = 0;
    text_append(text, sizeof(text), &size, "%s %s %s %s %s %llu:", record.intent.node,
                cause_names[record.intent.cause], reason_code_names[record.intent.reason_code],
                verdict_names[record.intent.verdict], record.intent.reason,
                (unsigned long long)record.intent.received_us);
    for (size_t i = 0; i < record.intent.panics.count; i++)
        text_append(text, sizeof(text), &size, " %s", record.intent.panics.line[i]);
    return text;
}

START_TEST(a_panic_is_acknowledged_with_its_intent)
{
    ck_assert(join(&node_a, "p1", RECORD_PANIC, VERDICT_UNVERIFIED, 5));
    ck_assert_uint_eq(waiting_count, 1);
    ck_assert_str_eq(sent(waiting[0]), "a kernel-panic oops unverified p1 5: p1");
    ck_assert_str_eq(acknowledged, "");
    judgements_acknowledged(judgements, waiting[0]);
    ck_assert_str_eq(acknowledged, "p1 ");
    ck_assert_uint_eq(gasps.count, 0);
    ck_assert_uint_eq(waiting_count, 1);
}
END_TEST

START_TEST(a_panic_before_the_intent_is_sent_joins_it)
{
    join(&node_a, "p1", RECORD_PANIC, VERDICT_UNVERIFIED, 5);
    ck_assert(!join(&node_a, "p2", RECORD_PANIC, VERDICT_UNVERIFIED, 6));
    ck_assert(join(&node_b, "p3", RECORD_PANIC, VERDICT_UNVERIFIED, 7));
    ck_assert_uint_eq(waiting_count, 2);
    ck_assert_str_eq(sent(waiting[0]), "a kernel-panic oops unverified p1 5: p1 p2");
    judgements_acknowledged(judgements, waiting[0]);
    ck_assert_str_eq(acknowledged, "p1 p2 ");
    ck_assert_uint_eq(waiting_count, 2);
}
END_TEST

START_TEST(a_panic_after_the_intent_was_sent_goes_with_another)
{
    join(&node_a, "p1", RECORD_PANIC, VERDICT_UNVERIFIED, 5);
    sent(waiting[0]);
    join(&node_a, "p2", RECORD_PANIC, VERDICT_UNVERIFIED, 6);
    ck_assert_uint_eq(waiting_count, 1);
    judgements_acknowledged(judgements, waiting[0]);
    ck_assert_str_eq(acknowledged, "p1 ");
    ck_assert_uint_eq(waiting_count, 2);
    ck_assert_str_eq(sent(waiting[1]), "a kernel-panic oops unverified p2 6: p2");
    judgements_acknowledged(judgements, waiting[1]);
    ck_assert_str_eq(acknowledged, "p1 p2 ");
    ck_assert_uint_eq(gasps.count, 0);
}
END_TEST

START_TEST(an_acknowledgement_of_what_was_sent_first_does_not_cover_what_was_added)
{
    join(&node_a, "p1", RECORD_PANIC, VERDICT_UNVERIFIED, 5);
    sent(waiting[0]);
    join(&node_a, "p2", RECORD_PANIC, VERDICT_UNVERIFIED, 6);
    ck_assert_str_eq(sent(waiting[0]), "a kernel-panic oops unverified p1 5: p1 p2");
    judgements_acknowledged(judgements, waiting[0]);
    ck_assert_str_eq(acknowledged, "p1 ");
    ck_assert_uint_eq(gasps.count, 1);
}
END_TEST

START_TEST(the_real_panic_speaks_for_the_forged_one_before_it)
{
    join(&node_a, "forged", RECORD_PANIC, VERDICT_MISMATCH, 5);
    join(&node_a, "real", RECORD_PANIC, VERDICT_UNVERIFIED, 6);
    join(&node_a, "forged again", RECORD_PANIC, VERDICT_MISMATCH, 7);
    ck_assert_str_eq(sent(waiting[0]),
                     "a kernel-panic oops unverified real 6: forged real forged again");
}
END_TEST

START_TEST(a_panic_speaks_for_the_halt_before_it)
{
    join(&node_a, "h", RECORD_HALT, VERDICT_UNVERIFIED, 5);
    ck_assert_str_eq(sent(waiting[0]), "a halt halt unverified System halted 5: h");
    join(&node_a, "p", RECORD_PANIC, VERDICT_UNVERIFIED, 6);
    ck_assert_str_eq(sent(waiting[0]), "a kernel-panic oops unverified p 6: h p");
}
END_TEST

START_TEST(more_panics_than_one_intent_names_go_with_the_next)
{
    enum { PANICS = 300 };
    char id[16];
    for (unsigned i = 0; i < PANICS; i++) {
        snprintf(id, sizeof(id), "p%03u", i);
        join(&node_a, id, RECORD_PANIC, VERDICT_UNVERIFIED, i);
    }
    for (size_t i = 0; i < waiting_count; i++) {
        sent(waiting[i]);
        judgements_acknowledged(judgements, waiting[i]);
    }
    ck_assert_uint_eq(waiting_count, 3);
    ck_assert_uint_eq(used, PANICS * strlen("p000 "));
    ck_assert_uint_eq(gasps.count, 0);
}
END_TEST

START_TEST(silence_goes_with_the_intent_of_the_gasp_that_speaks)
{
    join(&node_a, "p1", RECORD_PANIC, VERDICT_UNPROBABLE, 5);
    join(&node_a, "p2", RECORD_PANIC, VERDICT_SILENT, 6);
    gasps_find(&gasps, "p2")->silence = (struct silence){ 30, 20, 10 };
    ck_assert_str_eq(sent(waiting[0]), "a kernel-panic oops silent p2 6: p1 p2");
    struct record record;
    judgements_fill(judgements, waiting[0], &record);
    ck_assert_uint_eq(record.intent.silent_until_us, 30);
    ck_assert_uint_eq(record.intent.last_answer_us, 20);
    ck_assert_uint_eq(record.intent.rtt_us, 10);
}
END_TEST

/* The ids of what was recalled. */
static const char *recall(const struct node *node, bool *was_sent)
{
    static char text[256];
    char id[DIGEST_TEXT_SIZE];
    size_t size = 0;
    text[0] = '\0';
    digest_incident(node->uid, node->boot, id);
    for (struct gasp *gasp = judgements_recall(judgements, id, was_sent); gasp != NULL;
         gasp = gasp->next)
        text_append(text, sizeof(text), &size, "%s ", gasp->id);
    return text;
}

START_TEST(what_was_not_sent_is_recalled)
{
    bool was_sent;
    join(&node_a, "p1", RECORD_PANIC, VERDICT_SILENT, 5);
    join(&node_a, "p2", RECORD_PANIC, VERDICT_SILENT, 6);
    ck_assert_str_eq(recall(&node_b, &was_sent), "");
    ck_assert(!was_sent);
    ck_assert_str_eq(recall(&node_a, &was_sent), "p1 p2 ");
    ck_assert(!was_sent);
    ck_assert_uint_eq(withdrawn, 1);
    ck_assert_uint_eq(gasps.count, 2);
    ck_assert(join(&node_a, "p3", RECORD_PANIC, VERDICT_SILENT, 7));
}
END_TEST

START_TEST(what_was_sent_is_not_recalled_but_what_joined_since_is)
{
    bool was_sent;
    join(&node_a, "p1", RECORD_PANIC, VERDICT_UNPROBABLE, 5);
    sent(waiting[0]);
    join(&node_a, "p2", RECORD_PANIC, VERDICT_SILENT, 6);
    ck_assert_str_eq(recall(&node_a, &was_sent), "p2 ");
    ck_assert(was_sent);
    ck_assert_uint_eq(withdrawn, 0);
    ck_assert_str_eq(sent(waiting[0]), "a kernel-panic oops unprobable p1 5: p1");
    judgements_acknowledged(judgements, waiting[0]);
    ck_assert_str_eq(acknowledged, "p1 ");
    ck_assert_uint_eq(waiting_count, 1);
}
END_TEST

START_TEST(what_is_not_acknowledged_is_freed_at_the_end)
{
    join(&node_a, "p1", RECORD_PANIC, VERDICT_UNVERIFIED, 5);
    sent(waiting[0]);
    join(&node_b, "p2", RECORD_PANIC, VERDICT_UNVERIFIED, 5);
    ck_assert_ptr_nonnull(gasps_find(&gasps, "p1"));
    ck_assert_ptr_null(gasps_find(&gasps, "p3"));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("judgements");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_panic_is_acknowledged_with_its_intent);
    tcase_add_test(cases, a_panic_before_the_intent_is_sent_joins_it);
    tcase_add_test(cases, a_panic_after_the_intent_was_sent_goes_with_another);
    tcase_add_test(cases, an_acknowledgement_of_what_was_sent_first_does_not_cover_what_was_added);
    tcase_add_test(cases, the_real_panic_speaks_for_the_forged_one_before_it);
    tcase_add_test(cases, a_panic_speaks_for_the_halt_before_it);
    tcase_add_test(cases, more_panics_than_one_intent_names_go_with_the_next);
    tcase_add_test(cases, silence_goes_with_the_intent_of_the_gasp_that_speaks);
    tcase_add_test(cases, what_was_not_sent_is_recalled);
    tcase_add_test(cases, what_was_sent_is_not_recalled_but_what_joined_since_is);
    tcase_add_test(cases, what_is_not_acknowledged_is_freed_at_the_end);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("judgements", fill);
}
