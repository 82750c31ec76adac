#include "tests/unit/correlator_nodemap.h"

static const char *const ids[] = {
    UID_1,
    "0A1B2C3D-0000-4000-8000-000000000001", /* upper case must not come back as lower */
    "0a1b2c3d00004000800000000000000000001",
    "0a1b2c3d-0000-4000-8000-00000000000g",
    "0a1b2c3d-0000-4000-8000-0000000000011",
    "1",
    "",
    "sixty-three characters sixty-three characters sixty-three chars",
};

START_TEST(ids_come_out_as_they_went_in)
{
    struct node_facts facts = facts_of("a", ids[_i], "10.0.0.1");
    snprintf(facts.node.boot, sizeof(facts.node.boot), "%s", ids[_i]);
    nodemap_put(map, &facts, NULL, NULL);
    struct node node;
    enum node_rank rank;
    ck_assert_int_eq(nodemap_find(map, &facts.claims[0].address, &node, &rank), NODEMAP_FOUND);
    ck_assert_str_eq(node.uid, ids[_i]);
    ck_assert_str_eq(node.boot, ids[_i]);
    ck_assert_str_eq(node.name, "a");
}
END_TEST

START_TEST(the_longest_node_fits)
{
    struct node_facts facts = { .claim_count = NODE_CLAIMS_MAX };
    memset(facts.node.name, 'n', sizeof(facts.node.name) - 1);
    memset(facts.node.uid, 'u', sizeof(facts.node.uid) - 1);
    memset(facts.node.boot, 'b', sizeof(facts.node.boot) - 1);
    for (size_t i = 0; i < NODE_CLAIMS_MAX; i++)
        facts.claims[i].address.bytes[15] = (uint8_t)i;
    struct address one_more = address_of("::ffff");
    ck_assert(!node_facts_claim(&facts, &one_more, NODE_INTERNAL_IP));
    nodemap_put(map, &facts, NULL, NULL);
    for (size_t i = 0; i < NODE_CLAIMS_MAX; i++) {
        struct node node;
        enum node_rank rank;
        ck_assert_int_eq(nodemap_find(map, &facts.claims[i].address, &node, &rank), NODEMAP_FOUND);
        ck_assert_mem_eq(&node, &facts.node, sizeof(node));
    }
}
END_TEST

START_TEST(a_node_is_found_by_its_name_with_all_that_it_said)
{
    struct node_facts facts = facts_of("a", UID_1, "10.0.0.1 e:192.0.2.1"), found;
    facts.kubelet_port = 65535;
    facts.zone = node_zone("zone-a");
    nodemap_put(map, &facts, NULL, NULL);
    put("b", UID_2, "10.0.0.2");
    ck_assert(nodemap_load(map, "a", &found));
    ck_assert(node_facts_equal(&facts, &found));
    facts.kubelet_port = 10255;
    ck_assert(!node_facts_equal(&facts, &found));
    nodemap_put(map, &facts, NULL, NULL);
    ck_assert(nodemap_load(map, "a", &found));
    ck_assert_uint_eq(found.kubelet_port, 10255);
    ck_assert(!nodemap_load(map, "c", &found));
}
END_TEST

START_TEST(zones_are_told_apart)
{
    ck_assert_uint_eq(node_zone(""), 0);
    ck_assert_uint_ne(node_zone("a"), 0);
    ck_assert_uint_ne(node_zone("a"), node_zone("b"));
    ck_assert_uint_eq(node_zone("a"), node_zone("a"));
}
END_TEST

START_TEST(the_walk_shows_every_address_and_survives_changes)
{
    put("a", UID_1, "10.0.0.1 10.0.0.2");
    put("b", UID_1, "10.0.0.3");
    put("none", UID_1, "");
    put("c", UID_1, "10.0.0.4");
    take("b");
    char seen[256] = "", text[ADDRESS_TEXT_SIZE];
    struct address address;
    for (uint64_t cursor = 0; nodemap_next_address(map, &cursor, &address);) {
        snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ",
                 address_print(&address, text));
        if (strcmp(text, "10.0.0.1") == 0)
            put("a", UID_1, "10.0.0.1");
    }
    ck_assert_str_eq(seen, "10.0.0.1 10.0.0.4 ");
}
END_TEST

START_TEST(a_walk_sees_each_node_once)
{
    char name[2] = "", seen[32] = "";
    struct node_facts facts;
    for (char c = 'a'; c <= 'h'; c++) {
        name[0] = c;
        put(name, UID_1, "");
    }
    take("a");
    take("d");
    take("h");
    for (uint32_t cursor = 0; nodemap_next_node(map, &cursor, &facts);)
        strcat(seen, facts.node.name);
    ck_assert_str_eq(seen, "bcefg");
}
END_TEST

START_TEST(a_node_takes_less_than_300_bytes)
{
    enum { NODES = 20000 };
    for (unsigned i = 0; i < NODES; i++) {
        char name[64], uid[NODE_ID_SIZE], addresses[64];
        snprintf(name, sizeof(name), "ip-10-%u-%u-%u.us-west-2.compute.internal", i >> 16,
                 i >> 8 & 255, i & 255);
        snprintf(uid, sizeof(uid), "0a1b2c3d-0000-4000-8000-%012x", i);
        snprintf(addresses, sizeof(addresses), "10.%u.%u.%u e:192.%u.%u.%u", i >> 16, i >> 8 & 255,
                 i & 255, i >> 16, i >> 8 & 255, i & 255);
        put(name, uid, addresses);
    }
    ck_assert_uint_lt(nodemap_size(map), NODES * 300);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("nodemap contents");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, ids_come_out_as_they_went_in, 0, sizeof(ids) / sizeof(ids[0]));
    tcase_add_test(cases, the_longest_node_fits);
    tcase_add_test(cases, a_node_is_found_by_its_name_with_all_that_it_said);
    tcase_add_test(cases, zones_are_told_apart);
    tcase_add_test(cases, the_walk_shows_every_address_and_survives_changes);
    tcase_add_test(cases, a_walk_sees_each_node_once);
    tcase_add_test(cases, a_node_takes_less_than_300_bytes);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("nodemap contents", fill);
}
