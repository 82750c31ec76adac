#include "correlator/judgements.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS    1024
#define PANICS_MAX 128 /* ids in one intent; what is more goes with the next */

struct judgement {
    struct delivery delivery; /* its id is the incident's */
    struct judgement *next_of_hash;
    struct node subject;
    struct gasp *first, *last; /* in the order in which they joined */
    struct gasp *leading;      /* the weightiest, which speaks for all */
    size_t covered; /* how many of them, from the first on, the intent that was sent names; 0: it
                       was not sent.  Counted when it was first sent: an acknowledgement may be of
                       that one, though it went again since, and longer, over a new connection. */
};

struct judgements {
    struct channel_client *actuator;
    struct gasps *gasps;
    uint64_t expire_us;
    void (*acknowledged)(void *arg, const struct gasp *gasp);
    void *arg;
    struct judgement *buckets[BUCKETS];
    const char *ids[PANICS_MAX]; /* of the intent that is being filled */
};

struct judgements *judgements_new(struct channel_client *actuator, struct gasps *gasps,
                                  uint64_t expire_us,
                                  void (*acknowledged)(void *arg, const struct gasp *gasp),
                                  void *arg)
{
    struct judgements *judgements = xcalloc(1, sizeof(*judgements));
    judgements->actuator = actuator;
    judgements->gasps = gasps;
    judgements->expire_us = expire_us;
    judgements->acknowledged = acknowledged;
    judgements->arg = arg;
    return judgements;
}

/* The ids are hashes that nobody can choose: their first digits are as good as any. */
static struct judgement **bucket_of(struct judgements *judgements, const char *id)
{
    char digits[5] = { id[0], id[1], id[2], id[3] };
    return &judgements->buckets[strtoul(digits, NULL, 16) % BUCKETS];
}

static struct judgement *find(struct judgements *judgements, const char *id)
{
    struct judgement *judgement = *bucket_of(judgements, id);
    while (judgement != NULL && strcmp(judgement->delivery.id, id) != 0)
        judgement = judgement->next_of_hash;
    return judgement;
}

static struct judgement *begin(struct judgements *judgements, const struct node *subject,
                               const char *id)
{
    struct judgement *judgement = xcalloc(1, sizeof(*judgement));
    judgement->subject = *subject;
    judgement->delivery.kind = RECORD_INTENT;
    memcpy(judgement->delivery.id, id, sizeof(judgement->delivery.id));
    struct judgement **bucket = bucket_of(judgements, id);
    judgement->next_of_hash = *bucket;
    *bucket = judgement;
    return judgement;
}

static void end(struct judgements *judgements, struct judgement *judgement)
{
    struct judgement **link = bucket_of(judgements, judgement->delivery.id);
    while (*link != judgement)
        link = &(*link)->next_of_hash;
    *link = judgement->next_of_hash;
    free(judgement);
}

void judgements_free(struct judgements *judgements)
{
    if (judgements == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (judgements->buckets[i] != NULL) {
            channel_client_withdraw(judgements->actuator, &judgements->buckets[i]->delivery);
            end(judgements, judgements->buckets[i]);
        }
    }
    free(judgements);
}

static void lead(struct judgement *judgement, struct gasp *gasp)
{
    if (judgement->leading == NULL || gasp_weight(gasp) > gasp_weight(judgement->leading))
        judgement->leading = gasp;
}

static void choose_leading(struct judgement *judgement)
{
    judgement->leading = NULL;
    for (struct gasp *gasp = judgement->first; gasp != NULL; gasp = gasp->next)
        lead(judgement, gasp);
}

const char *judgements_join(struct judgements *judgements, const struct node *subject,
                            struct gasp *gasp, bool *first)
{
    char id[DIGEST_TEXT_SIZE];
    if (gasp->kind == RECORD_DRILL)
        digest_drill(subject->uid, subject->boot, gasp->id, id);
    else
        digest_incident(subject->uid, subject->boot, id);
    struct judgement *judgement = find(judgements, id);
    *first = judgement == NULL;
    if (*first)
        judgement = begin(judgements, subject, id);
    gasp->next = NULL;
    if (*first)
        judgement->first = gasp;
    else
        judgement->last->next = gasp;
    judgement->last = gasp;
    lead(judgement, gasp);
    if (*first)
        channel_client_deliver(judgements->actuator, &judgement->delivery);
    return judgement->delivery.id;
}

struct gasp *judgements_recall(struct judgements *judgements, const char *id, bool *sent)
{
    struct judgement *judgement = find(judgements, id);
    *sent = judgement != NULL && judgement->covered > 0;
    if (judgement == NULL)
        return NULL;
    struct gasp *gasps = judgement->first;
    if (!*sent) {
        channel_client_withdraw(judgements->actuator, &judgement->delivery);
        end(judgements, judgement);
        return gasps;
    }
    judgement->last = judgement->first;
    for (size_t i = 1; i < judgement->covered; i++)
        judgement->last = judgement->last->next;
    gasps = judgement->last->next;
    judgement->last->next = NULL;
    choose_leading(judgement);
    return gasps;
}

void judgements_fill(struct judgements *judgements, struct delivery *delivery,
                     struct record *record)
{
    struct judgement *judgement = (struct judgement *)delivery;
    const struct gasp *leading = judgement->leading;
    size_t count = 0;
    for (const struct gasp *gasp = judgement->first; gasp != NULL && count < PANICS_MAX;
         gasp = gasp->next)
        judgements->ids[count++] = gasp->id;
    if (judgement->covered == 0)
        judgement->covered = count;
    record->kind = RECORD_INTENT;
    record->intent = (struct intent){
        .id = delivery->id,
        .node = judgement->subject.name,
        .uid = judgement->subject.uid,
        .boot = judgement->subject.boot,
        .cause = gasp_cause(leading),
        .reason_code = leading->reason_code,
        .reason = leading->reason,
        .verdict = leading->verdict,
        .words = leading->words,
        .silent_until_us = leading->silence.until_us,
        .last_answer_us = leading->silence.last_answer_us,
        .rtt_us = leading->silence.rtt_us,
        .received_us = leading->received_us,
        .expires_us = leading->received_us + judgements->expire_us,
        .panics = { count, judgements->ids },
        .booted_us = leading->booted_us,
    };
}

void judgements_acknowledged(struct judgements *judgements, struct delivery *delivery)
{
    struct judgement *judgement = (struct judgement *)delivery;
    for (; judgement->covered > 0; judgement->covered--) {
        struct gasp *gasp = judgement->first;
        judgement->first = gasp->next;
        judgements->acknowledged(judgements->arg, gasp);
        gasps_remove(judgements->gasps, gasp);
    }
    if (judgement->first == NULL) {
        end(judgements, judgement);
        return;
    }
    choose_leading(judgement);
    channel_client_deliver(judgements->actuator, delivery);
}
