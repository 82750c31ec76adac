#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/text.h"
#include "correlator/kubelets.h"

#include <stdio.h>
#include <string.h>

static struct kubelets kubelets;

static void set_up(void)
{
    kubelets = (struct kubelets){ 0 };
}

static void tear_down(void)
{
    kubelets_free(&kubelets);
}

static struct address address_of(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, &address), "%s is no address", text);
    return address;
}

/* A Node whose uid is its name; ADDRESSES may be NULL, EXTERNAL too. */
static struct node_facts facts_of(const char *name, const char *boot, const char *one,
                                  const char *two, const char *external)
{
    struct node_facts facts = { .zone = 7 };
    snprintf(facts.node.name, sizeof(facts.node.name), "%s", name);
    snprintf(facts.node.uid, sizeof(facts.node.uid), "%s", name);
    snprintf(facts.node.boot, sizeof(facts.node.boot), "%s", boot);
    const char *internal[] = { one, two };
    for (int i = 0; i < 2 && internal[i] != NULL; i++) {
        struct address address = address_of(internal[i]);
        node_facts_claim(&facts, &address, NODE_INTERNAL_IP);
    }
    if (external != NULL) {
        struct address address = address_of(external);
        node_facts_claim(&facts, &address, NODE_EXTERNAL_IP);
    }
    return facts;
}

static struct kubelet *find(const struct node_facts *facts, const char *address)
{
    struct address key = address_of(address);
    return kubelets_find(&kubelets, &key, node_number(&facts->node));
}

/* "10.0.0.1:10250 ..." in the order of the array, with "+answered" of what has a baseline. */
static const char *all(void)
{
    static char text[1024];
    char address[ADDRESS_TEXT_SIZE];
    size_t used = 0;
    text[0] = '\0';
    for (size_t at = 0; at < kubelets.count; at++) {
        const struct kubelet *kubelet = &kubelets.all[at];
        text_append(text, sizeof(text), &used, "%s:%u", address_print(&kubelet->address, address),
                    kubelet->port);
        if (kubelet->answered_us != 0)
            text_append(text, sizeof(text), &used, "+%u", (unsigned)kubelet->answered_us);
        text_append(text, sizeof(text), &used, " ");
    }
    return text;
}

START_TEST(each_internal_address_of_a_node_is_one)
{
    struct node_facts b = facts_of("b", "1", "10.0.0.2", "fd00::2", "192.0.2.2");
    struct node_facts a = facts_of("a", "1", "10.0.0.1", NULL, NULL);
    a.kubelet_port = 10255;
    kubelets_change(&kubelets, NULL, &b);
    kubelets_change(&kubelets, NULL, &a);
    ck_assert_str_eq(all(), "10.0.0.1:10255 10.0.0.2:10250 fd00::2:10250 ");
    ck_assert_uint_eq(kubelets.untried, 3);
    kubelets_change(&kubelets, &b, NULL);
    ck_assert_str_eq(all(), "10.0.0.1:10255 ");
    ck_assert_uint_eq(kubelets.untried, 1);
}
END_TEST

/* What becomes of the baseline of 10.0.0.1 of node "a", boot "1". */
static const struct {
    const char *name;
    struct {
        const char *name, *boot, *one, *two;
        uint16_t port;
    } next;
    const char *expected;
} changes[] = {
    { "an update keeps it", { "a", "1", "10.0.0.1", NULL, 0 }, "10.0.0.1:10250+5 " },
    { "another port keeps it", { "a", "1", "10.0.0.1", NULL, 99 }, "10.0.0.1:99+5 " },
    { "another address does not have it", { "a", "1", "10.0.0.9", NULL, 0 }, "10.0.0.9:10250 " },
    { "one address more keeps it",
      { "a", "1", "10.0.0.0", "10.0.0.1", 0 },
      "10.0.0.0:10250 10.0.0.1:10250+5 " },
    { "a reboot does not", { "a", "2", "10.0.0.1", NULL, 0 }, "10.0.0.1:10250 " },
    { "another Node does not", { "b", "1", "10.0.0.1", NULL, 0 }, "10.0.0.1:10250 " },
};

START_TEST(a_baseline_belongs_to_a_boot_of_a_node_and_an_address)
{
    struct node_facts was = facts_of("a", "1", "10.0.0.1", NULL, "192.0.2.1");
    struct node_facts is = facts_of(changes[_i].next.name, changes[_i].next.boot,
                                    changes[_i].next.one, changes[_i].next.two, NULL);
    is.kubelet_port = changes[_i].next.port;
    kubelets_change(&kubelets, NULL, &was);
    find(&was, "10.0.0.1")->answered_us = 5;
    kubelets_change(&kubelets, &was, &is);
    ck_assert_msg(strcmp(all(), changes[_i].expected) == 0, "%s: %s", changes[_i].name, all());
}
END_TEST

START_TEST(a_new_list_of_all_nodes_keeps_it_by_the_same_rules)
{
    struct node_facts was = facts_of("a", "1", "10.0.0.1", NULL, "192.0.2.1");
    struct node_facts is = facts_of(changes[_i].next.name, changes[_i].next.boot,
                                    changes[_i].next.one, changes[_i].next.two, NULL);
    is.kubelet_port = changes[_i].next.port;
    struct nodemap *map = nodemap_new(1);
    kubelets_change(&kubelets, NULL, &was);
    find(&was, "10.0.0.1")->answered_us = 5;
    nodemap_put(map, &is, NULL, NULL);
    kubelets_replace(&kubelets, map);
    ck_assert_msg(strcmp(all(), changes[_i].expected) == 0, "%s: %s", changes[_i].name, all());
    nodemap_free(map);
}
END_TEST

START_TEST(a_list_is_sorted_and_knows_what_was_not_tried)
{
    struct nodemap *map = nodemap_new(1);
    const char *addresses[] = { "10.0.0.3", "10.0.0.1", "fd00::1", "10.0.0.2" };
    for (int i = 0; i < 4; i++) {
        struct node_facts facts = facts_of(addresses[i], "1", addresses[i], NULL, NULL);
        nodemap_put(map, &facts, NULL, NULL);
    }
    kubelets_replace(&kubelets, map);
    kubelets_mark_tried(&kubelets, 1);
    kubelets_mark_tried(&kubelets, 1);
    ck_assert_uint_eq(kubelets.untried, 3);
    kubelets_replace(&kubelets, map);
    ck_assert_uint_eq(kubelets.untried, 3);
    ck_assert_str_eq(all(), "10.0.0.1:10250 10.0.0.2:10250 10.0.0.3:10250 fd00::1:10250 ");
    nodemap_free(map);
}
END_TEST

START_TEST(our_own_machine_is_known_by_its_boot_id)
{
    struct nodemap *map = nodemap_new(1);
    struct node_facts ours = facts_of("a", "our-boot", "10.0.0.1", NULL, NULL);
    struct node_facts other = facts_of("b", "other-boot", "10.0.0.2", NULL, NULL);
    struct node_facts bootless = facts_of("c", "", "10.0.0.3", NULL, NULL);
    strcpy(kubelets.own_boot, "our-boot");
    nodemap_put(map, &ours, NULL, NULL);
    nodemap_put(map, &other, NULL, NULL);
    kubelets_replace(&kubelets, map);
    ck_assert(find(&ours, "10.0.0.1")->is_ours);
    ck_assert(!find(&other, "10.0.0.2")->is_ours);
    kubelets_change(&kubelets, &ours, NULL);
    kubelets_change(&kubelets, NULL, &ours);
    kubelets_change(&kubelets, NULL, &bootless);
    ck_assert(find(&ours, "10.0.0.1")->is_ours);
    ck_assert(!find(&bootless, "10.0.0.3")->is_ours);
    nodemap_free(map);
}
END_TEST

START_TEST(without_a_boot_id_of_our_own_no_machine_is_ours)
{
    struct node_facts bootless = facts_of("c", "", "10.0.0.3", NULL, NULL);
    kubelets_change(&kubelets, NULL, &bootless);
    ck_assert(!find(&bootless, "10.0.0.3")->is_ours);
}
END_TEST

START_TEST(an_address_of_two_nodes_is_shared)
{
    struct node_facts a = facts_of("a", "1", "10.0.0.1", "10.0.0.2", NULL);
    struct node_facts b = facts_of("b", "1", "10.0.0.2", NULL, NULL);
    struct address elsewhere = address_of("192.0.2.1");
    struct address chosen[NODE_CLAIMS_MAX];
    kubelets_change(&kubelets, NULL, &a);
    kubelets_change(&kubelets, NULL, &b);
    ck_assert(!kubelets_is_shared(&kubelets, 0));
    ck_assert(kubelets_is_shared(&kubelets, 1));
    ck_assert(kubelets_is_shared(&kubelets, 2));
    ck_assert_uint_eq(kubelets_choose(&kubelets, &a, &elsewhere, chosen), 1);
    ck_assert_uint_eq(kubelets_choose(&kubelets, &b, &elsewhere, chosen), 0);
    kubelets_change(&kubelets, &b, NULL);
    ck_assert_uint_eq(kubelets_choose(&kubelets, &a, &elsewhere, chosen), 2);
}
END_TEST

static const struct {
    const char *source, *first;
    size_t count;
} choices[] = {
    { "10.0.0.1", "10.0.0.1", 1 },
    { "fd00::1", "fd00::1", 1 },
    { "192.0.2.1", "10.0.0.1", 2 },    /* its ExternalIP */
    { "198.51.100.1", "10.0.0.1", 2 }, /* its annotation */
};

START_TEST(a_node_is_asked_where_it_spoke_from)
{
    struct node_facts a = facts_of("a", "1", "10.0.0.1", "fd00::1", "192.0.2.1");
    struct address source = address_of(choices[_i].source), chosen[NODE_CLAIMS_MAX];
    kubelets_change(&kubelets, NULL, &a);
    ck_assert_uint_eq(kubelets_choose(&kubelets, &a, &source, chosen), choices[_i].count);
    char text[ADDRESS_TEXT_SIZE];
    ck_assert_str_eq(address_print(&chosen[0], text), choices[_i].first);
}
END_TEST

START_TEST(a_baseline_is_good_for_its_age)
{
    struct node_facts a = facts_of("a", "1", "10.0.0.1", NULL, NULL);
    kubelets_change(&kubelets, NULL, &a);
    struct kubelet *kubelet = find(&a, "10.0.0.1");
    ck_assert(!kubelet_is_good(kubelet, 5, UINT64_MAX));
    kubelet->answered_us = 1000;
    ck_assert(kubelet_is_good(kubelet, 1000 + 20 * US_PER_MINUTE, 20 * US_PER_MINUTE));
    ck_assert(!kubelet_is_good(kubelet, 1001 + 20 * US_PER_MINUTE, 20 * US_PER_MINUTE));
    ck_assert(kubelet_is_good(kubelet, 999, 20 * US_PER_MINUTE));
    ck_assert_uint_eq(kubelets_good(&kubelets, 1000, US_PER_MINUTE), 1);
}
END_TEST

START_TEST(a_boot_has_the_number_of_its_incident)
{
    struct node node = { "a", "uid", "boot" }, other = { "a", "uid", "boot-2" };
    char id[DIGEST_TEXT_SIZE];
    ck_assert_uint_eq(node_number(&node), incident_number(digest_incident("uid", "boot", id)));
    ck_assert_uint_ne(node_number(&node), node_number(&other));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("kubelets");
    int change_count = sizeof(changes) / sizeof(changes[0]);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, each_internal_address_of_a_node_is_one);
    tcase_add_loop_test(cases, a_baseline_belongs_to_a_boot_of_a_node_and_an_address, 0,
                        change_count);
    tcase_add_loop_test(cases, a_new_list_of_all_nodes_keeps_it_by_the_same_rules, 0, change_count);
    tcase_add_test(cases, a_list_is_sorted_and_knows_what_was_not_tried);
    tcase_add_test(cases, our_own_machine_is_known_by_its_boot_id);
    tcase_add_test(cases, without_a_boot_id_of_our_own_no_machine_is_ours);
    tcase_add_test(cases, an_address_of_two_nodes_is_shared);
    tcase_add_loop_test(cases, a_node_is_asked_where_it_spoke_from, 0,
                        sizeof(choices) / sizeof(choices[0]));
    tcase_add_test(cases, a_baseline_is_good_for_its_age);
    tcase_add_test(cases, a_boot_has_the_number_of_its_incident);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("kubelets", fill);
}
