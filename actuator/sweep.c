#include "actuator/sweep.h"

#include <event2/event.h>
#include <stdlib.h>

#include "actuator/answers.h"
#include "actuator/bodies.h"
#include "actuator/counts.h"
#include "actuator/marks.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#define EVERY_US (20 * US_PER_SECOND)
/* 4,000 marked Nodes, which the limits allow only over days. */
#define ANSWER_MAX (64 * 1024 * 1024)

struct sweep {
    struct sweep_setup setup;
    struct json_writer *writer;
    struct event *next;
    size_t in_flight;
};

static void describe(const char *verb, const char *resource, const struct kube_answer *answer)
{
    char message[KUBE_ERROR_SIZE];

    kube_describe(verb, resource, answer, message, sizeof(message));
    log_warning("%s", message);
}

static void on_cleared(void *arg, const struct kube_answer *answer)
{
    struct sweep *sweep = arg;

    sweep->in_flight--;
    sweep->setup.counts[COUNT_REQUESTS]++;
    if (answer->status == 200) {
        sweep->setup.counts[COUNT_NODES_CLEARED]++;
        log_notice("a Node's machine has come back: what was set on the Node is undone");
    } else if (answer->status != 404 && answer->status != 409) {
        /* Gone or changed meanwhile: the next sweep sees it as it is then. */
        describe("PATCH", "nodes, to undo what was set", answer);
    }
}

static bool may_leave(void *arg)
{
    const struct sweep *sweep = arg;
    return sweep->setup.may_write(sweep->setup.arg);
}

static void clear(struct sweep *sweep, const struct answer_node *node)
{
    struct bodies_call call;

    if (!marks_are_over(node) || !sweep->setup.may_write(sweep->setup.arg))
        return;
    log_notice("Node %s: its machine has booted anew and is Ready", node->name);
    bodies_build_clear(sweep->writer, sweep->setup.names, node, &call);
    sweep->in_flight++;
    kube_submit(sweep->setup.client, &(struct kube_request){ .verb = call.verb,
                                                             .path = call.path,
                                                             .content_type = call.content_type,
                                                             .body = call.body,
                                                             .body_size = call.size,
                                                             .may_leave = may_leave,
                                                             .done = on_cleared,
                                                             .arg = sweep });
}

static void on_list(void *arg, const struct kube_answer *answer)
{
    struct sweep *sweep = arg;
    struct answer_nodes *nodes = NULL;

    sweep->in_flight--;
    sweep->setup.counts[COUNT_REQUESTS]++;
    if (answer->status == 200)
        nodes = answer_nodes_read(sweep->setup.names, answer->body, answer->size);
    if (!nodes) {
        describe("GET", "nodes that are marked", answer);
        return;
    }
    for (size_t i = 0; i < nodes->count; i++)
        clear(sweep, nodes->nodes[i]);
    answer_nodes_free(nodes);
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    static const struct timeval every = { .tv_sec = EVERY_US / US_PER_SECOND };
    struct sweep *sweep = arg;
    struct bodies_call call;

    evtimer_add(sweep->next, &every);
    if (sweep->in_flight > 0 || !sweep->setup.may_write(sweep->setup.arg))
        return;
    bodies_build_nodes(sweep->setup.names->node_set, "true", 0, NULL, &call);
    sweep->in_flight++;
    kube_submit(sweep->setup.client, &(struct kube_request){ .verb = call.verb,
                                                             .path = call.path,
                                                             .answer_max = ANSWER_MAX,
                                                             .done = on_list,
                                                             .arg = sweep });
}

struct sweep *sweep_new(const struct sweep_setup *setup)
{
    static const struct timeval soon = { .tv_sec = 2 };
    struct sweep *sweep = xcalloc(1, sizeof(*sweep));

    sweep->setup = *setup;
    sweep->writer = json_writer_new();
    sweep->next = evtimer_new(setup->base, on_next, sweep);
    evtimer_add(sweep->next, &soon);
    return sweep;
}

void sweep_free(struct sweep *sweep)
{
    if (!sweep)
        return;
    event_free(sweep->next);
    json_writer_free(sweep->writer);
    free(sweep);
}
