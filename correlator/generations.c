#include "correlator/generations.h"

#include "common/clock.h"

void generations_init(struct generations *generations, uint64_t seed,
                      const struct generations_handler *handler, void *arg)
{
    *generations = (struct generations){ .handler = handler, .arg = arg, .seed = seed };
}

void generations_clear(struct generations *generations)
{
    nodemap_free(generations->map);
    nodemap_free(generations->next);
}

bool generations_begin(struct generations *generations)
{
    if (generations->next != NULL)
        return false;
    generations->next = nodemap_new(generations->seed);
    return true;
}

void generations_abandon(struct generations *generations)
{
    nodemap_free(generations->next);
    generations->next = NULL;
}

void generations_serve(struct generations *generations)
{
    struct nodemap *old = generations->map;
    generations->map = generations->next;
    generations->next = NULL;
    generations->lists++;
    if (old != NULL)
        nodemap_inherit(generations->map, old);
    generations->handler->replaced(generations->arg, generations->map);
    nodemap_free(old);
}

static void note_flaws(struct generations *generations, const struct nodeparse_event *event)
{
    bool unusable = event->kind == NODEPARSE_UNUSABLE;
    uint64_t skipped;
    if (!unusable && !event->odd)
        return;
    generations->unusable += unusable;
    generations->odd += !unusable;
    if (log_sample_due(&generations->sample, clock_monotonic_us(), &skipped))
        log_warning("node \"%s\": %s (and %llu like it)", event->node->node.name,
                    unusable ? "left out, it has no name, no uid, or an unknown event type"
                             : "an address or id is malformed and left out",
                    (unsigned long long)skipped);
}

static void gather(struct nodemap *map, const struct nodeparse_event *event)
{
    if (event->kind == NODEPARSE_PUT)
        nodemap_put(map, event->node, NULL, NULL);
    else if (event->kind == NODEPARSE_GONE)
        nodemap_remove(map, event->node->node.name, NULL, NULL);
}

static void change(struct generations *generations, const struct nodeparse_event *event)
{
    const struct generations_handler *handler = generations->handler;
    const struct node_facts *is = event->kind == NODEPARSE_PUT ? event->node : NULL;
    struct node_facts was;
    bool there = nodemap_load(generations->map, event->node->node.name, &was);
    if (is != NULL)
        nodemap_put(generations->map, is, handler->changed, generations->arg);
    else if (event->kind == NODEPARSE_GONE && there)
        nodemap_remove(generations->map, was.node.name, handler->changed, generations->arg);
    else
        return;
    if (!there || is == NULL || !node_facts_equal(&was, is))
        handler->node(generations->arg, there ? &was : NULL, is);
}

void generations_take(struct generations *generations, const struct nodeparse_event *event)
{
    if (generations->next != NULL)
        gather(generations->next, event);
    else
        change(generations, event);
    note_flaws(generations, event);
}
