#include "tests/unit/unit.h"

#include "common/memory.h"
#include "correlator/nodemap.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define UID_1 "0a1b2c3d-0000-4000-8000-000000000001"
#define UID_2 "0a1b2c3d-0000-4000-8000-000000000002"
#define BOOT  "5e9f0d7a-1111-4222-8333-444444444444"

static struct nodemap *map;

static void set_up(void)
{
    map = nodemap_new(42);
}

static void tear_down(void)
{
    nodemap_free(map);
}

static struct address address_of(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, &address), "%s is no address", text);
    return address;
}

/* ADDRESSES: "10.0.0.1 e:192.0.2.1 a:2001:db8::1", e: external, a: annotation. */
static struct node_facts facts_of(const char *name, const char *uid, const char *addresses)
{
    struct node_facts facts = { 0 };
    snprintf(facts.node.name, sizeof(facts.node.name), "%s", name);
    snprintf(facts.node.uid, sizeof(facts.node.uid), "%s", uid);
    snprintf(facts.node.boot, sizeof(facts.node.boot), "%s", BOOT);
    char list[256];
    snprintf(list, sizeof(list), "%s", addresses);
    char *rest = list;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word == '\0')
            continue;
        enum node_rank rank = NODE_INTERNAL_IP;
        if (strncmp(word, "e:", 2) == 0)
            rank = NODE_EXTERNAL_IP;
        else if (strncmp(word, "a:", 2) == 0)
            rank = NODE_ANNOTATION;
        struct address address = address_of(rank == NODE_INTERNAL_IP ? word : word + 2);
        ck_assert(node_facts_claim(&facts, &address, rank));
    }
    return facts;
}

static char changes[512];

static void note_change(void *arg, const struct address *address, bool claimed)
{
    char text[ADDRESS_TEXT_SIZE];
    size_t used = strlen(changes);
    ck_assert_ptr_eq(arg, changes);
    snprintf(changes + used, sizeof(changes) - used, "%c%s ", claimed ? '+' : '-',
             address_print(address, text));
}

/* Returns what it told of. */
static const char *put(const char *name, const char *uid, const char *addresses)
{
    struct node_facts facts = facts_of(name, uid, addresses);
    changes[0] = '\0';
    nodemap_put(map, &facts, note_change, changes);
    return changes;
}

static const char *take(const char *name)
{
    changes[0] = '\0';
    ck_assert(nodemap_remove(map, name, note_change, changes));
    return changes;
}

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

/* Random operations against a model that looks at every Node each time. */
enum { MODEL_NODES = 12, MODEL_ADDRESSES = 8, MODEL_STEPS = 20000 };

static struct model_node {
    bool there;
    unsigned uid, boot;
    int rank[MODEL_ADDRESSES]; /* -1: not claimed */
} model[MODEL_NODES];

static struct address model_address(unsigned i)
{
    struct address address = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)i } };
    return address;
}

static struct node_facts model_facts(unsigned i)
{
    struct node_facts facts = { 0 };
    snprintf(facts.node.name, sizeof(facts.node.name), "node-%u", i);
    snprintf(facts.node.uid, sizeof(facts.node.uid), "uid %u", model[i].uid);
    snprintf(facts.node.boot, sizeof(facts.node.boot), "0a1b2c3d-0000-4000-8000-%012x",
             model[i].boot);
    for (unsigned a = 0; a < MODEL_ADDRESSES; a++) {
        struct address address = model_address(a);
        if (model[i].rank[a] >= 0)
            node_facts_claim(&facts, &address, (enum node_rank)model[i].rank[a]);
    }
    return facts;
}

static bool told[MODEL_ADDRESSES];

static void tell_model(void *arg, const struct address *address, bool claimed)
{
    (void)arg;
    bool *is_told = &told[address->bytes[15]];
    ck_assert_msg(*is_told != claimed, "told twice of the same");
    *is_told = claimed;
}

static void check_address(unsigned a)
{
    int best = NODE_ANNOTATION + 1;
    unsigned claims = 0, alike = 0, winner = 0;
    for (unsigned i = 0; i < MODEL_NODES; i++) {
        int rank = model[i].there ? model[i].rank[a] : -1;
        if (rank < 0)
            continue;
        claims++;
        alike = rank < best ? 1 : alike + (rank == best);
        if (rank < best) {
            best = rank;
            winner = i;
        }
    }
    struct address address = model_address(a);
    struct node node;
    enum node_rank rank;
    enum nodemap_answer answer = nodemap_find(map, &address, &node, &rank);
    ck_assert_int_eq(told[a], claims > 0);
    ck_assert_int_eq(answer, claims == 0  ? NODEMAP_NOBODY
                             : alike == 1 ? NODEMAP_FOUND
                                          : NODEMAP_CONTESTED);
    if (answer == NODEMAP_FOUND) {
        struct node_facts facts = model_facts(winner);
        ck_assert_int_eq((int)rank, best);
        ck_assert_str_eq(node.name, facts.node.name);
        ck_assert_str_eq(node.uid, facts.node.uid);
        ck_assert_str_eq(node.boot, facts.node.boot);
    }
}

static void random_step(unsigned *seed)
{
    unsigned i = (unsigned)rand_r(seed) % MODEL_NODES;
    if (rand_r(seed) % 4 == 0) {
        char name[32];
        snprintf(name, sizeof(name), "node-%u", i);
        ck_assert_int_eq(nodemap_remove(map, name, tell_model, NULL), model[i].there);
        model[i].there = false;
        return;
    }
    if (!model[i].there || rand_r(seed) % 8 == 0)
        model[i].uid = (unsigned)rand_r(seed);
    model[i].there = true;
    model[i].boot = (unsigned)rand_r(seed) % 3;
    for (unsigned a = 0; rand_r(seed) % 2 == 0 && a < MODEL_ADDRESSES; a++)
        model[i].rank[a] = rand_r(seed) % 4 - 1;
    struct node_facts facts = model_facts(i);
    nodemap_put(map, &facts, tell_model, NULL);
}

START_TEST(random_changes_agree_with_a_naive_model)
{
    const char *given = getenv("LASTGASP_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("# LASTGASP_SEED=%u\n", seed);
    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        random_step(&seed);
        for (unsigned a = 0; a < MODEL_ADDRESSES; a++)
            check_address(a);
    }
    for (unsigned i = 0, there = 0; i < MODEL_NODES; i++) {
        there += model[i].there;
        if (i == MODEL_NODES - 1)
            ck_assert_uint_eq(nodemap_count(map), there);
    }
    ck_assert_uint_lt(nodemap_size(map), 64 * 1024);
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
    tcase_add_loop_test(cases, ids_come_out_as_they_went_in, 0, sizeof(ids) / sizeof(ids[0]));
    tcase_add_test(cases, the_longest_node_fits);
    tcase_add_test(cases, the_walk_shows_every_address_and_survives_changes);
    tcase_add_test(cases, a_node_takes_less_than_300_bytes);
    tcase_add_test(cases, random_changes_agree_with_a_naive_model);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("nodemap", fill);
}
