#include "tests/unit/unit.h"

#include "correlator/judge.h"

#include <string.h>

#define S US_PER_SECOND

static const struct node a = { "a", "uid-1", "boot-1" };
static const struct node a_rebooted = { "a", "uid-1", "boot-2" };
static const struct node a_recreated = { "a", "uid-2", "boot-2" };
static const struct node b = { "b", "uid-3", "boot-3" };
static const struct node a_before = { "a", "uid-1", "boot-0" };
static const struct node a_again_before = { "a", "uid-2", "boot-0" };
static const struct node bootless = { "c", "uid-4", "" };

#define FROM  .source = "10.0.3.7", .expire_us = 900 * S
#define DRILL FROM, .kind = RECORD_DRILL, .map = MAP_FRESH, .said_node = "a", .said_boot = "boot-1"
#define LATE  FROM, .kind = RECORD_LATE, .map = MAP_FRESH, .old_boot = "boot-0"

static const struct {
    const char *name;
    struct judge_case c;
    enum judge_step step;
    enum verdict verdict;
    const struct node *subject;
    const char *words;
} rows[] = {
    { "no list was whole yet", { FROM, .map = MAP_MISSING }, JUDGE_HOLD },
    { "not even for long",
      { FROM, .map = MAP_MISSING, .waited_us = 60 * S, .age_us = 999 * S },
      JUDGE_HOLD },
    { "the map is stale", { FROM, .map = MAP_STALE, .now = &a, .then = &a }, JUDGE_HOLD },
    { "the map is stale and knows nobody",
      { FROM, .map = MAP_STALE, .waited_us = 60 * S },
      JUDGE_HOLD },
    { "what is held does not expire without a map to say whose it is",
      { FROM, .map = MAP_STALE, .now = &a, .then = &a, .age_us = 901 * S },
      JUDGE_HOLD },
    { "a new Node may be on its way",
      { FROM, .map = MAP_FRESH, .waited_us = 5 * S - 1 },
      JUDGE_WAIT },
    { "nobody has the address", { FROM, .map = MAP_FRESH, .waited_us = 5 * S }, JUDGE_UNKNOWN },
    { "nobody was asked whether it is dead",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a },
      JUDGE_INTENT,
      VERDICT_UNVERIFIED,
      &a,
      "not verified: --verify=none; heard from 10.0.3.7 (InternalIP of node a)" },
    { "by its annotation",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .rank = NODE_ANNOTATION },
      JUDGE_INTENT,
      VERDICT_UNVERIFIED,
      &a,
      "not verified: --verify=none; heard from 10.0.3.7 (annotation of node a)" },
    { "the Node is gone meanwhile: the actuator will find that out",
      { FROM, .map = MAP_FRESH, .then = &a },
      JUDGE_INTENT,
      VERDICT_UNVERIFIED,
      &a,
      "not verified: --verify=none; heard from 10.0.3.7 (InternalIP of node a)" },
    { "the userdata agrees",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .said_node = "a", .said_boot = "boot-1" },
      JUDGE_INTENT,
      VERDICT_UNVERIFIED,
      &a,
      "not verified: --verify=none; heard from 10.0.3.7 (InternalIP of node a)" },
    { "the userdata says another node",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .said_node = "b" },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a,
      "its userdata says node=b; heard from 10.0.3.7 (InternalIP of node a)" },
    { "the userdata says another boot",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .said_node = "a", .said_boot = "boot-0" },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a,
      "its userdata says boot=boot-0, the Node's boot id is boot-1; "
      "heard from 10.0.3.7 (InternalIP of node a)" },
    { "a boot that cannot be compared does not agree",
      { FROM, .map = MAP_FRESH, .now = &bootless, .then = &bootless, .said_boot = "boot-0" },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &bootless,
      "its userdata says boot=boot-0, the Node's boot id is not known; "
      "heard from 10.0.3.7 (InternalIP of node c)" },
    { "rebooted while held",
      { FROM, .map = MAP_FRESH, .now = &a_rebooted, .then = &a },
      JUDGE_INTENT,
      VERDICT_REBOOTED,
      &a,
      "while it was held the Node's boot id changed from boot-1 to boot-2; "
      "heard from 10.0.3.7 (InternalIP of node a)" },
    { "recreated while held",
      { FROM, .map = MAP_FRESH, .now = &a_recreated, .then = &a },
      JUDGE_INTENT,
      VERDICT_RECREATED,
      &a,
      "while it was held the Node's uid changed from uid-1 to uid-2; "
      "heard from 10.0.3.7 (InternalIP of node a)" },
    { "the address went to another Node while held",
      { FROM, .map = MAP_FRESH, .now = &b, .then = &a, .age_us = 901 * S },
      JUDGE_INTENT,
      VERDICT_RECREATED,
      &a,
      "while it was held the Node's uid changed from uid-1 to uid-3; "
      "heard from 10.0.3.7 (InternalIP of node a)" },
    { "it is not known yet whether it is dead",
      { FROM, .map = MAP_FRESH, .probe = PROBE_ASKING, .now = &a, .then = &a },
      JUDGE_ASK },
    { "it is asked while the map is stale",
      { FROM, .map = MAP_STALE, .probe = PROBE_SILENT, .found = "silent", .then = &a },
      JUDGE_HOLD },
    { "it is silent",
      { FROM, .map = MAP_FRESH, .probe = PROBE_SILENT, .found = "10.0.3.7:10250 silent for 3.02 s",
        .now = &a, .then = &a },
      JUDGE_INTENT,
      VERDICT_SILENT,
      &a,
      "10.0.3.7:10250 silent for 3.02 s; heard from 10.0.3.7 (InternalIP of node a)" },
    { "nothing can be said by probing",
      { FROM, .map = MAP_FRESH, .probe = PROBE_UNPROBABLE, .found = "no answer is known", .now = &a,
        .then = &a },
      JUDGE_INTENT,
      VERDICT_UNPROBABLE,
      &a,
      "no answer is known; heard from 10.0.3.7 (InternalIP of node a)" },
    { "it lives",
      { FROM, .map = MAP_FRESH, .probe = PROBE_ALIVE, .found = "it answers", .now = &a,
        .then = &a },
      JUDGE_ALIVE },
    { "it lives, but nobody knows whether that is the boot that panicked",
      { FROM, .map = MAP_FRESH, .probe = PROBE_ALIVE, .found = "it answers", .now = &a,
        .then = &a, .came_before = true },
      JUDGE_INTENT,
      VERDICT_EXPIRED,
      &a,
      "it came before the Nodes were known here, perhaps from an earlier boot; this one lives: it "
      "answers; heard from 10.0.3.7 (InternalIP of node a)" },
    { "it is dead, whichever boot panicked",
      { FROM, .map = MAP_FRESH, .probe = PROBE_SILENT, .found = "silent", .now = &a, .then = &a,
        .came_before = true },
      JUDGE_INTENT,
      VERDICT_SILENT,
      &a,
      "silent; heard from 10.0.3.7 (InternalIP of node a)" },
    { "a machine that rebooted is not asked about",
      { FROM, .map = MAP_FRESH, .probe = PROBE_ASKING, .now = &a_rebooted, .then = &a },
      JUDGE_INTENT,
      VERDICT_REBOOTED,
      &a,
      "while it was held the Node's boot id changed from boot-1 to boot-2; "
      "heard from 10.0.3.7 (InternalIP of node a)" },
    { "silence does not make up for a mismatch",
      { FROM, .map = MAP_FRESH, .probe = PROBE_SILENT, .found = "silent", .now = &a, .then = &a,
        .said_node = "b" },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a,
      "its userdata says node=b; heard from 10.0.3.7 (InternalIP of node a)" },
    { "asked for too long",
      { FROM, .map = MAP_FRESH, .probe = PROBE_ASKING, .now = &a, .then = &a, .age_us = 901 * S },
      JUDGE_INTENT,
      VERDICT_EXPIRED,
      &a,
      "it is 901 s old, the limit is 900 s; heard from 10.0.3.7 (InternalIP of node a)" },
    { "just in time",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .age_us = 900 * S },
      JUDGE_INTENT,
      VERDICT_UNVERIFIED,
      &a,
      "not verified: --verify=none; heard from 10.0.3.7 (InternalIP of node a)" },
    { "held for too long",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .age_us = 901 * S },
      JUDGE_INTENT,
      VERDICT_EXPIRED,
      &a,
      "it is 901 s old, the limit is 900 s; heard from 10.0.3.7 (InternalIP of node a)" },
    { "a mismatch does not become right with age",
      { FROM, .map = MAP_FRESH, .now = &a, .then = &a, .said_node = "b", .age_us = 901 * S },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a,
      "its userdata says node=b; heard from 10.0.3.7 (InternalIP of node a)" },

    { "an oops and then silence, and nobody may ask",
      { FROM, .map = MAP_FRESH, .proof = PROOF_SILENT_OOPS, .now = &a, .then = &a },
      JUDGE_INTENT,
      VERDICT_UNPROBABLE,
      &a,
      "an oops and then silence are no panic line, so that only its Lease counts; heard from "
      "10.0.3.7 (InternalIP of node a)" },
    { "an oops and then silence, which the machine bears out",
      { FROM, .map = MAP_FRESH, .proof = PROOF_SILENT_OOPS, .probe = PROBE_SILENT,
        .found = "silent", .now = &a, .then = &a },
      JUDGE_INTENT,
      VERDICT_SILENT,
      &a,
      "silent; heard from 10.0.3.7 (InternalIP of node a)" },
    { "an oops and then silence of one that lives",
      { FROM, .map = MAP_FRESH, .proof = PROOF_SILENT_OOPS, .probe = PROBE_ALIVE, .found = "x",
        .now = &a, .then = &a },
      JUDGE_ALIVE },

    { "a drill asks nobody",
      { DRILL, .probe = PROBE_ASKING, .now = &a, .then = &a },
      JUDGE_INTENT,
      VERDICT_DRILL,
      &a,
      "nobody would be asked; heard from 10.0.3.7 (InternalIP of node a)" },
    { "a drill says what would have been found",
      { DRILL, .probe = PROBE_ASKING, .now = &a, .then = &a, .found = "its kubelet answered" },
      JUDGE_INTENT,
      VERDICT_DRILL,
      &a,
      "its kubelet answered; heard from 10.0.3.7 (InternalIP of node a)" },
    { "a drill of another Node",
      { DRILL, .now = &b, .then = &b },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &b,
      "its userdata says node=a; heard from 10.0.3.7 (InternalIP of node b)" },
    { "a drill of another boot",
      { FROM, .kind = RECORD_DRILL, .map = MAP_FRESH, .now = &a, .then = &a, .said_node = "a",
        .said_boot = "boot-0" },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a,
      "its userdata says boot=boot-0, the Node's boot id is boot-1; heard from 10.0.3.7 "
      "(InternalIP of node a)" },
    { "a drill of a Node that has rebooted meanwhile",
      { DRILL, .now = &a_rebooted, .then = &a },
      JUDGE_INTENT,
      VERDICT_REBOOTED,
      &a,
      "while it was held the Node's boot id changed from boot-1 to boot-2; heard from 10.0.3.7 "
      "(InternalIP of node a)" },
    { "a drill that was held for too long",
      { DRILL, .now = &a, .then = &a, .age_us = 901 * S },
      JUDGE_INTENT,
      VERDICT_EXPIRED,
      &a,
      "it is 901 s old, the limit is 900 s; heard from 10.0.3.7 (InternalIP of node a)" },
    { "a drill of nobody", { DRILL, .waited_us = 5 * S }, JUDGE_UNKNOWN },

    { "late words need a map, too",
      { FROM, .kind = RECORD_LATE, .map = MAP_STALE, .old_boot = "boot-0", .now = &a },
      JUDGE_HOLD },
    { "late words are about a boot that is over",
      { LATE, .now = &a, .then = &a },
      JUDGE_INTENT,
      VERDICT_LATE,
      &a_before,
      "it says so itself, after it has booted again; heard from 10.0.3.7 (InternalIP of node a)" },
    { "late words are not held against the boot before",
      { LATE, .now = &a_recreated, .then = &a },
      JUDGE_INTENT,
      VERDICT_LATE,
      &a_again_before,
      "it says so itself, after it has booted again; heard from 10.0.3.7 (InternalIP of node a)" },
    { "the kubelet has not said yet that it has booted again",
      { LATE, .now = &a_before, .then = &a_before, .waited_us = 899 * S, .age_us = 899 * S },
      JUDGE_WAIT },
    { "the Node was deleted, and is not there again yet",
      { LATE, .waited_us = 899 * S, .age_us = 899 * S },
      JUDGE_WAIT },
    { "the Node was not made again",
      { LATE, .waited_us = 901 * S, .age_us = 901 * S },
      JUDGE_UNKNOWN },
    { "a living boot that is said to be dead",
      { LATE, .now = &a_before, .then = &a_before, .age_us = 901 * S },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a_before,
      "it tells of the death of the boot that the Node still has; heard from 10.0.3.7 (InternalIP "
      "of node a)" },
    { "late words of another Node",
      { LATE, .now = &a, .then = &a, .said_node = "b" },
      JUDGE_INTENT,
      VERDICT_MISMATCH,
      &a,
      "its userdata says another node; heard from 10.0.3.7 (InternalIP of node a)" },
};

static bool is_same(const struct node *one, const struct node *other)
{
    return strcmp(one->name, other->name) == 0 && strcmp(one->uid, other->uid) == 0 &&
           strcmp(one->boot, other->boot) == 0;
}

START_TEST(each_case_has_its_verdict)
{
    struct judged judged;
    judge(&rows[_i].c, &judged);
    ck_assert_msg(judged.step == rows[_i].step, "%s: step %d", rows[_i].name, judged.step);
    if (judged.step != JUDGE_INTENT)
        return;
    ck_assert_msg(judged.verdict == rows[_i].verdict, "%s: verdict %d", rows[_i].name,
                  judged.verdict);
    ck_assert_msg(is_same(judged.subject, rows[_i].subject), "%s: subject", rows[_i].name);
    ck_assert_str_eq(judged.words, rows[_i].words);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("judge");
    tcase_add_loop_test(cases, each_case_has_its_verdict, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("judge", fill);
}
