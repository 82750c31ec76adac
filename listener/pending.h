#pragma once

#include "common/address.h"
#include "common/digest.h"
#include "listener/netconsole.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * The listener's whole memory of what is not acknowledged yet: one file of fixed size, mapped.
 * What is stored in it survives a kill of the listener at any instruction.
 */
#define PENDING_NODE_SLOTS  16384
#define PENDING_OTHER_SLOTS 1024
#define PENDING_SLOTS       (PENDING_NODE_SLOTS + PENDING_OTHER_SLOTS)
#define PENDING_NONE        UINT32_MAX
#define PENDING_ADDRESSES   262144 /* two each of 100,000 Nodes, and some more */
#define PENDING_BATCH       512
#define PENDING_REASON_SIZE 256

enum slot_state { SLOT_FREE, SLOT_PENDING };
enum slot_kind { SLOT_PANIC, SLOT_HALT, SLOT_DRILL, SLOT_LATE };

/* A panic, or another thing that is acknowledged.  STATE is stored last, by pending_commit(). */
struct slot {
    uint32_t state;
    uint8_t kind;                /* enum slot_kind */
    uint8_t detail;              /* enum proof of a panic, enum halt_kind of a halt, else 0 */
    uint8_t reason_code;         /* enum reason_code */
    uint8_t stands_for_others;   /* 1: they said otherwise of themselves; no node=, no boot= */
    uint16_t port, size, offset; /* of the datagram, and of the line in it */
    uint16_t unused;
    uint64_t order; /* grows: older ones are sent first */
    uint64_t received_us;
    struct address source;
    char id[DIGEST_TEXT_SIZE];
    char reason[PENDING_REASON_SIZE];
    char datagram[NETCONSOLE_DATAGRAM_MAX];
};

/* Where recvmmsg(2) receives to: a datagram is in the file before we know of it. */
struct batch {
    struct mmsghdr headers[PENDING_BATCH]; /* msg_len 0: nothing received */
    struct iovec vectors[PENDING_BATCH];
    struct sockaddr_storage names[PENDING_BATCH];
    char control[PENDING_BATCH][CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
    char datagrams[PENDING_BATCH][NETCONSOLE_DATAGRAM_MAX];
};

/* The addresses of Nodes: the set in use, and the one that is being told. */
struct address_sets {
    uint32_t current; /* 0 or 1 */
    uint32_t count[2];
    struct address addresses[2][PENDING_ADDRESSES];
};

struct pending;

#define PENDING_ERROR_SIZE 512

/*
 * Opens PATH, or makes it with mode 0600.  NULL, with a message that names it in ERROR, when it is
 * no pending file of this version, another listener has it open, or there is no room for it; what
 * was there is left as it was.
 */
struct pending *pending_open(const char *path, char error[PENDING_ERROR_SIZE]);
void pending_close(struct pending *pending);
/* Whether pending_open() would find a file that it can use or none at all; takes no lock. */
bool pending_check(const char *path, char error[PENDING_ERROR_SIZE]);

struct batch *pending_batch(struct pending *pending);
struct address_sets *pending_address_sets(struct pending *pending);

/* A free slot of the class, PENDING_NONE when it is full.  Fill it, then commit. */
uint32_t pending_reserve(struct pending *pending, bool is_node);
/* Back, without having been committed. */
void pending_unreserve(struct pending *pending, uint32_t index);
struct slot *pending_slot(struct pending *pending, uint32_t index);
bool pending_is_node_slot(uint32_t index);
/* From here on a restart delivers it again. */
void pending_commit(struct pending *pending, uint32_t index);
void pending_release(struct pending *pending, uint32_t index);
/* How many Node slots are free. */
size_t pending_room(const struct pending *pending);
/* How many slots of either class are in use. */
size_t pending_count(const struct pending *pending);

/* The slots in use, oldest first.  The array is the caller's to free. */
uint32_t *pending_in_use(struct pending *pending, size_t *count);
