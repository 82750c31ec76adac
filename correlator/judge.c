#include "correlator/judge.h"

#include <stdio.h>
#include <string.h>

/*
 * The questions in their order:
 *
 *   can the map be relied on?               no: hold
 *   is or was the address a Node's?         no: wait a little, then unknown
 *   is it still the Node that panicked?     another uid: recreated; another boot: rebooted
 *   does the datagram say another Node?     mismatch
 *   was it held for too long?               expired
 *   is it a drill?                          drill
 *   is the machine dead?                    as probing found; nobody asked it: unverified
 *
 * A panic that was held is a panic of the Node that had the address when it arrived, not of
 * whatever has it by now: machines are replaced under the same name and address.
 *
 * Late words are about a boot that is over, of whatever Node has the address now: after the death a
 * new Node may have been made.  The kubelet that says so may start long after them.
 *
 * That an oops was the end (silent-oops) is never believed without having asked: where nobody does,
 * it is as of a machine that cannot be asked.
 *
 * One that came before we knew any Node may be of an earlier boot than the one that we know.  If
 * that lives, the panic may still have been real, and the history has to have it.
 */
static void say(struct judged *judged, enum verdict verdict, const struct judge_case *c,
                const char *why)
{
    judged->verdict = verdict;
    snprintf(judged->words, sizeof(judged->words), "%s; heard from %s (%s of node %s)", why,
             c->source, node_rank_names[c->rank], judged->subject->name);
}

static bool differs(const char *said, const char *is)
{
    return said != NULL && strcmp(said, is) != 0;
}

/* True when the Node is no longer what it was. */
static bool judge_identity(const struct judge_case *c, struct judged *judged)
{
    if (c->now == NULL)
        return false;
    bool recreated = strcmp(c->then->uid, c->now->uid) != 0;
    if (!recreated && strcmp(c->then->boot, c->now->boot) == 0)
        return false;
    char why[3 * NODE_ID_SIZE];
    snprintf(why, sizeof(why), "while it was held the Node's %s changed from %s to %s",
             recreated ? "uid" : "boot id", recreated ? c->then->uid : c->then->boot,
             recreated ? c->now->uid : c->now->boot);
    say(judged, recreated ? VERDICT_RECREATED : VERDICT_REBOOTED, c, why);
    return true;
}

/* True when the datagram's own word is that it is of another Node or boot. */
static bool judge_userdata(const struct judge_case *c, struct judged *judged)
{
    const struct node *node = judged->subject;
    char why[2 * NODE_NAME_SIZE + 64];
    if (differs(c->said_node, node->name))
        snprintf(why, sizeof(why), "its userdata says node=%.253s", c->said_node);
    else if (differs(c->said_boot, node->boot))
        snprintf(why, sizeof(why), "its userdata says boot=%.64s, the Node's boot id is %s",
                 c->said_boot, node->boot[0] ? node->boot : "not known");
    else
        return false;
    say(judged, VERDICT_MISMATCH, c, why);
    return true;
}

static bool judge_age(const struct judge_case *c, struct judged *judged)
{
    if (c->age_us <= c->expire_us)
        return false;
    char why[96];
    snprintf(why, sizeof(why), "it is %llu s old, the limit is %llu s",
             (unsigned long long)(c->age_us / US_PER_SECOND),
             (unsigned long long)(c->expire_us / US_PER_SECOND));
    say(judged, VERDICT_EXPIRED, c, why);
    return true;
}

/* "it was heard; its kubelet answered 12 s ago, so that its silence would count" */
static bool judge_drill(const struct judge_case *c, struct judged *judged)
{
    if (c->kind != RECORD_DRILL)
        return false;
    say(judged, VERDICT_DRILL, c, c->found != NULL ? c->found : "nobody would be asked");
    return true;
}

static void judge_late(const struct judge_case *c, struct judged *judged)
{
    bool is_old = c->now != NULL && strcmp(c->now->boot, c->old_boot) != 0;
    judged->step = JUDGE_WAIT;
    if (!is_old && c->age_us <= c->expire_us)
        return;
    judged->step = c->now == NULL ? JUDGE_UNKNOWN : JUDGE_INTENT;
    if (c->now == NULL)
        return;
    judged->past = *c->now;
    judged->subject = &judged->past;
    if (differs(c->said_node, c->now->name) || !is_old) {
        say(judged, VERDICT_MISMATCH, c,
            is_old ? "its userdata says another node"
                   : "it tells of the death of the boot that the Node still has");
        return;
    }
    snprintf(judged->past.boot, sizeof(judged->past.boot), "%s", c->old_boot);
    say(judged, VERDICT_LATE, c, "it says so itself, after it has booted again");
}

static void judge_probe(const struct judge_case *c, struct judged *judged)
{
    static const enum verdict verdicts[] = {
        [PROBE_NONE] = VERDICT_UNVERIFIED,
        [PROBE_SILENT] = VERDICT_SILENT,
        [PROBE_UNPROBABLE] = VERDICT_UNPROBABLE,
        [PROBE_ALIVE] = VERDICT_UNVERIFIED, /* of no consequence: there is no intent */
    };
    if (c->probe == PROBE_ASKING) {
        judged->step = JUDGE_ASK;
        return;
    }
    if (c->probe == PROBE_ALIVE && c->came_before) {
        char why[JUDGE_WORDS_SIZE / 2];
        snprintf(why, sizeof(why),
                 "it came before the Nodes were known here, perhaps from an earlier boot; this one "
                 "lives: %.400s",
                 c->found);
        say(judged, VERDICT_EXPIRED, c, why);
        return;
    }
    if (c->probe == PROBE_NONE && c->proof == PROOF_SILENT_OOPS) {
        say(judged, VERDICT_UNPROBABLE, c,
            "an oops and then silence are no panic line, so that only its Lease counts");
        return;
    }
    if (c->probe == PROBE_ALIVE)
        judged->step = JUDGE_ALIVE;
    say(judged, verdicts[c->probe], c, c->found != NULL ? c->found : "not verified: --verify=none");
}

void judge(const struct judge_case *c, struct judged *judged)
{
    judged->subject = c->then;
    if (c->map != MAP_FRESH) {
        judged->step = JUDGE_HOLD;
    } else if (c->kind == RECORD_LATE) {
        judge_late(c, judged);
    } else if (c->then == NULL) {
        judged->step = c->waited_us < JUDGE_WAIT_US ? JUDGE_WAIT : JUDGE_UNKNOWN;
    } else {
        judged->step = JUDGE_INTENT;
        if (!judge_identity(c, judged) && !judge_userdata(c, judged) && !judge_age(c, judged) &&
            !judge_drill(c, judged))
            judge_probe(c, judged);
    }
}
