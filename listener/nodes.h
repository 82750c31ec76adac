#pragma once

#include "common/record.h"
#include "listener/pending.h"

/*
 * Which addresses are Nodes': the last whole set that the correlator told, kept in the pending
 * file so that a restarted listener knows its Nodes before it reads a datagram.
 */
struct nodes;

/* SETS outlives the struct. */
struct nodes *nodes_new(struct address_sets *sets);
void nodes_free(struct nodes *nodes);

bool nodes_have(const struct nodes *nodes, const struct address *address);
size_t nodes_count(const struct nodes *nodes);
/* The addresses in use, so many as nodes_count() tells. */
const struct address *nodes_addresses(const struct nodes *nodes);

/*
 * Follows a `sources` record: begin ... end replace the set once all of it is there, add and
 * remove outside of them change it.  Returns whether the set in use changed.  What is no address,
 * and what is beyond PENDING_ADDRESSES, is counted in *REFUSED and left out.
 */
bool nodes_follow(struct nodes *nodes, const struct sources *record, size_t *refused);
