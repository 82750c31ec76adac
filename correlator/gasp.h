#pragma once

#include <stdint.h>

#include "common/address.h"
#include "common/digest.h"
#include "common/record.h"
#include "correlator/nodemap.h"

/* What a probe found, wall times; each may be RECORD_ABSENT. */
struct silence {
    uint64_t until_us, last_answer_us, rtt_us;
};

/*
 * A gasp is a panic, halt, drill or late record as the correlator keeps it, from its arrival until
 * it is acknowledged: held, or part of a judgement.
 */
struct gasp {
    struct gasp *next;         /* in the list that holds it: the held ones, or a judgement's */
    struct gasp *next_of_hash; /* in the table of all */
    enum record_kind kind;
    char id[DIGEST_TEXT_SIZE];
    struct address source;
    uint64_t received_us; /* wall time, by the listener's kernel */
    uint64_t arrived_us;  /* monotonic, here */
    enum proof proof; /* of a panic */
    enum reason_code reason_code;
    char *reason;
    char *said_node, *said_boot; /* from its userdata, or a drill's own; NULL: not said */
    char *old_boot;              /* of late words: the boot that they are about; else NULL */
    uint64_t booted_us;          /* late: when the one after began; RECORD_ABSENT: not known */

    struct node *node; /* whose address it came from, as soon as that is known */
    enum node_rank rank;

    enum verdict verdict; /* once it is part of a judgement */
    char *words;
    struct silence silence;
};

/* NULL when the record's source is no address. */
struct gasp *gasp_new(const struct record *record, uint64_t monotonic_us);
void gasp_free(struct gasp *gasp);

/* How much it asks for: of the gasps of one machine the weightiest speaks for all, the first of
 * several alike.  A panic outweighs any halt, unless it gives no right at all. */
unsigned gasp_weight(const struct gasp *gasp);

enum cause gasp_cause(const struct gasp *gasp);
const char *gasp_name(const struct gasp *gasp); /* "panic", "halt", ... */
/* Words ask for nothing but to be told: drills, and late ones. */
bool gasp_is_words(const struct gasp *gasp);

/* All gasps that there are, by id: what is sent again after a reconnect is known already. */
struct gasps {
    struct gasp **buckets;
    size_t count;
    size_t words; /* of them, those that are words */
};

void gasps_init(struct gasps *gasps);
void gasps_clear(struct gasps *gasps); /* frees the table and all gasps in it */
struct gasp *gasps_find(const struct gasps *gasps, const char *id);
void gasps_add(struct gasps *gasps, struct gasp *gasp);
void gasps_remove(struct gasps *gasps, struct gasp *gasp); /* and frees it */
