#pragma once

#include "common/channel.h"
#include "correlator/nodemap.h"

/*
 * Tells every listener which addresses are Nodes': the whole set when it connects or the map is
 * replaced, changes afterwards, each as the listener's socket has room, so nothing is dropped and
 * nothing queues.  An address that several Nodes claim is among them: whichever of them panics,
 * a flood of strangers must not push it out.
 */
struct roster;

struct roster *roster_new(void);
/* Once its peers have left. */
void roster_free(struct roster *roster);

/* MAP is the map from now on: every peer is told the whole set again. */
void roster_replace(struct roster *roster, const struct nodemap *map);
void roster_changed(struct roster *roster, const struct address *address, bool claimed);

void roster_joined(struct roster *roster, struct channel_peer *peer);
void roster_left(struct roster *roster, struct channel_peer *peer);
/* For the channel's handler of that name. */
bool roster_more(struct roster *roster, struct channel_peer *peer, struct record *record);
