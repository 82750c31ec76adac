#include "tests/unit/unit.h"

#include "common/text.h"
#include "correlator/witness.h"

#include <stdio.h>
#include <string.h>

#define NOW      (3600 * US_PER_SECOND)
#define ANSWERED (NOW - US_PER_MINUTE)
#define GOOD     (20 * US_PER_MINUTE)

/* A cluster as text: each word is NODE@ADDRESS/ZONE, with a mark behind it: '-' for one that never
 * answered, 'o' for one that did too long ago, '=' for one that did just not too long ago, 'p' for
 * one with an open panic, 'u' for us.  The first, which answered a minute ago, is asked about. */
static const struct {
    const char *name, *cluster, *found;
} rows[] = {
    { "one Node has no witness", "a@10.0.0.1/x", "" },
    { "two have one", "a@10.0.0.1/x b@10.0.0.2/x", "b" },
    { "three have two", "a@10.0.0.1/x b@10.0.0.2/x c@10.0.0.3/x", "b c" },
    { "four have three", "a@10.0.0.1/x b@10.0.0.2/x c@10.0.0.3/x d@10.0.0.4/x", "b c d" },
    { "no more than four",
      "a@10.0.0.1/x b@10.0.0.2/x c@10.0.0.3/x d@10.0.0.4/x e@10.0.0.5/x f@10.0.0.6/x", "b c d e" },
    { "the nearest come first, on either side",
      "a@10.0.8.9/x b@10.0.9.1/x c@10.0.8.1/x d@10.0.0.1/x e@10.1.0.0/x f@9.0.0.0/x", "c b d e" },
    { "the same zone goes before nearness",
      "a@10.0.0.1/x b@10.0.0.2/y c@10.9.0.1/x d@10.9.0.2/x e@192.0.2.1/x f@198.51.100.1/x",
      "c d e f" },
    { "other zones fill what the zone lacks",
      "a@10.0.0.1/x b@10.9.0.1/x c@10.0.0.2/y d@10.0.1.1/z e@10.8.0.1/z f@192.0.2.1/y", "b c d e" },
    { "no zone is a zone, too", "a@10.0.0.1/ b@10.0.0.2/x c@10.9.0.1/ d@10.9.0.2/", "c d b" },
    { "we are none: our own machine answers without any network", "a@10.0.0.1/x b@10.0.0.2/xu",
      "" },
    { "who never answered is none", "a@10.0.0.1/x b@10.0.0.2/x- c@10.0.0.3/x", "c" },
    { "who answered too long ago is none", "a@10.0.0.1/x b@10.0.0.2/xo c@10.0.0.3/x", "c" },
    { "who answered 20 minutes before the machine is one",
      "a@10.0.0.1/x b@10.0.0.2/x= c@10.0.0.3/xo", "b" },
    { "who panicked is none", "a@10.0.0.1/x b@10.0.0.2/xp c@10.0.0.3/x d@10.0.0.4/xp", "c" },
    { "nobody is fit", "a@10.0.0.1/x b@10.0.0.2/xp c@10.0.0.3/x- d@10.0.0.4/xo", "" },
    { "who has two addresses is one witness", "a@10.0.0.1/x b@10.0.0.2/x b@10.0.0.3/x c@10.0.1.1/x",
      "b c" },
    { "its own other address is none", "a@10.0.0.1/x a@10.0.0.2/x b@10.0.0.3/x", "b" },
    { "an address of two Nodes is nobody's", "a@10.0.0.1/x b@10.0.0.2/x c@10.0.0.2/x", "" },
    { "IPv6 by its prefix",
      "a@fd00:1:2:3::1/x b@fd00:1:2:4::1/x c@fd00:1:2:3::9/x d@fd00:9::1/x e@10.0.0.1/x",
      "c b d e" },
    { "the own family before the other",
      "a@10.0.0.1/x b@fd00::1/x c@192.0.2.1/x d@198.51.100.1/x e@203.0.113.1/x f@192.0.2.2/x",
      "c f d e" },
};

static struct kubelets kubelets;
static char suspects[16];

static bool is_suspect(void *arg, uint64_t node)
{
    (void)arg;
    return strchr(suspects, (int)node) != NULL;
}

static const struct witness_rules rules = { GOOD, is_suspect, NULL };

static int order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct address));
}

static struct kubelet kubelet_of(const char *word)
{
    struct kubelet kubelet = { .node = (uint64_t)word[0], .answered_us = ANSWERED };
    char address[ADDRESS_TEXT_SIZE], zone[2] = "";
    int size;
    ck_assert_int_eq(sscanf(word + 2, "%45[^/]/%n", address, &size), 1);
    const char *rest = word + 2 + size;
    if (*rest >= 'x')
        zone[0] = *rest++;
    ck_assert(address_parse(address, &kubelet.address));
    kubelet.zone = node_zone(zone);
    if (*rest == '-')
        kubelet.answered_us = 0;
    if (*rest == 'o')
        kubelet.answered_us = ANSWERED - GOOD - 1;
    if (*rest == '=')
        kubelet.answered_us = ANSWERED - GOOD;
    kubelet.is_ours = *rest == 'u';
    if (*rest == 'p')
        suspects[strlen(suspects)] = word[0];
    return kubelet;
}

static struct kubelet build(const char *cluster)
{
    char list[512];
    struct kubelet first = { 0 };
    memset(suspects, 0, sizeof(suspects));
    snprintf(list, sizeof(list), "%s", cluster);
    char *rest = list;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        struct kubelet kubelet = kubelet_of(word);
        if (kubelets.count == 0)
            first = kubelet;
        kubelets_append(&kubelets, &kubelet);
    }
    qsort(kubelets.all, kubelets.count, sizeof(*kubelets.all), order);
    return first;
}

static const char *choose(const struct kubelets *candidates, const struct kubelet *asked,
                          size_t *passed_over)
{
    static char text[64];
    const struct kubelet *found[WITNESSES_MAX];
    struct witness_search search = { .address = &asked->address,
                                     .zone = asked->zone,
                                     .node = asked->node,
                                     .answered_us = asked->answered_us };
    size_t used = 0, count = witness_choose(candidates, &rules, &search, found);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        text_append(text, sizeof(text), &used, "%s%c", i > 0 ? " " : "", (int)found[i]->node);
    *passed_over = search.passed_over;
    return text;
}

START_TEST(each_cluster_has_its_witnesses)
{
    size_t passed_over;
    struct kubelet asked = build(rows[_i].cluster);
    struct kubelets candidates = witness_candidates(&kubelets, &rules, NOW);
    const char *found = choose(&candidates, &asked, &passed_over);
    ck_assert_msg(strcmp(found, rows[_i].found) == 0, "%s: %s", rows[_i].name, found);
    ck_assert_uint_eq(passed_over, 0);
    kubelets_free(&candidates);
    kubelets_free(&kubelets);
}
END_TEST

START_TEST(who_panicked_since_the_candidates_were_gathered_is_passed_over)
{
    size_t passed_over;
    struct kubelet asked = build("a@10.0.0.1/x b@10.0.0.2/x c@10.0.0.3/x d@10.0.0.4/x");
    struct kubelets candidates = witness_candidates(&kubelets, &rules, NOW);
    strcpy(suspects, "bc");
    ck_assert_str_eq(choose(&candidates, &asked, &passed_over), "d");
    ck_assert_uint_eq(passed_over, 2);
    kubelets_free(&candidates);
    kubelets_free(&kubelets);
}
END_TEST

#define MS US_PER_MS

static const struct {
    const char *name;
    size_t count, answering;
    uint64_t since_us[WITNESSES_MAX];
    bool enough;
    uint64_t expected_us;
} tallies[] = {
    { "none is not enough", 0, 0, { 0 }, false, 0 },
    { "the only one answers", 1, 1, { 7 }, true, 7 },
    { "the only one is silent", 1, 0, { 0 }, false, 0 },
    { "two of two", 2, 2, { 7, 9 }, true, 9 },
    { "one of two", 2, 1, { 7 }, false, 0 },
    { "three of three", 3, 3, { 9, 7, 8 }, true, 9 },
    { "two of three", 3, 2, { 7, 9 }, false, 0 },
    { "three of four: a neighbour that died without a word", 4, 3, { 7, 9, 8 }, true, 9 },
    { "two of four: a rack that is cut off", 4, 2, { 7, 9 }, false, 0 },
    { "of four that answer the one that did not before does not count",
      4,
      4,
      { 7, 900, 9, 8 },
      true,
      9 },
};

START_TEST(enough_answer_since_the_last_of_as_many_as_it_takes)
{
    uint64_t since_us[WITNESSES_MAX];
    memcpy(since_us, tallies[_i].since_us, sizeof(since_us));
    struct settle_witnesses tally =
        witness_tally(tallies[_i].count, since_us, tallies[_i].answering);
    ck_assert_uint_eq(tally.count, tallies[_i].count);
    ck_assert_uint_eq(tally.answering, tallies[_i].answering);
    ck_assert_msg(tally.enough == tallies[_i].enough, "%s", tallies[_i].name);
    ck_assert_msg(tally.since_us == tallies[_i].expected_us, "%s", tallies[_i].name);
}
END_TEST

START_TEST(a_witness_answers_since_its_first_probe)
{
    struct witness_answers answers = { 0 };
    ck_assert(!witness_is_answering(&answers, NOW, 1500 * MS));
    for (uint64_t us = NOW; us < NOW + 5000 * MS; us += 500 * MS)
        witness_answered(&answers, us, us + 20, 1500 * MS);
    ck_assert_uint_eq(answers.since_us, NOW);
    ck_assert(witness_is_answering(&answers, NOW + 6000 * MS, 1500 * MS));
    ck_assert(!witness_is_answering(&answers, NOW + 6001 * MS, 1500 * MS));
}
END_TEST

START_TEST(after_a_break_it_answers_since_the_break_only)
{
    struct witness_answers answers = { 0 };
    witness_answered(&answers, NOW, NOW + 20, 1500 * MS);
    witness_answered(&answers, NOW + 1500 * MS, NOW + 1501 * MS, 1500 * MS);
    ck_assert_uint_eq(answers.since_us, NOW);
    witness_answered(&answers, NOW + 3001 * MS, NOW + 3002 * MS, 1500 * MS);
    ck_assert_uint_eq(answers.since_us, NOW + 3001 * MS);
}
END_TEST

START_TEST(an_answer_to_a_syn_that_was_sent_again_proves_nothing_of_the_time_before)
{
    struct witness_answers answers = { 0 };
    witness_answered(&answers, NOW, NOW + 1000 * MS, 1500 * MS);
    ck_assert_uint_eq(answers.since_us, NOW + 1000 * MS);
    witness_answered(&answers, NOW - 500 * MS, NOW + 1001 * MS, 1500 * MS);
    ck_assert_uint_eq(answers.since_us, NOW + 1000 * MS);
    ck_assert(witness_is_answering(&answers, NOW + 1500 * MS, 1500 * MS));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("witness");
    tcase_add_loop_test(cases, each_cluster_has_its_witnesses, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(cases, who_panicked_since_the_candidates_were_gathered_is_passed_over);
    tcase_add_loop_test(cases, enough_answer_since_the_last_of_as_many_as_it_takes, 0,
                        sizeof(tallies) / sizeof(tallies[0]));
    tcase_add_test(cases, a_witness_answers_since_its_first_probe);
    tcase_add_test(cases, after_a_break_it_answers_since_the_break_only);
    tcase_add_test(cases, an_answer_to_a_syn_that_was_sent_again_proves_nothing_of_the_time_before);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("witness", fill);
}
