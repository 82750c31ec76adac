#include "tests/unit/listener_world.h"

#include "listener/ours.h"

/* What the node's own sending side writes, line by line and then through the whole intake. */
static const struct {
    enum line_kind kind;
    const char *text;
    bool good;
    const char *node, *boot, *drill;
    uint64_t every_s;
    const char *old; /* the old kernel's line */
} rows[] = {
    { LINE_HEARTBEAT, "lastgasp: heartbeat node=worker-1.eu boot=0f-3A every=300", true,
      "worker-1.eu", "0f-3A", "", 300, "" },
    { LINE_HEARTBEAT, "lastgasp: heartbeat every=28800", true, "", "", "", 28800, "" },
    { LINE_HEARTBEAT, "lastgasp: heartbeat every=28801", false },
    { LINE_HEARTBEAT, "lastgasp: heartbeat every=0", false },
    { LINE_HEARTBEAT, "lastgasp: heartbeat every=18446744073709551916", false },
    { LINE_HEARTBEAT, "lastgasp: heartbeat every=-1", false },
    { LINE_HEARTBEAT, "lastgasp: heartbeat every=", false },
    { LINE_HEARTBEAT, "lastgasp: heartbeat node=a boot=b", false },
    { LINE_DRILL, "lastgasp: drill node=a boot=b id=c", true, "a", "b", "c", 0, "" },
    { LINE_DRILL, "lastgasp: drill  id=c by=alice boot=b node=a  ", true, "a", "b", "c", 0, "" },
    { LINE_DRILL, "lastgasp: drill node=a boot=b", false },
    { LINE_DRILL, "lastgasp: drill node=a boot=b id=", false },
    { LINE_DRILL, "lastgasp: drill node=a boot=b id=../x", false },
    { LINE_DRILL, "lastgasp: drill node=a\"b boot=b id=c", false },
    { LINE_DRILL, "lastgasp: drill node=a boot=b id=0123456789abcdef0123456789abcdef0", false },
    { LINE_DRILL, "lastgasp: drill", false },
    { LINE_LATE, "lastgasp: late boot=b part=1/2 Kernel panic - not syncing: x", true, "", "b", "",
      0, "Kernel panic - not syncing: x" },
    { LINE_LATE, "lastgasp: late boot=b part=1/2 <0>[    5.742632][    C0] Kernel panic", true, "",
      "b", "", 0, "Kernel panic" },
    { LINE_LATE, "lastgasp: late boot=b part=1/2 boot=c id=d", true, "", "b", "", 0,
      "boot=c id=d" },
    { LINE_LATE, "lastgasp: late boot=b part=1/2 ", false },
    { LINE_LATE, "lastgasp: late boot=b Kernel panic", false },
    { LINE_LATE, "lastgasp: late part=1/2 Kernel panic", false },
    { LINE_OURS, "lastgasp: something new", false },
};

static struct span span_of(const char *text)
{
    return (struct span){ text, strlen(text) };
}

static void check(struct span is, const char *should)
{
    bool same = is.size == strlen(should) &&
                (is.size == 0 || memcmp(is.bytes, should, is.size) == 0);
    ck_assert_msg(same, "%.*s instead of %s", (int)is.size, is.bytes, should);
}

START_TEST(a_line_is_read_as_it_is_written)
{
    struct ours ours;

    ck_assert_int_eq(ours_read(rows[_i].kind, span_of(rows[_i].text), &ours), rows[_i].good);
    if (!rows[_i].good)
        return;
    check(ours.node, rows[_i].node);
    check(ours.boot, rows[_i].boot);
    check(ours.drill, rows[_i].drill);
    check(ours.text, rows[_i].old);
    ck_assert_uint_eq(ours.every_s, rows[_i].every_s);
}
END_TEST

START_TEST(each_kind_has_its_share_of_a_minute)
{
    static const struct {
        enum line_kind kind;
        unsigned share;
    } kinds[] = { { LINE_HEARTBEAT, 1 }, { LINE_DRILL, 1 }, { LINE_LATE, 8 } };
    struct ours_share share = { 0 };
    uint64_t at_us = 1;

    for (int minute = 0; minute < 3; minute++, at_us += US_PER_MINUTE) {
        unsigned taken = 0;
        for (int i = 0; i < 50; i++)
            taken += ours_take(&share, kinds[_i].kind, at_us + (uint64_t)i);
        ck_assert_uint_eq(taken, kinds[_i].share);
    }
}
END_TEST

static void say_late(const char *boot, unsigned part, const char *text)
{
    char line[512];
    snprintf(line, sizeof(line), "14,%u,%u,-;lastgasp: late boot=%s part=%u/9 %s\n", part,
             9000000 + part, boot, part, text);
    say(line);
}

START_TEST(the_reason_of_a_late_panic_comes_from_the_lines_of_its_own_boot)
{
    say("0,1,8000000,-;BUG: kernel NULL pointer dereference, address: 0000000000000bad\n");
    say_late("other", 1, "kernel BUG at mm/slub.c:305!");
    say_late("old", 1, "<1>[  5.1] BUG: unable to handle page fault for address: ffffc90000000000");
    say_late("old", 2, "RIP: 0010:do_oops+0x5/0x20 [crashme]");
    say_late("other", 2, "RIP: 0010:innocent+0x5/0x20");
    say_late("old", 3, "Kernel panic - not syncing: Fatal exception");
    turn();
    ck_assert_uint_eq(late_count, 1);
    ck_assert_str_eq(lates[0].reason,
                     "Fatal exception (page fault at ffffc90000000000 in do_oops [crashme])");
    ck_assert_str_eq(lates[0].node, "old");
    ck_assert_uint_eq(panic_count, 0);
}
END_TEST

/* What a late line said is about another boot: it explains nothing that this one does. */
START_TEST(late_words_are_neither_proof_nor_reason_of_a_panic)
{
    say_late("old", 1, "BUG: unable to handle page fault for address: ffffc90000000000");
    say_late("old", 2, "Kernel panic - not syncing: Fatal exception");
    say("0,9,9500000,-;Rebooting in 3 seconds..\n");
    say("0,10,9500001,-;reboot: System halted\n");
    say("0,11,9500002,-;Kernel panic - not syncing: Fatal exception\n");
    turn();
    ck_assert_uint_eq(late_count, 1);
    ck_assert_uint_eq(halt_count, 1);
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_str_eq(panics[0].reason, "Fatal exception");
}
END_TEST

/* Whatever the facility says of who wrote it. */
START_TEST(a_drill_is_told_whoever_wrote_it)
{
    static const char *const lines[] = {
        "14,1,9000000,-;lastgasp: drill node=a boot=b id=c\n",
        "6,1,9000000,-;lastgasp: drill node=a boot=b id=c\n",
        "[    9.000000] lastgasp: drill node=a boot=b id=c\n",
        "lastgasp: drill node=a boot=b id=c\n",
    };
    say(lines[_i]);
    turn();
    ck_assert_uint_eq(drill_count, 1);
    ck_assert_uint_eq(counts[COUNT_DRILLS], 1);
}
END_TEST

START_TEST(one_drill_by_two_addresses_is_one)
{
    acknowledging = false;
    ck_assert(offer("10.0.0.1", "14,1,9000000,-;lastgasp: drill node=a boot=b id=c\n"));
    ck_assert(offer("10.0.0.2", "14,1,9000000,-;lastgasp: drill node=a boot=b id=c\n"));
    turn();
    ck_assert_uint_eq(drill_count, 1);
    ck_assert_uint_eq(counts[COUNT_OURS_SKIPPED], 1);
}
END_TEST

START_TEST(a_drill_survives_a_restart)
{
    acknowledging = false;
    say("14,1,9000000,-;lastgasp: drill node=a boot=b id=c\n");
    turn();
    close_intake();
    open_intake();
    turn();
    ck_assert_uint_eq(drill_count, 2);
}
END_TEST

/* Half of the slots are for what is no mere words. */
START_TEST(words_give_way_to_panics)
{
    acknowledging = false;
    for (int i = 0; i < PENDING_OTHER_SLOTS / 2; i++) {
        char line[128];
        snprintf(line, sizeof(line), "0,%d,%d,-;Kernel panic - not syncing: x\n", i, 5000000 + i);
        say(line);
    }
    say("14,1,9000000,-;lastgasp: drill node=a boot=b id=c\n");
    say_late("old", 1, "Kernel panic - not syncing: y");
    turn();
    ck_assert_uint_eq(counts[COUNT_PANICS], PENDING_OTHER_SLOTS / 2);
    ck_assert_uint_eq(counts[COUNT_DRILLS] + counts[COUNT_LATES], 0);
    ck_assert_uint_eq(counts[COUNT_OURS_SKIPPED], 2);
}
END_TEST

START_TEST(heartbeats_of_nodes_are_told_once_a_minute)
{
    make_node("10.0.0.7");
    turn(); /* they are best effort, so somebody has to be there */
    for (int second = 0; second < 120; second++, now_us += US_PER_SECOND) {
        ck_assert(offer("10.0.0.7", "14,1,9000000,-;lastgasp: heartbeat every=5\n"));
        ck_assert(offer("10.0.0.8", "14,1,9000000,-;lastgasp: heartbeat every=5\n"));
    }
    turn();
    ck_assert_uint_eq(heartbeat_count, 2);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *pure = tcase_create("read");
    tcase_add_loop_test(pure, a_line_is_read_as_it_is_written, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(pure, each_kind_has_its_share_of_a_minute, 0, 3);
    suite_add_tcase(suite, pure);
    TCase *heard = tcase_create("heard");
    tcase_add_checked_fixture(heard, setup, teardown);
    tcase_set_timeout(heard, 60);
    tcase_add_test(heard, the_reason_of_a_late_panic_comes_from_the_lines_of_its_own_boot);
    tcase_add_test(heard, late_words_are_neither_proof_nor_reason_of_a_panic);
    tcase_add_loop_test(heard, a_drill_is_told_whoever_wrote_it, 0, 4);
    tcase_add_test(heard, one_drill_by_two_addresses_is_one);
    tcase_add_test(heard, a_drill_survives_a_restart);
    tcase_add_test(heard, words_give_way_to_panics);
    tcase_add_test(heard, heartbeats_of_nodes_are_told_once_a_minute);
    suite_add_tcase(suite, heard);
}

int main(void)
{
    return unit_run("ours", fill);
}
