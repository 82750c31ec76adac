#include "correlator/gasp.h"

#include "common/memory.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024 /* for at most some ten thousand, when a whole data centre fails */
#define WHO_MAX 256  /* bytes of what userdata says of who asked for a halt */

static const char *value_of(const struct pairs *userdata, const char *key)
{
    for (size_t i = 0; i < userdata->count; i++) {
        if (strcmp(userdata->pair[i].key, key) == 0)
            return userdata->pair[i].value;
    }
    return NULL;
}

static char *copy_value(const struct pairs *userdata, const char *key)
{
    const char *value = value_of(userdata, key);
    return value != NULL ? xstrdup(value) : NULL;
}

static void take_panic(struct gasp *gasp, const struct panic *panic)
{
    snprintf(gasp->id, sizeof(gasp->id), "%s", panic->id);
    gasp->received_us = panic->received_us;
    gasp->proof = panic->proof;
    gasp->reason_code = panic->reason_code;
    gasp->reason = xstrdup(panic->reason);
    gasp->said_node = copy_value(&panic->userdata, "node");
    gasp->said_boot = copy_value(&panic->userdata, "boot");
}

/* "System halted: alice ran sudo halt".  Who asked is the sender's word, and nothing but words. */
static char *halt_reason(const char *what, const char *who)
{
    char text[WHO_MAX + 1];
    if (who == NULL || who[strspn(who, " ")] == '\0')
        return xstrdup(what);
    size_t size = text_printable(text, sizeof(text), who, strlen(who), 0);
    return xasprintf("%s: %.*s", what, (int)size, text);
}

static void take_halt(struct gasp *gasp, const struct halt *halt)
{
    static const struct {
        enum reason_code code;
        const char *words;
    } kinds[] = {
        [HALT_HALTED] = { REASON_HALT, "System halted" },
        [HALT_POWER_DOWN] = { REASON_POWER_DOWN, "System powered down" },
        [HALT_RESTARTING] = { REASON_RESTARTING, "System restarting" },
    };
    snprintf(gasp->id, sizeof(gasp->id), "%s", halt->id);
    gasp->received_us = halt->received_us;
    gasp->reason_code = kinds[halt->kind].code;
    gasp->reason = halt_reason(kinds[halt->kind].words, value_of(&halt->userdata, "halt"));
    gasp->said_node = copy_value(&halt->userdata, "node");
    gasp->said_boot = copy_value(&halt->userdata, "boot");
}

static void take_drill(struct gasp *gasp, const struct drill *drill)
{
    snprintf(gasp->id, sizeof(gasp->id), "%s", drill->id);
    gasp->received_us = drill->received_us;
    gasp->reason =
        xasprintf("lastgasp drill: nothing died, nothing is touched; drill %s", drill->drill);
    gasp->said_node = xstrdup(drill->node);
    gasp->said_boot = xstrdup(drill->boot);
}

/* Whose boot= its userdata says is the one that speaks. */
static void take_late(struct gasp *gasp, const struct late *late)
{
    snprintf(gasp->id, sizeof(gasp->id), "%s", late->id);
    gasp->received_us = late->received_us;
    gasp->reason_code = late->reason_code;
    gasp->reason = xstrdup(late->reason);
    gasp->said_node = copy_value(&late->userdata, "node");
    gasp->old_boot = xstrdup(late->boot);
    gasp->booted_us = late->booted_us;
}

static const char *source_of(const struct record *record)
{
    switch (record->kind) {
    case RECORD_HALT:
        return record->halt.source;
    case RECORD_DRILL:
        return record->drill.source;
    case RECORD_LATE:
        return record->late.source;
    default:
        return record->panic.source;
    }
}

struct gasp *gasp_new(const struct record *record, uint64_t monotonic_us)
{
    struct address source;
    if (!address_parse(source_of(record), &source))
        return NULL;
    struct gasp *gasp = xcalloc(1, sizeof(*gasp));
    gasp->kind = record->kind;
    gasp->source = source;
    gasp->arrived_us = monotonic_us;
    gasp->booted_us = RECORD_ABSENT;
    gasp->silence = (struct silence){ RECORD_ABSENT, RECORD_ABSENT, RECORD_ABSENT };
    if (record->kind == RECORD_PANIC)
        take_panic(gasp, &record->panic);
    else if (record->kind == RECORD_HALT)
        take_halt(gasp, &record->halt);
    else if (record->kind == RECORD_DRILL)
        take_drill(gasp, &record->drill);
    else
        take_late(gasp, &record->late);
    return gasp;
}

void gasp_free(struct gasp *gasp)
{
    if (gasp == NULL)
        return;
    free(gasp->reason);
    free(gasp->said_node);
    free(gasp->said_boot);
    free(gasp->old_boot);
    free(gasp->node);
    free(gasp->words);
    free(gasp);
}

static unsigned verdict_weight(enum verdict verdict)
{
    if (verdict == VERDICT_SILENT || verdict == VERDICT_UNVERIFIED)
        return 2;
    return verdict == VERDICT_UNPROBABLE;
}

unsigned gasp_weight(const struct gasp *gasp)
{
    unsigned weight = verdict_weight(gasp->verdict);
    if (gasp->kind == RECORD_HALT)
        return 2 * weight;
    return weight > 0 ? 4 + weight : 1; /* one that gives no right stands for no halt */
}

enum cause gasp_cause(const struct gasp *gasp)
{
    if (gasp->kind == RECORD_DRILL)
        return CAUSE_DRILL;
    return gasp->kind == RECORD_HALT ? CAUSE_HALT : CAUSE_KERNEL_PANIC;
}

const char *gasp_name(const struct gasp *gasp)
{
    return record_types[gasp->kind].name;
}

bool gasp_is_words(const struct gasp *gasp)
{
    return gasp->kind == RECORD_DRILL || gasp->kind == RECORD_LATE;
}

void gasps_init(struct gasps *gasps)
{
    *gasps = (struct gasps){ .buckets = xcalloc(BUCKETS, sizeof(struct gasp *)) };
}

void gasps_clear(struct gasps *gasps)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (gasps->buckets[i] != NULL)
            gasps_remove(gasps, gasps->buckets[i]);
    }
    free(gasps->buckets);
}

/* Ids are hashes, and the listener that could choose them has a bounded number of panics. */
static struct gasp **bucket_of(const struct gasps *gasps, const char *id)
{
    uint32_t hash = 2166136261u;
    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return &gasps->buckets[hash % BUCKETS];
}

struct gasp *gasps_find(const struct gasps *gasps, const char *id)
{
    struct gasp *gasp = *bucket_of(gasps, id);
    while (gasp != NULL && strcmp(gasp->id, id) != 0)
        gasp = gasp->next_of_hash;
    return gasp;
}

void gasps_add(struct gasps *gasps, struct gasp *gasp)
{
    struct gasp **bucket = bucket_of(gasps, gasp->id);
    gasp->next_of_hash = *bucket;
    *bucket = gasp;
    gasps->count++;
    gasps->words += gasp_is_words(gasp);
}

void gasps_remove(struct gasps *gasps, struct gasp *gasp)
{
    struct gasp **link = bucket_of(gasps, gasp->id);
    while (*link != gasp)
        link = &(*link)->next_of_hash;
    *link = gasp->next_of_hash;
    gasps->count--;
    gasps->words -= gasp_is_words(gasp);
    gasp_free(gasp);
}
