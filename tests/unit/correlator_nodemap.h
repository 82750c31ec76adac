#pragma once

#include "correlator/nodemap.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* A map, and Nodes written in words. */
#define UID_1 "0a1b2c3d-0000-4000-8000-000000000001"
#define UID_2 "0a1b2c3d-0000-4000-8000-000000000002"
#define BOOT  "5e9f0d7a-1111-4222-8333-444444444444"

static struct nodemap *map;

static inline void set_up(void)
{
    map = nodemap_new(42);
}

static inline void tear_down(void)
{
    nodemap_free(map);
}

static inline struct address address_of(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, &address), "%s is no address", text);
    return address;
}

/* ADDRESSES: "10.0.0.1 e:192.0.2.1 a:2001:db8::1", e: external, a: annotation. */
static inline struct node_facts facts_of(const char *name, const char *uid, const char *addresses)
{
    struct node_facts facts = { 0 };
    snprintf(facts.node.name, sizeof(facts.node.name), "%s", name);
    snprintf(facts.node.uid, sizeof(facts.node.uid), "%s", uid);
    snprintf(facts.node.boot, sizeof(facts.node.boot), "%s", BOOT);
    char list[256];
    snprintf(list, sizeof(list), "%s", addresses);
    char *rest = list;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word == '\0')
            continue;
        enum node_rank rank = NODE_INTERNAL_IP;
        if (strncmp(word, "e:", 2) == 0)
            rank = NODE_EXTERNAL_IP;
        else if (strncmp(word, "a:", 2) == 0)
            rank = NODE_ANNOTATION;
        struct address address = address_of(rank == NODE_INTERNAL_IP ? word : word + 2);
        ck_assert(node_facts_claim(&facts, &address, rank));
    }
    return facts;
}

static char changes[512];

static inline void note_change(void *arg, const struct address *address, bool claimed)
{
    char text[ADDRESS_TEXT_SIZE];
    size_t used = strlen(changes);
    ck_assert_ptr_eq(arg, changes);
    snprintf(changes + used, sizeof(changes) - used, "%c%s ", claimed ? '+' : '-',
             address_print(address, text));
}

/* Returns what it told of. */
static inline const char *put(const char *name, const char *uid, const char *addresses)
{
    struct node_facts facts = facts_of(name, uid, addresses);
    changes[0] = '\0';
    nodemap_put(map, &facts, note_change, changes);
    return changes;
}

static inline const char *take(const char *name)
{
    changes[0] = '\0';
    ck_assert(nodemap_remove(map, name, note_change, changes));
    return changes;
}
