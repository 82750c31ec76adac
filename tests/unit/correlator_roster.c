#include "tests/unit/unit.h"

#include "common/text.h"
#include "correlator/roster.h"

#include <stdio.h>
#include <string.h>

/* These stand in for the channel: the linker takes them instead of the library's. */
struct channel_peer {
    void *mark;
    bool streaming;
};

void channel_peer_set(struct channel_peer *peer, void *mark)
{
    peer->mark = mark;
}

void *channel_peer_get(const struct channel_peer *peer)
{
    return peer->mark;
}

void channel_peer_stream(struct channel_peer *peer)
{
    peer->streaming = true;
}

static struct channel_peer peer;
static struct roster *roster;
static struct nodemap *map;

static void on_change(void *arg, const struct address *address, bool claimed)
{
    (void)arg;
    roster_changed(roster, address, claimed);
}

static struct address number(unsigned i)
{
    struct address address = {
        { [10] = 0xff, [11] = 0xff, [12] = 10, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i }
    };
    return address;
}

/* Node I has the address 10.0.I/256.I%256. */
static void put(unsigned i)
{
    struct node_facts facts = { .node = { "", "u", "b" } };
    struct address address = number(i);
    snprintf(facts.node.name, sizeof(facts.node.name), "n%u", i);
    node_facts_claim(&facts, &address, NODE_INTERNAL_IP);
    nodemap_put(map, &facts, on_change, NULL);
}

static void take(unsigned i)
{
    char name[16];
    snprintf(name, sizeof(name), "n%u", i);
    ck_assert(nodemap_remove(map, name, on_change, NULL));
}

/* The next record, as "add 10.0.0.1 10.0.0.2", with more than four addresses as "add 256"; "" when
 * there is none. */
static const char *next(void)
{
    static char text[256];
    size_t used = 0;
    struct record record;
    text[0] = '\0';
    if (!peer.streaming)
        return text;
    peer.streaming = roster_more(roster, &peer, &record);
    if (!peer.streaming)
        return text;
    const struct lines *addresses = &record.sources.addresses;
    ck_assert_int_eq(record.kind, RECORD_SOURCES);
    text_append(text, sizeof(text), &used, "%s", sources_op_names[record.sources.op]);
    if (addresses->count > 4)
        text_append(text, sizeof(text), &used, " %zu", addresses->count);
    for (size_t i = 0; i < addresses->count && addresses->count <= 4; i++)
        text_append(text, sizeof(text), &used, " %s", addresses->line[i]);
    return text;
}

static void set_up(void)
{
    map = nodemap_new(42);
    roster = roster_new();
    peer = (struct channel_peer){ 0 };
    roster_joined(roster, &peer);
}

static void tear_down(void)
{
    roster_left(roster, &peer);
    roster_free(roster);
    nodemap_free(map);
}

START_TEST(without_a_map_nothing_is_told)
{
    ck_assert(!peer.streaming);
    struct address address = number(1);
    roster_changed(roster, &address, true);
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(the_whole_set_is_told_when_the_map_is_there)
{
    put(1);
    put(2);
    roster_replace(roster, map);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 10.0.0.1 10.0.0.2");
    ck_assert_str_eq(next(), "end");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(an_empty_cluster_is_told_too)
{
    roster_replace(roster, map);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "end");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_large_set_goes_in_parts)
{
    for (unsigned i = 0; i < 600; i++)
        put(i);
    roster_replace(roster, map);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 256");
    ck_assert_str_eq(next(), "add 256");
    ck_assert_str_eq(next(), "add 88");
    ck_assert_str_eq(next(), "end");
}
END_TEST

START_TEST(changes_follow_in_their_order)
{
    roster_replace(roster, map);
    while (*next() != '\0')
        continue;
    put(1);
    put(2);
    take(1);
    put(3);
    ck_assert_str_eq(next(), "add 10.0.0.1 10.0.0.2");
    ck_assert_str_eq(next(), "remove 10.0.0.1");
    ck_assert_str_eq(next(), "add 10.0.0.3");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(what_changes_during_the_walk_is_told_after_it)
{
    for (unsigned i = 0; i < 300; i++)
        put(i);
    roster_replace(roster, map);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 256");
    take(0);
    put(1000);
    ck_assert_str_eq(next(), "add 44");
    ck_assert_str_eq(next(), "end");
    ck_assert_str_eq(next(), "remove 10.0.0.0");
    ck_assert_str_eq(next(), "add 10.0.3.232");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(more_changes_than_there_is_room_for_start_over)
{
    roster_replace(roster, map);
    while (*next() != '\0')
        continue;
    for (unsigned i = 0; i < 513; i++)
        put(i);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 256");
    ck_assert_str_eq(next(), "add 256");
    ck_assert_str_eq(next(), "add 10.0.2.0");
    ck_assert_str_eq(next(), "end");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_new_map_in_the_middle_of_the_walk_starts_over)
{
    for (unsigned i = 0; i < 300; i++)
        put(i);
    roster_replace(roster, map);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 256");
    struct nodemap *old = map;
    map = nodemap_new(42);
    put(7);
    roster_replace(roster, map);
    nodemap_free(old);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 10.0.0.7");
    ck_assert_str_eq(next(), "end");
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(each_peer_has_a_walk_of_its_own)
{
    put(1);
    roster_replace(roster, map);
    while (*next() != '\0')
        continue;
    struct channel_peer first = peer;
    peer = (struct channel_peer){ 0 };
    roster_joined(roster, &peer);
    ck_assert(!first.streaming);
    ck_assert_str_eq(next(), "begin");
    ck_assert_str_eq(next(), "add 10.0.0.1");
    roster_left(roster, &peer);
    peer = first;
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("roster");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, without_a_map_nothing_is_told);
    tcase_add_test(cases, the_whole_set_is_told_when_the_map_is_there);
    tcase_add_test(cases, an_empty_cluster_is_told_too);
    tcase_add_test(cases, a_large_set_goes_in_parts);
    tcase_add_test(cases, changes_follow_in_their_order);
    tcase_add_test(cases, what_changes_during_the_walk_is_told_after_it);
    tcase_add_test(cases, more_changes_than_there_is_room_for_start_over);
    tcase_add_test(cases, a_new_map_in_the_middle_of_the_walk_starts_over);
    tcase_add_test(cases, each_peer_has_a_walk_of_its_own);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("roster", fill);
}
