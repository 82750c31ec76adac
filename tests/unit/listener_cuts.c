#include "listener/udp.h"

#include "tests/unit/listener_steps.h"

#include <arpa/inet.h>

/*
 * Each thing that is stored in the pending file, cut at every store: a slot that is filled, goes,
 * or moves, the flag of one that stands for others, the set of Nodes' addresses, and the batch.
 */

/* A slot. */
#define DATAGRAM "0,432,5350306,-;Kernel panic - not syncing: Fatal exception\n node=worker-1\n"

static bool goes; /* it was there already */

static bool is_whole(const struct slot *slot)
{
    return slot->kind == SLOT_PANIC && slot->detail == PROOF_LINE && slot->offset == 0 &&
           slot->reason_code == REASON_OOPS && slot->stands_for_others == 0 &&
           slot->size == strlen(DATAGRAM) && memcmp(slot->datagram, DATAGRAM, slot->size) == 0 &&
           slot->port == 6665 && slot->received_us == received_us && strlen(slot->id) == 32 &&
           strcmp(slot->reason, "Fatal exception") == 0;
}

static bool slot_is_after(void)
{
    size_t count;
    struct pending *opened = open_copy();
    uint32_t *in_use = pending_in_use(opened, &count);
    ck_assert_uint_le(count, 1);
    ck_assert(count == 0 || is_whole(pending_slot(opened, in_use[0])));
    ck_assert_uint_eq(pending_room(opened), PENDING_NODE_SLOTS - count);
    free(in_use);
    pending_close(opened);
    return goes ? count == 0 : count == 1;
}

START_TEST(a_panic_has_a_whole_slot_or_none)
{
    struct watched watched;
    goes = false;
    make_node("10.0.0.7");
    /* What was in it before is somebody else's, longer and of every field another value. */
    struct slot *slot = pending_slot(pending, 0);
    memset(slot, 0x7f, sizeof(*slot));
    slot->state = SLOT_FREE;
    watch(&watched, offsetof(struct pending_file, slots), sizeof(struct slot));
    if (in_child(&watched, slot_is_after)) {
        offer("10.0.0.7", DATAGRAM);
        end_child();
    }
}
END_TEST

START_TEST(a_slot_goes_at_once)
{
    struct watched watched;
    goes = true;
    acknowledging = false;
    make_node("10.0.0.7");
    offer("10.0.0.7", DATAGRAM);
    received_us--;
    turn();
    watch(&watched, offsetof(struct pending_file, slots), sizeof(struct slot));
    states = 20; /* one store is enough */
    if (in_child(&watched, slot_is_after)) {
        channel_server_acknowledge(server, RECORD_PANIC, panics[0].id);
        for (int i = 0; i < 3; i++)
            event_base_loop(base, EVLOOP_NONBLOCK);
        end_child();
    }
}
END_TEST

static bool is_moved(void)
{
    size_t count;
    struct pending *opened = open_copy();
    uint32_t *in_use = pending_in_use(opened, &count);
    ck_assert(count == 1 || count == 2); /* for a moment both */
    for (size_t i = 0; i < count; i++)
        ck_assert(is_whole(pending_slot(opened, in_use[i])));
    bool moved = count == 1 && pending_is_node_slot(in_use[0]);
    free(in_use);
    pending_close(opened);
    return moved;
}

START_TEST(a_stranger_that_turns_out_to_be_a_node_keeps_its_panic)
{
    struct watched watched;
    acknowledging = false;
    offer("10.0.0.7", DATAGRAM);
    received_us--;
    watch(&watched, offsetof(struct pending_file, slots), sizeof(struct slot));
    watch_too(&watched, offsetof(struct pending_file, slots[PENDING_NODE_SLOTS]),
              sizeof(struct slot));
    if (in_child(&watched, is_moved)) {
        make_node("10.0.0.7");
        end_child();
    }
}
END_TEST

#define SHARE 16 /* panics of an address, in flight or waiting */

static bool one_is_given_up(void)
{
    size_t count;
    struct pending *opened = open_copy();
    uint32_t *in_use = pending_in_use(opened, &count);
    ck_assert(count == SHARE || count == SHARE + 1);
    const struct slot *newest = pending_slot(opened, in_use[count - 1]);
    bool is_there = newest->received_us == received_us;
    bool given_up = is_there && count == SHARE;
    ck_assert(is_there || count == SHARE);
    ck_assert(!given_up || newest->stands_for_others);
    free(in_use);
    pending_close(opened);
    return given_up;
}

START_TEST(who_is_given_up_has_one_that_stands_for_him)
{
    struct watched watched;
    acknowledging = false;
    make_node("10.0.0.7");
    for (int i = 0; i < SHARE; i++) {
        char text[80];
        snprintf(text, sizeof(text), "0,1,%d,-;Kernel panic - not syncing: x\n boot=%d\n", i, i);
        offer("10.0.0.7", text);
    }
    ck_assert_uint_eq(pending_count(pending), SHARE);
    watch(&watched, offsetof(struct pending_file, slots), (SHARE + 1) * sizeof(struct slot));
    if (in_child(&watched, one_is_given_up)) {
        offer("10.0.0.7", DATAGRAM);
        end_child();
    }
}
END_TEST

/* The batch. */
#define RECEIVED 3

static uint64_t arrived_us(size_t i)
{
    return 1700000000 * US_PER_SECOND + i;
}

static const char *const batched[RECEIVED] = { "first", "second", "third" };
static size_t offered;

/* What comes from a batch is what was received, or nothing. */
static bool on_batched(void *arg, const struct datagram *datagram)
{
    size_t i = (size_t)datagram->received_us % 10;
    (void)arg;
    ck_assert_uint_lt(i, RECEIVED);
    ck_assert_uint_eq(datagram->received_us, arrived_us(i));
    ck_assert_uint_eq(datagram->bytes.size, strlen(batched[i]));
    ck_assert_int_eq(memcmp(datagram->bytes.bytes, batched[i], datagram->bytes.size), 0);
    ck_assert_uint_eq(datagram->port, 6665);
    offered++;
    return true;
}

static bool nothing_is_unsettled(void *arg)
{
    (void)arg;
    return false;
}

static void restore(struct batch *batch)
{
    static const struct udp_handler handler = { .datagram = on_batched,
                                                .unsettled = nothing_is_unsettled };
    struct udp *udp = udp_new(base, batch, &handler, NULL);
    ck_assert(udp_restore(udp));
    udp_free(udp);
}

static void receive(struct batch *batch, size_t i)
{
    struct timespec time = { .tv_sec = 1700000000, .tv_nsec = (long)i * 1000 };
    struct cmsghdr control = { .cmsg_len = CMSG_LEN(sizeof(time)),
                               .cmsg_level = SOL_SOCKET,
                               .cmsg_type = SCM_TIMESTAMPNS };
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(6665) };
    memcpy(batch->control[i], &control, sizeof(control));
    memcpy(batch->control[i] + CMSG_LEN(0), &time, sizeof(time));
    memcpy(&batch->names[i], &name, sizeof(name));
    memcpy(batch->datagrams[i], batched[i], strlen(batched[i]));
    batch->headers[i].msg_len = (unsigned)strlen(batched[i]);
}

static bool batch_is_handled(void)
{
    struct pending *opened = open_copy();
    offered = 0;
    restore(pending_batch(opened));
    pending_close(opened);
    return offered == 0;
}

START_TEST(a_batch_is_handled_again_as_it_was_received)
{
    struct watched watched;
    struct batch *batch = pending_batch(pending);
    restore(batch); /* a new file: prepares it for recvmmsg() */
    for (size_t i = 0; i < RECEIVED; i++)
        receive(batch, i);
    watch(&watched, offsetof(struct pending_file, batch.headers), sizeof(batch->headers));
    if (in_child(&watched, batch_is_handled)) {
        restore(batch);
        end_child();
    }
}
END_TEST

/* The set of Nodes' addresses. */
#define ADDRESSES 40

static size_t expected_before, expected_after;
static bool told_before, told_after; /* 10.0.0.1 to 10.0.0.40 are in it */

static const char *number(int i, char text[ADDRESS_TEXT_SIZE])
{
    snprintf(text, ADDRESS_TEXT_SIZE, "10.0.0.%d", i + 1);
    return text;
}

static bool set_is_after(void)
{
    struct pending *opened = open_copy();
    struct nodes *known_nodes = nodes_new(pending_address_sets(opened));
    size_t count = nodes_count(known_nodes), known = 0;
    for (int i = 0; i < ADDRESSES; i++) {
        char text[ADDRESS_TEXT_SIZE];
        struct address address;
        ck_assert(address_parse(number(i, text), &address));
        known += nodes_have(known_nodes, &address);
    }
    nodes_free(known_nodes);
    pending_close(opened);
    bool after = count == expected_after;
    ck_assert_msg(after || count == expected_before, "%zu addresses", count);
    ck_assert_uint_eq(known, (after ? told_after : told_before) ? ADDRESSES : 0);
    return after;
}

static void tell(const char *block, int count)
{
    static char texts[ADDRESSES][ADDRESS_TEXT_SIZE];
    const char *lines[ADDRESSES];
    size_t refused;
    for (int i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%s.%d", block, i + 1);
        lines[i] = texts[i];
    }
    struct sources begin = { .op = SOURCES_BEGIN }, end = { .op = SOURCES_END };
    struct sources add = { .op = SOURCES_ADD, .addresses = { (size_t)count, lines } };
    nodes_follow(nodes, &begin, &refused);
    nodes_follow(nodes, &add, &refused);
    nodes_follow(nodes, &end, &refused);
}

START_TEST(a_set_of_nodes_takes_over_at_once)
{
    struct watched watched;
    tell("10.9.9", 3);
    tell("10.9.8", 3); /* so that both sets were in use before */
    expected_before = 3;
    expected_after = ADDRESSES;
    told_before = false;
    told_after = true;
    ck_assert_uint_eq(pending_address_sets(pending)->current, 0);
    /* The counts, and the beginning of the set that is filled, the second one: all that lies
     * between would be compared at each step. */
    watch(&watched, offsetof(struct pending_file, sets), offsetof(struct address_sets, addresses));
    watch_too(&watched, offsetof(struct pending_file, sets.addresses[1]),
              ADDRESSES * sizeof(struct address));
    if (in_child(&watched, set_is_after)) {
        tell("10.0.0", ADDRESSES);
        end_child();
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cuts = tcase_create("cuts");
    tcase_add_checked_fixture(cuts, setup_copy, teardown_copy);
    tcase_set_timeout(cuts, 400);
    tcase_add_test(cuts, a_panic_has_a_whole_slot_or_none);
    tcase_add_test(cuts, a_slot_goes_at_once);
    tcase_add_test(cuts, a_stranger_that_turns_out_to_be_a_node_keeps_its_panic);
    tcase_add_test(cuts, who_is_given_up_has_one_that_stands_for_him);
    tcase_add_test(cuts, a_batch_is_handled_again_as_it_was_received);
    tcase_add_test(cuts, a_set_of_nodes_takes_over_at_once);
    suite_add_tcase(suite, cuts);
}

int main(void)
{
    return unit_run("listener cuts", fill);
}
