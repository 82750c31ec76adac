#include "correlator/kubelets.h"

#include "common/digest.h"
#include "common/memory.h"
#include "correlator/elapsed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_FIRST 64

uint64_t incident_number(const char *id)
{
    char digits[17];
    snprintf(digits, sizeof(digits), "%s", id);
    return strtoull(digits, NULL, 16);
}

uint64_t node_number(const struct node *node)
{
    char id[DIGEST_TEXT_SIZE];
    return incident_number(digest_incident(node->uid, node->boot, id));
}

void kubelets_free(struct kubelets *kubelets)
{
    free(kubelets->all);
    *kubelets = (struct kubelets){ 0 };
}

static int compare(const void *a, const void *b)
{
    const struct kubelet *one = a, *other = b;
    int order = memcmp(&one->address, &other->address, sizeof(one->address));
    if (order != 0 || one->node == other->node)
        return order;
    return one->node < other->node ? -1 : 1;
}

size_t kubelets_at(const struct kubelets *kubelets, const struct address *address)
{
    size_t low = 0, high = kubelets->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(&kubelets->all[middle].address, address, sizeof(*address)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct kubelet *kubelets_find(const struct kubelets *kubelets, const struct address *address,
                              uint64_t node)
{
    for (size_t at = kubelets_at(kubelets, address); at < kubelets->count; at++) {
        struct kubelet *kubelet = &kubelets->all[at];
        if (!address_equal(&kubelet->address, address))
            break;
        if (kubelet->node == node)
            return kubelet;
    }
    return NULL;
}

static bool same_address(const struct kubelets *kubelets, size_t a, size_t b)
{
    return a < kubelets->count && b < kubelets->count &&
           address_equal(&kubelets->all[a].address, &kubelets->all[b].address);
}

/* Before the first there is SIZE_MAX, which is no index either. */
bool kubelets_is_shared(const struct kubelets *kubelets, size_t at)
{
    return same_address(kubelets, at, at - 1) || same_address(kubelets, at, at + 1);
}

void kubelets_mark_tried(struct kubelets *kubelets, size_t at)
{
    struct kubelet *kubelet = &kubelets->all[at];
    kubelets->untried -= !kubelet->tried;
    kubelet->tried = true;
}

void kubelets_append(struct kubelets *kubelets, const struct kubelet *kubelet)
{
    if (kubelets->count == kubelets->cap) {
        kubelets->cap = kubelets->cap ? kubelets->cap + kubelets->cap / 2 : COUNT_FIRST;
        kubelets->all = xrealloc(kubelets->all, kubelets->cap * sizeof(*kubelets->all));
    }
    kubelets->all[kubelets->count++] = *kubelet;
    kubelets->untried += !kubelet->tried;
}

/* What FACTS says of the port at ADDRESS, without a baseline. */
static struct kubelet kubelet_of(const struct kubelets *kubelets, const struct node_facts *facts,
                                 const struct address *address)
{
    const char *boot = facts->node.boot;
    return (struct kubelet){
        .address = *address,
        .node = node_number(&facts->node),
        .zone = facts->zone,
        .port = facts->kubelet_port != 0 ? facts->kubelet_port : KUBELET_PORT,
        .is_ours = boot[0] != '\0' && strcmp(boot, kubelets->own_boot) == 0,
    };
}

static void take_baseline(struct kubelet *kubelet, const struct kubelet *from)
{
    kubelet->answered_us = from->answered_us;
    kubelet->rtt_us = from->rtt_us;
    kubelet->tried = from->tried;
}

void kubelets_replace(struct kubelets *kubelets, const struct nodemap *map)
{
    struct kubelets next = { 0 };
    struct node_facts facts;
    memcpy(next.own_boot, kubelets->own_boot, sizeof(next.own_boot));
    for (uint32_t cursor = 0; nodemap_next_node(map, &cursor, &facts);) {
        for (size_t i = 0; i < facts.claim_count; i++) {
            if (facts.claims[i].rank != NODE_INTERNAL_IP)
                continue;
            struct kubelet kubelet = kubelet_of(kubelets, &facts, &facts.claims[i].address);
            const struct kubelet *old = kubelets_find(kubelets, &kubelet.address, kubelet.node);
            if (old != NULL)
                take_baseline(&kubelet, old);
            kubelets_append(&next, &kubelet);
        }
    }
    if (next.count > 0)
        qsort(next.all, next.count, sizeof(*next.all), compare);
    kubelets_free(kubelets);
    *kubelets = next;
}

static bool has(const struct node_facts *facts, const struct address *address)
{
    for (size_t i = 0; facts != NULL && i < facts->claim_count; i++) {
        if (facts->claims[i].rank == NODE_INTERNAL_IP &&
            address_equal(&facts->claims[i].address, address))
            return true;
    }
    return false;
}

static void drop(struct kubelets *kubelets, struct kubelet *kubelet)
{
    size_t at = (size_t)(kubelet - kubelets->all);
    kubelets->untried -= !kubelet->tried;
    kubelets->count--;
    memmove(kubelet, kubelet + 1, (kubelets->count - at) * sizeof(*kubelet));
}

static void put(struct kubelets *kubelets, const struct kubelet *kubelet)
{
    struct kubelet *known = kubelets_find(kubelets, &kubelet->address, kubelet->node);
    if (known != NULL) {
        known->zone = kubelet->zone;
        known->port = kubelet->port;
        return;
    }
    kubelets_append(kubelets, kubelet);
    size_t at = kubelets->count - 1;
    for (; at > 0 && compare(&kubelets->all[at - 1], kubelet) > 0; at--)
        kubelets->all[at] = kubelets->all[at - 1];
    kubelets->all[at] = *kubelet;
}

void kubelets_change(struct kubelets *kubelets, const struct node_facts *was,
                     const struct node_facts *is)
{
    bool same = was != NULL && is != NULL && node_number(&was->node) == node_number(&is->node);
    for (size_t i = 0; was != NULL && i < was->claim_count; i++) {
        const struct address *address = &was->claims[i].address;
        struct kubelet *kubelet = kubelets_find(kubelets, address, node_number(&was->node));
        if (kubelet != NULL && !(same && has(is, address)))
            drop(kubelets, kubelet);
    }
    for (size_t i = 0; is != NULL && i < is->claim_count; i++) {
        if (is->claims[i].rank != NODE_INTERNAL_IP)
            continue;
        struct kubelet kubelet = kubelet_of(kubelets, is, &is->claims[i].address);
        put(kubelets, &kubelet);
    }
}

bool kubelet_is_good(const struct kubelet *kubelet, uint64_t now_us, uint64_t age_us)
{
    return kubelet->answered_us != 0 && elapsed_us(kubelet->answered_us, now_us) <= age_us;
}

uint64_t kubelets_answered_us(const struct kubelets *kubelets, const struct node_facts *facts)
{
    uint64_t number = node_number(&facts->node), answered_us = 0;
    for (size_t i = 0; i < facts->claim_count; i++) {
        const struct kubelet *kubelet = kubelets_find(kubelets, &facts->claims[i].address, number);
        if (kubelet != NULL && kubelet->answered_us > answered_us)
            answered_us = kubelet->answered_us;
    }
    return answered_us;
}

size_t kubelets_good(const struct kubelets *kubelets, uint64_t now_us, uint64_t age_us)
{
    size_t good = 0;
    for (size_t at = 0; at < kubelets->count; at++)
        good += kubelet_is_good(&kubelets->all[at], now_us, age_us);
    return good;
}

size_t kubelets_choose(const struct kubelets *kubelets, const struct node_facts *facts,
                       const struct address *source, struct address chosen[NODE_CLAIMS_MAX])
{
    bool only_source = has(facts, source);
    size_t count = 0;
    for (size_t i = 0; i < facts->claim_count; i++) {
        const struct node_claim *claim = &facts->claims[i];
        bool wanted =
            only_source ? address_equal(&claim->address, source) : claim->rank == NODE_INTERNAL_IP;
        if (wanted && !kubelets_is_shared(kubelets, kubelets_at(kubelets, &claim->address)))
            chosen[count++] = claim->address;
    }
    return count;
}
