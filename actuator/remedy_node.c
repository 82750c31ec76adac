#include "actuator/remedy_state.h"

#include <string.h>

#include "common/clock.h"

/* How long volumes may take to be detached, and how often the Node is read meanwhile. */
#define VOLUMES_US       (3 * US_PER_MINUTE)
#define VOLUMES_EVERY_US (2 * US_PER_SECOND)

/* A Node that changes under us is read again at once, but not as fast as we can for ever. */
#define CONFLICTS_AT_ONCE 3

static void node_is_gone(struct remedy *remedy)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    /* An attempt whose answer was lost has arrived: one of ours, or one of libcurl's own. */
    if (remedy->node_delete_sent) {
        remedy_settle(remedy, OUTCOME_DELETED, "Node deleted; %s", count);
        return;
    }
    remedy_tell_node(remedy, "the Node was deleted by somebody else");
    remedy_settle(remedy, OUTCOME_NODE_GONE, "the Node was deleted by somebody else; %s", count);
}

/* Judges what was read: is it still the machine, and the boot, that died? */
static bool is_the_dead_one(struct remedy *remedy, const struct answer_node *node)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    if (strcmp(node->uid, remedy->plan.uid) != 0) {
        remedy_tell_node(remedy, "the Node was created anew since");
        remedy_settle(remedy, OUTCOME_RECREATED, "the Node was created anew (uid %.64s); %s",
                      node->uid, count);
        return false;
    }
    if (strcmp(node->boot, remedy->plan.boot) != 0) {
        remedy_tell_node(remedy, "the node has rebooted since");
        remedy_settle(remedy, OUTCOME_REBOOTED, "the node has rebooted (boot %.64s); %s",
                      node->boot, count);
        return false;
    }
    return true;
}

static void keep_node(struct remedy *remedy, struct remedy_answer *answer)
{
    if (!answer->node)
        return;
    answer_node_free(remedy->node);
    remedy->node = answer->node;
    answer->node = NULL;
}

static void read_again(struct remedy *remedy, const struct remedy_answer *answer)
{
    uint64_t delay_us = 0;

    if (++remedy->conflicts > CONFLICTS_AT_ONCE)
        delay_us = remedy_backoff(remedy->conflicts - CONFLICTS_AT_ONCE, answer->chance);
    remedy_ask_node(remedy, REMEDY_READ_NODE, delay_us);
}

static void refused(struct remedy *remedy, enum remedy_kind kind,
                    const struct remedy_answer *answer)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    if (!remedy->marked)
        remedy_settle(remedy, OUTCOME_REFUSED, "%s", answer->message);
    else if (kind == REMEDY_READ_NODE)
        remedy_settle(remedy, OUTCOME_PARTIAL, "the Node cannot be read any more, %s; %s",
                      answer->message, count);
    else
        remedy_settle(remedy, OUTCOME_PARTIAL, "the Node is kept, %s; %s", answer->message, count);
}

/* A write was taken; what came back is the Node that the next one is about. */
static void written(struct remedy *remedy, enum remedy_kind kind, struct remedy_answer *answer)
{
    char count[256];

    remedy->conflicts = 0;
    if (kind == REMEDY_DELETE_NODE) {
        remedy_count(remedy, count, sizeof(count));
        remedy_say(remedy, "Node deleted");
        if (remedy->plan.dry != REMEDY_REAL)
            remedy_settle(remedy, OUTCOME_DRY_RUN, "had it been real: Node deleted; %s", count);
        else
            remedy_settle(remedy, OUTCOME_DELETED, "Node deleted; %s", count);
        return;
    }
    if (answer->node && !is_the_dead_one(remedy, answer->node))
        return;
    /* In a dry run on the server what comes back was never stored. */
    if (remedy->plan.dry == REMEDY_REAL)
        keep_node(remedy, answer);
    if (kind == REMEDY_TAINT_NODE) {
        remedy_say(remedy, "Node tainted out of service, %zu volumes are attached",
                   remedy->node->volumes);
        remedy->tainted = true;
        return;
    }
    remedy_say(remedy, "Node annotated and cordoned");
    remedy->marked = true;
    remedy_tell_node(remedy, NULL);
    remedy_release_pods(remedy);
}

void remedy_node_answered(struct remedy *remedy, enum remedy_kind kind, enum answer_class class,
                          struct remedy_answer *answer)
{
    switch (class) {
    case ANSWER_GONE:
        node_is_gone(remedy);
        break;
    case ANSWER_CONFLICT:
        remedy->node_delete_sent = false;
        read_again(remedy, answer);
        break;
    case ANSWER_NEVER:
        refused(remedy, kind, answer);
        break;
    case ANSWER_DONE:
        if (kind != REMEDY_READ_NODE) {
            written(remedy, kind, answer);
        } else if (is_the_dead_one(remedy, answer->node)) {
            keep_node(remedy, answer);
            if (!remedy->marked && remedy->level > MODE_OBSERVE)
                remedy_ask_node(remedy, REMEDY_MARK_NODE, 0);
        }
        break;
    case ANSWER_LATER:
        break;
    }
}

static bool is_out_of_service(const struct answer_node *node)
{
    for (size_t i = 0; i < node->taint_count; i++) {
        const struct answer_taint *taint = &node->taints[i];
        if (taint->key && strcmp(taint->key, NAMES_OUT_OF_SERVICE) == 0 && taint->effect &&
            strcmp(taint->effect, "NoExecute") == 0)
            return true;
    }
    return false;
}

/*
 * Deleting the Node while volumes are attached would make the attach-detach controller wait for
 * six minutes; the taint lets it detach at once, but is looked up on the Node (KEP-2268).
 */
static bool volumes_are_detached(struct remedy *remedy)
{
    const struct answer_node *node = remedy->node;
    char count[256];

    if (node->volumes == 0)
        return true;
    if (remedy->volumes_until_us == 0)
        remedy->volumes_until_us = remedy->now_us + VOLUMES_US;
    if (remedy->now_us >= remedy->volumes_until_us) {
        remedy_count(remedy, count, sizeof(count));
        remedy_settle(remedy, OUTCOME_PARTIAL,
                      "the Node is kept, %zu volumes are still attached after 3 minutes; %s",
                      node->volumes, count);
        return false;
    }
    if (remedy->plan.dry != REMEDY_REAL && remedy->tainted)
        return true;
    if (is_out_of_service(node))
        remedy_ask_node(remedy, REMEDY_READ_NODE, VOLUMES_EVERY_US);
    else
        remedy_ask_node(remedy, REMEDY_TAINT_NODE, 0);
    return false;
}

void remedy_finish_node(struct remedy *remedy)
{
    enum outcome done = remedy->level == MODE_PODS ? OUTCOME_PODS_DONE : OUTCOME_TOLD;
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    if (remedy->tally.refused > 0)
        remedy_settle(remedy, OUTCOME_PARTIAL, "%s; %s", count, remedy->refusal);
    else if (remedy->level < MODE_NODE && remedy->plan.dry != REMEDY_REAL)
        remedy_settle(remedy, OUTCOME_DRY_RUN, "had it been real: %s", count);
    else if (remedy->level < MODE_NODE)
        remedy_settle(remedy, done, "%s", count);
    else if (!volumes_are_detached(remedy))
        return;
    else if (remedy->node->finalizers)
        remedy_settle(remedy, OUTCOME_LEFT_TO_OWNER,
                      "the Node has finalizers and is left to their owner; %s", count);
    else
        remedy_ask_node(remedy, REMEDY_DELETE_NODE, 0);
}
