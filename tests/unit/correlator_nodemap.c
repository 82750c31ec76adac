#include "tests/unit/correlator_nodemap.h"

/* "name uid rank" of who has ADDRESS, "nobody" or "contested". */
static const char *owner(const char *address)
{
    static char text[NODE_NAME_SIZE + NODE_ID_SIZE + 32];
    struct address key = address_of(address);
    struct node node;
    enum node_rank rank;
    switch (nodemap_find(map, &key, &node, &rank)) {
    case NODEMAP_NOBODY:
        return "nobody";
    case NODEMAP_CONTESTED:
        return "contested";
    case NODEMAP_FOUND:
        break;
    }
    ck_assert_str_eq(node.boot, BOOT);
    snprintf(text, sizeof(text), "%s %s %s", node.name, node.uid, node_rank_names[rank]);
    return text;
}

START_TEST(an_address_leads_to_its_node)
{
    ck_assert_str_eq(owner("10.0.0.1"), "nobody");
    ck_assert_str_eq(put("a", UID_1, "10.0.0.1 2001:db8::1 e:192.0.2.1"),
                     "+10.0.0.1 +2001:db8::1 +192.0.2.1 ");
    ck_assert_str_eq(owner("10.0.0.1"), "a " UID_1 " InternalIP");
    ck_assert_str_eq(owner("2001:db8::1"), "a " UID_1 " InternalIP");
    ck_assert_str_eq(owner("192.0.2.1"), "a " UID_1 " ExternalIP");
    ck_assert_str_eq(owner("10.0.0.2"), "nobody");
}
END_TEST

START_TEST(an_update_that_changes_no_address_tells_nothing)
{
    put("a", UID_1, "10.0.0.1 10.0.0.2");
    ck_assert_str_eq(put("a", UID_1, "10.0.0.1 10.0.0.2"), "");
    ck_assert_uint_eq(nodemap_count(map), 1);
}
END_TEST

START_TEST(a_node_changes_its_addresses)
{
    put("a", UID_1, "10.0.0.1 10.0.0.2");
    ck_assert_str_eq(put("a", UID_1, "10.0.0.2 10.0.0.3"), "+10.0.0.3 -10.0.0.1 ");
    ck_assert_str_eq(owner("10.0.0.1"), "nobody");
    ck_assert_str_eq(owner("10.0.0.2"), "a " UID_1 " InternalIP");
    ck_assert_str_eq(owner("10.0.0.3"), "a " UID_1 " InternalIP");
}
END_TEST

START_TEST(an_address_changes_its_rank)
{
    put("a", UID_1, "10.0.0.1");
    ck_assert_str_eq(put("a", UID_1, "e:10.0.0.1"), "");
    ck_assert_str_eq(owner("10.0.0.1"), "a " UID_1 " ExternalIP");
}
END_TEST

START_TEST(an_address_named_twice_has_the_better_rank)
{
    put("a", UID_1, "a:10.0.0.1 10.0.0.1 e:10.0.0.1");
    ck_assert_str_eq(owner("10.0.0.1"), "a " UID_1 " InternalIP");
}
END_TEST

START_TEST(a_deleted_node_has_no_address)
{
    put("a", UID_1, "10.0.0.1");
    ck_assert_str_eq(take("a"), "-10.0.0.1 ");
    ck_assert_str_eq(owner("10.0.0.1"), "nobody");
    ck_assert_uint_eq(nodemap_count(map), 0);
    ck_assert(!nodemap_remove(map, "a", NULL, NULL));
}
END_TEST

START_TEST(a_node_is_created_again_under_its_name)
{
    put("a", UID_1, "10.0.0.1");
    take("a");
    ck_assert_str_eq(put("a", UID_2, "10.0.0.1"), "+10.0.0.1 ");
    ck_assert_str_eq(owner("10.0.0.1"), "a " UID_2 " InternalIP");
}
END_TEST

START_TEST(a_new_uid_without_a_deletion_in_between)
{
    put("a", UID_1, "10.0.0.1");
    ck_assert_str_eq(put("a", UID_2, "10.0.0.1"), "");
    ck_assert_str_eq(owner("10.0.0.1"), "a " UID_2 " InternalIP");
    ck_assert_uint_eq(nodemap_count(map), 1);
}
END_TEST

START_TEST(a_new_boot_id_is_seen)
{
    struct node_facts facts = facts_of("a", UID_1, "10.0.0.1");
    nodemap_put(map, &facts, NULL, NULL);
    snprintf(facts.node.boot, sizeof(facts.node.boot), "another");
    nodemap_put(map, &facts, NULL, NULL);
    struct node node;
    enum node_rank rank;
    ck_assert_int_eq(nodemap_find(map, &facts.claims[0].address, &node, &rank), NODEMAP_FOUND);
    ck_assert_str_eq(node.boot, "another");
}
END_TEST

START_TEST(an_address_moves_and_the_old_node_hears_of_it_first)
{
    put("a", UID_1, "10.0.0.1 10.0.0.2");
    put("b", UID_2, "10.0.0.3");
    put("a", UID_1, "10.0.0.2");
    ck_assert_str_eq(owner("10.0.0.1"), "nobody");
    put("b", UID_2, "10.0.0.3 10.0.0.1");
    ck_assert_str_eq(owner("10.0.0.1"), "b " UID_2 " InternalIP");
}
END_TEST

START_TEST(an_address_moves_and_the_new_node_hears_of_it_first)
{
    put("a", UID_1, "10.0.0.1 10.0.0.2");
    put("b", UID_2, "10.0.0.3");
    ck_assert_str_eq(put("b", UID_2, "10.0.0.3 10.0.0.1"), "");
    ck_assert_str_eq(owner("10.0.0.1"), "contested");
    ck_assert_str_eq(put("a", UID_1, "10.0.0.2"), "");
    ck_assert_str_eq(owner("10.0.0.1"), "b " UID_2 " InternalIP");
}
END_TEST

START_TEST(of_two_that_claim_alike_the_one_that_stays_has_it)
{
    put("a", UID_1, "10.0.0.1");
    ck_assert_str_eq(put("b", UID_2, "10.0.0.1"), "");
    ck_assert_str_eq(owner("10.0.0.1"), "contested");
    ck_assert_str_eq(take("a"), "");
    ck_assert_str_eq(owner("10.0.0.1"), "b " UID_2 " InternalIP");
    ck_assert_str_eq(take("b"), "-10.0.0.1 ");
}
END_TEST

START_TEST(a_better_rank_wins_and_gives_back)
{
    put("a", UID_1, "a:10.0.0.1");
    put("b", UID_2, "e:10.0.0.1");
    ck_assert_str_eq(owner("10.0.0.1"), "b " UID_2 " ExternalIP");
    put("c", UID_2, "10.0.0.1");
    ck_assert_str_eq(owner("10.0.0.1"), "c " UID_2 " InternalIP");
    take("c");
    take("b");
    ck_assert_str_eq(owner("10.0.0.1"), "a " UID_1 " annotation");
}
END_TEST

START_TEST(two_of_a_lesser_rank_do_not_contest_a_better_one)
{
    put("a", UID_1, "e:10.0.0.1");
    put("b", UID_1, "e:10.0.0.1");
    ck_assert_str_eq(owner("10.0.0.1"), "contested");
    put("c", UID_2, "10.0.0.1");
    ck_assert_str_eq(owner("10.0.0.1"), "c " UID_2 " InternalIP");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("nodemap");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, an_address_leads_to_its_node);
    tcase_add_test(cases, an_update_that_changes_no_address_tells_nothing);
    tcase_add_test(cases, a_node_changes_its_addresses);
    tcase_add_test(cases, an_address_changes_its_rank);
    tcase_add_test(cases, an_address_named_twice_has_the_better_rank);
    tcase_add_test(cases, a_deleted_node_has_no_address);
    tcase_add_test(cases, a_node_is_created_again_under_its_name);
    tcase_add_test(cases, a_new_uid_without_a_deletion_in_between);
    tcase_add_test(cases, a_new_boot_id_is_seen);
    tcase_add_test(cases, an_address_moves_and_the_old_node_hears_of_it_first);
    tcase_add_test(cases, an_address_moves_and_the_new_node_hears_of_it_first);
    tcase_add_test(cases, of_two_that_claim_alike_the_one_that_stays_has_it);
    tcase_add_test(cases, a_better_rank_wins_and_gives_back);
    tcase_add_test(cases, two_of_a_lesser_rank_do_not_contest_a_better_one);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("nodemap", fill);
}
