#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counters.h"
#include "common/digest.h"
#include "common/record.h"

struct event_base;

/*
 * An edge between two stages: a SOCK_SEQPACKET unix socket that carries records.
 *
 * The downstream stage is the server, the upstream stage the client, which reconnects for ever
 * (50 ms doubling to 2 s).  Both say hello first.  Records whose type is acknowledged are
 * `deliveries`: they stay the client's until the server acknowledged them, and are sent again, in
 * order, on every new connection (a parked one at its minute).  The channel keeps no copy: a delivery is embedded in the role's
 * own table and encoded when the socket has room, so what is unacknowledged is bounded by that
 * table.  Everything else is best effort: a bounded queue, and a counter for what did not fit.
 *
 * A peer that sends what is not a record, a record that its role may not send, or a version that
 * is not ours gets `error`, is closed and counted, and costs nobody else anything.  No callback
 * below may free the channel; every record passed to one is valid during the call only.
 */

/* Client side: the upstream stage. */
enum delivery_state { DELIVERY_WAITING, DELIVERY_SENT, DELIVERY_PARKED };

/* Embedded in the role's object; the channel links it.  Set KIND and ID, then deliver. */
struct delivery {
    enum record_kind kind;
    char id[DIGEST_TEXT_SIZE];
    enum delivery_state state;
    uint64_t parked_us; /* monotonic */
    struct delivery *next, *previous;
    struct delivery *same_hash;
};

struct channel_client_handler {
    /* Fills RECORD with what DELIVERY stands for; its texts are read before the call returns to
     * the loop. */
    void (*fill)(void *arg, struct delivery *delivery, struct record *record);
    /* The peer has it for good; it is unlinked, the role may reuse or free it. */
    void (*acknowledged)(void *arg, struct delivery *delivery);
    /* The peer answered `error`: parked, and tried again each minute.  The rest go on.  The
     * channel has logged and counted it.  May be NULL. */
    void (*refused)(void *arg, struct delivery *delivery, const char *why);
    /* Any other record from the peer.  May be NULL. */
    void (*record)(void *arg, const struct record *record);
    /* A connection stands (before anything is sent on it) or is gone.  May be NULL. */
    void (*connected)(void *arg, bool up);
};

struct channel_client;

/* PATH is copied; it need not exist yet.  NULL with a message logged when it is too long for a
 * socket address.  HANDLER outlives the client. */
struct channel_client *channel_client_new(struct event_base *base, const char *path,
                                          enum role role, enum role peer,
                                          const struct channel_client_handler *handler, void *arg);
/* A client without a peer, for a dry run: prints each delivery on standard output, as it would be
 * sent, once; none is ever acknowledged, and everything else is dropped. */
struct channel_client *channel_client_new_printing(struct event_base *base, enum role role,
                                                   enum role peer,
                                                   const struct channel_client_handler *handler,
                                                   void *arg);
/* Calls nothing back; the deliveries are the role's to free. */
void channel_client_free(struct channel_client *client);
/* Appends DELIVERY; it is sent as soon as there is a connection and room. */
void channel_client_deliver(struct channel_client *client, struct delivery *delivery);
/* Takes it back: what the socket does not hold yet (a packet or two) is not sent, an
 * acknowledgement that comes later is ignored. */
void channel_client_withdraw(struct channel_client *client, struct delivery *delivery);
/* Best effort, after what waits already.  False when the queue (256 KiB) has no room, or nobody is
 * connected: counted as dropped. */
bool channel_client_send(struct channel_client *client, const struct record *record);
/* How many deliveries are not acknowledged yet. */
size_t channel_client_pending(const struct channel_client *client);
bool channel_client_is_connected(const struct channel_client *client);
const struct counters *channel_client_counters(const struct channel_client *client);

/* Server side: the downstream stage. */
struct channel_peer;

struct channel_server_handler {
    void (*record)(void *arg, struct channel_peer *peer, const struct record *record);
    /* May be NULL. */
    void (*joined)(void *arg, struct channel_peer *peer);
    void (*left)(void *arg, struct channel_peer *peer);
    /* For what must never be dropped: after channel_peer_stream(PEER) called whenever PEER's
     * socket has room, fills the next RECORD, false when there is no more.  May be NULL. */
    bool (*more)(void *arg, struct channel_peer *peer, struct record *record);
};

struct channel_server;

/*
 * Makes the socket at PATH, for its owner and, unless the PEER is a command, its group (the edge's:
 * what a command may ask for is not for a stage to ask).  A stale socket there is replaced; one
 * that is answered is somebody else's: NULL with a message logged, as for a path that is too long
 * or not writable.
 * With STRICT unknown fields are refused.
 */
struct channel_server *channel_server_new(struct event_base *base, const char *path, enum role role,
                                          enum role peer, bool strict,
                                          const struct channel_server_handler *handler, void *arg);
/* Closes all peers (each `left`) and removes the socket, unless somebody put another in its
 * place. */
void channel_server_free(struct channel_server *server);
/* To every peer (whoever does not wait for it ignores it): a record that was sent again over a
 * second connection is thus acknowledged there too. */
void channel_server_acknowledge(struct channel_server *server, enum record_kind of, const char *id);
/* `error` about one record to PEER, which stays connected and parks that record.  ID may be NULL. */
void channel_peer_refuse(struct channel_peer *peer, enum record_kind of, const char *id,
                         const char *why);
void channel_peer_stream(struct channel_peer *peer);
/* Best effort.  Returns false and counts when the peer's queue (256 KiB) has no room. */
bool channel_peer_send(struct channel_peer *peer, const struct record *record);
void channel_server_broadcast(struct channel_server *server, const struct record *record);
/* The role's own mark on a peer (NULL at first). */
void channel_peer_set(struct channel_peer *peer, void *mark);
void *channel_peer_get(const struct channel_peer *peer);
/* Reading stops (the peers' sends fill their sockets and wait) or goes on.  What is left of the
 * packet under way still comes. */
void channel_server_hold(struct channel_server *server, bool hold);
size_t channel_server_peers(const struct channel_server *server);
const struct counters *channel_server_counters(const struct channel_server *server);
