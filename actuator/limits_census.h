#pragma once

#include <stdbool.h>

#include "actuator/limits.h"

struct kube_client;

/*
 * How many Nodes there are, in all and in each zone, asked of the API server and kept for a minute.
 * How many: one small read (nodes?limit=1).  In each zone: a paged list of metadata alone, since
 * the server counts nothing for selectors.
 */
struct limits_census;

/* CHANGED is called when an answer has come.  CLIENT outlives the census. */
struct limits_census *limits_census_new(struct kube_client *client, void (*changed)(void *arg),
                                        void *arg);
/* Before the client. */
void limits_census_free(struct limits_census *census);

/* What is known and not older than a minute; valid until the loop goes on. */
const struct limits_sizes *limits_census_sizes(struct limits_census *census);

/* Asks for the number of Nodes before that is too old. */
void limits_census_keep(struct limits_census *census);
/* Asks for the zones' numbers, if they are not known. */
void limits_census_need_zones(struct limits_census *census);
