#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/limits.h"

/* Counting Nodes in the API server's answers.  Pure. */

/* An answer to GET nodes?limit=1: its one item, and metadata.remainingItemCount (which a list of
 * one or none lacks).  False when it is not such a list. */
bool limits_tally_count(const char *body, size_t size, uint64_t *nodes);

/* A list of all Nodes, page by page: how many there are in each zone. */
struct limits_tally;

struct limits_tally *limits_tally_new(void);
void limits_tally_free(struct limits_tally *tally);
void limits_tally_begin_page(struct limits_tally *tally);
bool limits_tally_feed(struct limits_tally *tally, const char *bytes, size_t size);
/* False when the page was cut short or is no list. */
bool limits_tally_end_page(struct limits_tally *tally);
/* What to go on with after a page; NULL: it was the last. */
const char *limits_tally_continue(const struct limits_tally *tally);
/* Valid until the tally is freed or fed. */
const struct limits_zone *limits_tally_zones(const struct limits_tally *tally, size_t *count);
