/*
 * The list of what the peer has not acknowledged: in the order of delivery, which is the order of
 * sending, with a hash of kind and id beside it.  The peer may acknowledge in any order (a held
 * panic stays while later ones end), and 16,384 may be pending, so an ack must not search the list.
 */
#include "common/channel_internal.h"

#include <string.h>

static struct delivery **bucket_of(struct deliveries *deliveries, enum record_kind kind,
                                   const char *id)
{
    uint32_t hash = 2166136261u ^ (uint32_t)kind; /* FNV-1a */

    for (; *id != '\0'; id++)
        hash = (hash ^ (uint8_t)*id) * 16777619u;
    return &deliveries->buckets[hash % DELIVERY_BUCKETS];
}

void deliveries_add(struct deliveries *deliveries, struct delivery *delivery)
{
    struct delivery **bucket = bucket_of(deliveries, delivery->kind, delivery->id);

    delivery->state = DELIVERY_WAITING;
    delivery->same_hash = *bucket;
    *bucket = delivery;
    delivery->next = NULL;
    delivery->previous = deliveries->last;
    if (deliveries->last != NULL)
        deliveries->last->next = delivery;
    else
        deliveries->first = delivery;
    deliveries->last = delivery;
    if (deliveries->next == NULL)
        deliveries->next = delivery;
    deliveries->count++;
}

void deliveries_remove(struct deliveries *deliveries, struct delivery *delivery)
{
    struct delivery **at = bucket_of(deliveries, delivery->kind, delivery->id);

    while (*at != delivery)
        at = &(*at)->same_hash;
    *at = delivery->same_hash;
    if (delivery->previous != NULL)
        delivery->previous->next = delivery->next;
    else
        deliveries->first = delivery->next;
    if (delivery->next != NULL)
        delivery->next->previous = delivery->previous;
    else
        deliveries->last = delivery->previous;
    if (deliveries->next == delivery)
        deliveries->next = delivery->next;
    deliveries->count--;
}

struct delivery *deliveries_find(struct deliveries *deliveries, enum record_kind kind,
                                 const char *id)
{
    struct delivery *delivery = *bucket_of(deliveries, kind, id);

    while (delivery != NULL && (delivery->kind != kind || strcmp(delivery->id, id) != 0))
        delivery = delivery->same_hash;
    return delivery;
}

struct delivery *deliveries_next(struct deliveries *deliveries)
{
    while (deliveries->next != NULL && deliveries->next->state != DELIVERY_WAITING)
        deliveries->next = deliveries->next->next;
    return deliveries->next;
}

size_t deliveries_unsend(struct deliveries *deliveries)
{
    size_t count = 0;

    for (struct delivery *each = deliveries->first; each != NULL; each = each->next) {
        if (each->state == DELIVERY_SENT) {
            each->state = DELIVERY_WAITING;
            count++;
        }
    }
    deliveries->next = deliveries->first;
    return count;
}

struct deliveries_due deliveries_unpark(struct deliveries *deliveries, uint64_t now_us,
                                        uint64_t parked_us)
{
    struct deliveries_due due = { 0, UINT64_MAX };

    for (struct delivery *each = deliveries->first; each != NULL; each = each->next) {
        if (each->state != DELIVERY_PARKED)
            continue;
        uint64_t age_us = now_us - each->parked_us;
        if (age_us >= parked_us) {
            each->state = DELIVERY_WAITING;
            due.count++;
        } else if (parked_us - age_us < due.left_us) {
            due.left_us = parked_us - age_us;
        }
    }
    deliveries->next = deliveries->first;
    return due;
}
