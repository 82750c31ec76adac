#include "actuator/undo_judge.h"

#include <stdbool.h>
#include <string.h>

#include "actuator/marks.h"

static const char deleted[] =
    "its Node was deleted, and what was set on it went with it; `lastgasp-incidents show` prints "
    "the labels, annotations and taints that it had.  Its machine registers again when its kubelet "
    "starts";

const char *undo_is_late(enum outcome outcome)
{
    return outcome == OUTCOME_DELETED || outcome == OUTCOME_STRANDED ? deleted : NULL;
}

const char *undo_judge(const struct answer_node *node, const char *uid, const char *boot)
{
    struct marks marks;

    if (strcmp(node->uid, uid) != 0)
        return "the Node was created anew since, and nothing was set on this one";
    if (!marks_read(node->set, &marks))
        return "nothing is set on the Node (any more)";
    if (strcmp(marks.boot, boot) != 0)
        return "what is set on the Node is of another incident, of a later boot";
    return NULL;
}

enum outcome undo_outcome(enum outcome before)
{
    static const bool removed[] = {
        [OUTCOME_PODS_DONE] = true,
        [OUTCOME_PARTIAL] = true,
        [OUTCOME_LEFT_TO_OWNER] = true,
        [OUTCOME_ELSEWHERE] = false,
    };

    return removed[before] ? before : OUTCOME_RETRACTED;
}
