#include "actuator/request.h"

#include "common/clock.h"
#include "common/digest.h"
#include "tests/unit/unit.h"

#include <string.h>

#define NOW      (1000000 * US_PER_SECOND)
#define UID      "7d3b7c4e-0b1e-4a52-9a7e-2f2f6f3f7c11"
#define BOOT     "0f0f1b2c-1111-4222-8333-444455556666"
#define PANIC_ID "0123456789abcdef0123456789abcdef"

static char id[DIGEST_TEXT_SIZE];
static const char *const panics[] = { PANIC_ID };

static struct intent good_intent(void)
{
    digest_incident(UID, BOOT, id);
    return (struct intent){
        .id = id,
        .node = "i-0abc.eu-west-1.compute.internal",
        .uid = UID,
        .boot = BOOT,
        .cause = CAUSE_KERNEL_PANIC,
        .reason_code = REASON_OOPS,
        .reason = "Fatal exception in interrupt",
        .verdict = VERDICT_UNVERIFIED,
        .words = "not verified",
        .silent_until_us = RECORD_ABSENT,
        .last_answer_us = RECORD_ABSENT,
        .rtt_us = RECORD_ABSENT,
        .received_us = NOW - US_PER_SECOND,
        .expires_us = NOW + 15 * US_PER_MINUTE,
        .panics = { 1, panics },
    };
}

START_TEST(a_well_formed_intent_is_taken)
{
    struct intent intent = good_intent();
    char why[RECORD_WHY_SIZE] = "";

    ck_assert_msg(request_check(&intent, NOW, why), "%s", why);
}
END_TEST

/* What is only told, too; a drill may also be of another Node, or have come too late. */
START_TEST(words_are_taken)
{
    static const enum verdict verdicts[] = { VERDICT_DRILL, VERDICT_MISMATCH, VERDICT_EXPIRED,
                                             VERDICT_REBOOTED, VERDICT_RECREATED };
    struct intent intent = good_intent();
    char why[RECORD_WHY_SIZE] = "";

    intent.verdict = VERDICT_LATE;
    ck_assert_msg(request_check(&intent, NOW, why), "%s", why);
    intent.cause = CAUSE_DRILL;
    digest_drill(UID, BOOT, PANIC_ID, id);
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        intent.verdict = verdicts[i];
        ck_assert_msg(request_check(&intent, NOW, why), "%s", why);
    }
}
END_TEST

static void break_node_slash(struct intent *intent) { intent->node = "../secrets"; }
static void break_node_upper(struct intent *intent) { intent->node = "Node"; }
static void break_node_dots(struct intent *intent) { intent->node = "a..b"; }
static void break_node_dash(struct intent *intent) { intent->node = "-a"; }
static void break_node_empty(struct intent *intent) { intent->node = ""; }
static void break_node_query(struct intent *intent) { intent->node = "a?dryrun"; }
static void break_uid(struct intent *intent) { intent->uid = "uid\",\"x\":\""; }
static void break_boot(struct intent *intent) { intent->boot = ""; }
static void break_id(struct intent *intent) { intent->id = PANIC_ID; }
static void break_future(struct intent *intent) { intent->received_us = NOW + US_PER_MINUTE; }
static void break_expiry(struct intent *intent) { intent->expires_us = intent->received_us - 1; }
static void break_life(struct intent *intent) { intent->expires_us = NOW + 25 * 60 * US_PER_MINUTE; }
static void break_silent(struct intent *intent) { intent->silent_until_us = NOW + US_PER_MINUTE; }
static void break_reason(struct intent *intent) { intent->reason = "two\nlines"; }
static void break_no_reason(struct intent *intent) { intent->reason = ""; }
static void break_words(struct intent *intent) { intent->words = "bell\a"; }
static void break_verdict(struct intent *intent) { intent->verdict = VERDICT_REPORTED; }
static void break_no_panic(struct intent *intent) { intent->panics.count = 0; }
static void break_panic(struct intent *intent)
{
    static const char *const wrong[] = { "not hexadecimal" };
    intent->panics.line = wrong;
}

static void break_drill(struct intent *intent) { intent->verdict = VERDICT_DRILL; }
static void break_drill_silent(struct intent *intent) { intent->cause = CAUSE_DRILL; }
static void break_drill_id(struct intent *intent)
{
    intent->cause = CAUSE_DRILL;
    intent->verdict = VERDICT_DRILL; /* with the id of a real incident of that boot */
}
static void break_drills(struct intent *intent)
{
    break_drill_id(intent);
    intent->panics.count = 0;
}
static void break_late(struct intent *intent)
{
    intent->cause = CAUSE_HALT;
    intent->verdict = VERDICT_LATE;
}
static void break_booted(struct intent *intent) { intent->booted_us = NOW + US_PER_MINUTE; }

static const struct {
    void (*spoil)(struct intent *intent);
    const char *why;
} rows[] = {
    { break_node_slash, "node \"../secrets\" is no Node's name" },
    { break_node_upper, "node \"Node\" is no Node's name" },
    { break_node_dots, "node \"a..b\" is no Node's name" },
    { break_node_dash, "node \"-a\" is no Node's name" },
    { break_node_empty, "node \"\" is no Node's name" },
    { break_node_query, "node \"a?dryrun\" is no Node's name" },
    { break_uid, "is no uid" },
    { break_boot, "is no boot id" },
    { break_id, "is not the hash of uid and boot" },
    { break_future, "received_us is 60000 ms in the future" },
    { break_expiry, "expires_us is not within 24 h" },
    { break_life, "expires_us is not within 24 h" },
    { break_silent, "silent_until_us is in the future" },
    { break_reason, "reason is empty or not printable" },
    { break_no_reason, "reason is empty or not printable" },
    { break_words, "words are not printable" },
    { break_verdict, "verdict \"reported\" is not a prober's" },
    { break_drill, "verdict \"drill\" is none of the cause \"kernel-panic\"" },
    { break_drill_silent, "verdict \"unverified\" is none of the cause \"drill\"" },
    { break_drill_id, "is not the hash of uid, boot and drill" },
    { break_drills, "panics has 0 ids" },
    { break_late, "verdict \"late\" is none of the cause \"halt\"" },
    { break_booted, "booted_us is in the future" },
    { break_no_panic, "an intent without a panic" },
    { break_panic, "panics[0] \"not hexadecimal\" is no id" },
};

START_TEST(an_ill_formed_intent_is_refused_with_its_reason)
{
    struct intent intent = good_intent();
    char why[RECORD_WHY_SIZE] = "";

    rows[_i].spoil(&intent);
    ck_assert(!request_check(&intent, NOW, why));
    ck_assert_msg(strstr(why, rows[_i].why) != NULL, "why: %s", why);
}
END_TEST

static const struct {
    struct report report;
    const char *why; /* NULL: it is taken */
} reports[] = {
    { { "1", "i-0abc", CAUSE_HARDWARE, "uncorrectable ECC errors", "mcelog" }, NULL },
    { { "1", "i-0abc", CAUSE_OTHER, "lost", NULL }, NULL },
    { { "1", "../secrets", CAUSE_OTHER, "lost", NULL }, "node \"../secrets\" is no Node's name" },
    { { "1", "i-0abc", CAUSE_OTHER, "", NULL }, "reason is empty" },
    { { "1", "i-0abc", CAUSE_OTHER, "two\nlines", NULL }, "reason is empty or not printable" },
    { { "1", "i-0abc", CAUSE_OTHER, "lost", "bell\a" }, "by is not printable" },
};

START_TEST(a_report_is_checked_like_an_intent)
{
    char why[RECORD_WHY_SIZE] = "";
    bool taken = request_check_report(&reports[_i].report, why);

    ck_assert_int_eq(taken, !reports[_i].why);
    ck_assert_msg(taken || strstr(why, reports[_i].why), "why: %s", why);
}
END_TEST

START_TEST(an_undo_names_a_whole_id)
{
    static const char whole[] = "da49efe9263633ea31adf9134fbd8eb6";
    char why[RECORD_WHY_SIZE] = "";

    ck_assert(request_check_undo(&(struct undo){ "1", whole, "alice" }, why));
    ck_assert(request_check_undo(&(struct undo){ "1", whole, NULL }, why));
    ck_assert(!request_check_undo(&(struct undo){ "1", "da49", NULL }, why));
    ck_assert_ptr_nonnull(strstr(why, "incident \"da49\" is no id"));
    ck_assert(!request_check_undo(&(struct undo){ "1", whole, "bell\a" }, why));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *request = tcase_create("request");
    tcase_add_test(request, a_well_formed_intent_is_taken);
    tcase_add_test(request, words_are_taken);
    tcase_add_loop_test(request, an_ill_formed_intent_is_refused_with_its_reason, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(request, a_report_is_checked_like_an_intent, 0,
                        (int)(sizeof(reports) / sizeof(reports[0])));
    tcase_add_test(request, an_undo_names_a_whole_id);
    suite_add_tcase(suite, request);
}

int main(void)
{
    return unit_run("request", fill);
}
