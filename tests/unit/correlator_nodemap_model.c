#include "tests/unit/correlator_nodemap.h"

#include <time.h>

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
    TCase *cases = tcase_create("nodemap model");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, random_changes_agree_with_a_naive_model);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("nodemap model", fill);
}
