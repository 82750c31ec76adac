#include "actuator/optouts.h"

#include <string.h>

#define CONTROL_PLANE     "node-role.kubernetes.io/control-plane"
#define CONTROL_PLANE_OLD "node-role.kubernetes.io/master"

/* Our annotation's words.  Whoever wrote another one wanted something, and not what we would do
 * without it. */
static const struct {
    const char *word;
    struct optout optout;
} words[] = {
    { "ignore", { MODE_OBSERVE, "the Node is annotated lastgasp=ignore" } },
    { "observe", { MODE_OBSERVE, "the Node is annotated lastgasp=observe" } },
    { "annotate", { MODE_ANNOTATE, "the Node is annotated lastgasp=annotate" } },
    { "pods", { MODE_PODS, "the Node is annotated lastgasp=pods" } },
    { "node", { MODE_NODE, NULL } },
};
static const struct optout strange_word = { MODE_OBSERVE,
                                            "the Node's annotation lastgasp= has a word that is "
                                            "none of ignore, observe, annotate, pods, node" };

enum where { ANNOTATION, LABEL };

/* VALUE NULL: whatever it is. */
static const struct row {
    enum where where;
    const char *key, *value;
    enum mode most;
    const char *why;
} table[] = {
    { LABEL, "remediation.medik8s.io/exclude-from-remediation", "true", MODE_OBSERVE,
      "the Node is labelled remediation.medik8s.io/exclude-from-remediation" },
    { ANNOTATION, "cluster.x-k8s.io/skip-remediation", NULL, MODE_OBSERVE,
      "the Node is annotated cluster.x-k8s.io/skip-remediation" },
    { ANNOTATION, "cluster.x-k8s.io/paused", NULL, MODE_OBSERVE,
      "the Node is annotated cluster.x-k8s.io/paused" },
};

static struct optout of_word(const char *word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].word) == 0)
            return words[i].optout;
    }
    return strange_word;
}

static bool applies(const struct row *row, const struct answer_node *node)
{
    const struct answer_pairs *pairs = row->where == LABEL ? &node->labels : &node->annotations;
    const char *value = answer_pairs_find(pairs, row->key);

    return value && (!row->value || strcmp(value, row->value) == 0);
}

static bool is_selected(const struct optouts *optouts, const struct answer_node *node)
{
    for (size_t i = 0; i < optouts->selector_count; i++) {
        const char *value = answer_pairs_find(&node->labels, optouts->selector[i].key);
        if (!value || strcmp(value, optouts->selector[i].value) != 0)
            return false;
    }
    return true;
}

static void lower(struct optout *optout, enum mode most, const char *why)
{
    if (most < optout->most)
        *optout = (struct optout){ most, why };
}

struct optout optouts_of(const struct optouts *optouts, const struct answer_node *node)
{
    const char *word = answer_pairs_find(&node->annotations, optouts->names->node_lastgasp);
    struct optout optout = word ? of_word(word) : (struct optout){ MODE_NODE, NULL };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (applies(&table[i], node))
            lower(&optout, table[i].most, table[i].why);
    }
    if (!optouts->include_control_plane && (answer_pairs_find(&node->labels, CONTROL_PLANE) ||
                                            answer_pairs_find(&node->labels, CONTROL_PLANE_OLD)))
        lower(&optout, MODE_ANNOTATE, "the Node is of the control plane");
    if (strcmp(optouts->own_boot, node->boot) == 0)
        lower(&optout, MODE_OBSERVE, "it is the machine that lastgasp runs on");
    if (!is_selected(optouts, node))
        lower(&optout, MODE_OBSERVE, "the Node is not one of --node-selector");
    return optout;
}

bool optouts_select(struct optouts *optouts, char *text)
{
    while (text && *text) {
        char *next = strchr(text, ','), *value = strchr(text, '=');
        if (next)
            *next++ = '\0';
        if (!value || value == text || (next && value > next) ||
            optouts->selector_count == OPTOUTS_SELECTOR_MAX)
            return false;
        *value++ = '\0';
        optouts->selector[optouts->selector_count++] = (struct answer_pair){ text, value };
        text = next;
    }
    return true;
}
