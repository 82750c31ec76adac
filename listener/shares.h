#pragma once

#include "common/address.h"
#include "listener/pending.h"

/*
 * Who holds how many slots, and in which order those wait that are not in flight yet.  Pure; by
 * address, and strangers all together under an address that nobody has.
 */
#define SHARES_NONE UINT16_MAX

struct share {
    struct address key;
    uint16_t in_flight, waiting;
    uint16_t oldest, newest; /* of those that wait */
    uint16_t next;           /* of its hash, or of the free ones */
};

struct shares;

struct shares *shares_new(void);
void shares_free(struct shares *shares);

/* Of whom nothing is held: a share of nothing. */
struct share shares_of(const struct shares *shares, const struct address *key);
/* The slot that waits after SLOT, SHARES_NONE after the newest. */
uint16_t shares_after(const struct shares *shares, uint16_t slot);

/* SLOT waits, as the newest; or it does no longer. */
void shares_wait(struct shares *shares, const struct address *key, uint16_t slot);
void shares_leave(struct shares *shares, const struct address *key, uint16_t slot);
/* One more is in flight, or one less. */
void shares_launch(struct shares *shares, const struct address *key);
void shares_land(struct shares *shares, const struct address *key);
