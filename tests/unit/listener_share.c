#include "tests/unit/listener_world.h"

/*
 * Somebody who can send from a Node's address sends as many panics as he likes, before and after a
 * real one, and it is not forgotten.
 */
#define WINDOW 8 /* of an address, in flight, and as many that wait */

static void acknowledge_all(void)
{
    turn();
    for (size_t done = 0; done < panic_count; done++) {
        channel_server_acknowledge(server, RECORD_PANIC, panics[done].id);
        turn();
    }
}

static void panic(const char *source, int number, const char *reason, const char *userdata)
{
    char text[160];
    snprintf(text, sizeof(text), "0,1,%d,-;Kernel panic - not syncing: %s\n%s", 5000000 + number,
             reason, userdata);
    ck_assert(offer(source, text));
}

static const struct told *find(const char *reason)
{
    for (size_t i = 0; i < panic_count; i++)
        if (strcmp(panics[i].reason, reason) == 0)
            return &panics[i];
    return NULL;
}

static size_t used(void)
{
    return pending_count(pending);
}

/* Each with so many forgeries in front of the real one, and behind it. */
static const struct {
    int before, after;
    bool in_its_own_words;
} floods[] = {
    { 0, 0, true },
    { 0, 20000, true }, /* in flight */
    { WINDOW - 1, 20000, true },
    { WINDOW, WINDOW - 1, true }, /* waits, and is not given up yet */
    { 20000, 0, true },           /* the newest */
    { 20000, WINDOW - 1, true },
    { 20000, WINDOW, false },
    { 20000, 20000, false },
};

START_TEST(forgeries_before_and_after_leave_one_that_came_later)
{
    make_node("10.0.0.7");
    acknowledging = false;
    int number = 0;
    for (int i = 0; i < floods[_i].before; i++)
        panic("10.0.0.7", number++, "before", "");
    panic("10.0.0.7", number++, "real", "");
    for (int i = 0; i < floods[_i].after; i++)
        panic("10.0.0.7", number++, "after", "");
    turn();
    ck_assert_uint_le(used(), 2 * WINDOW);
    ck_assert_uint_le(panic_count, WINDOW);
    acknowledge_all();
    ck_assert_uint_eq(used(), 0);
    if (floods[_i].in_its_own_words)
        ck_assert_ptr_nonnull(find("real"));
    else
        ck_assert_ptr_nonnull(find("after"));
}
END_TEST

START_TEST(who_stands_for_others_claims_nothing_that_they_did_not)
{
    make_node("10.0.0.7");
    acknowledging = false;
    int number = 0;
    for (int i = 0; i < 2 * WINDOW; i++)
        panic("10.0.0.7", number++, "before", " node=other\n");
    panic("10.0.0.7", number++, "real", " node=mine\n boot=b\n");
    for (int i = 0; i < 2 * WINDOW; i++)
        panic("10.0.0.7", number++, "after", " node=other\n rack=1\n");
    acknowledge_all();
    turn();
    /* All that say another Node would be ended by that alone: one must not. */
    size_t bare = 0;
    for (size_t i = 0; i < panic_count; i++)
        bare += strcmp(panics[i].userdata, " rack=1") == 0;
    ck_assert_uint_ge(bare, 1);
    ck_assert_ptr_null(find("real"));
}
END_TEST

START_TEST(a_flood_that_claims_what_the_real_one_does_keeps_the_claim)
{
    make_node("10.0.0.7");
    acknowledging = false;
    for (int i = 0; i < 100; i++)
        panic("10.0.0.7", i, "x", " node=mine\n boot=b\n");
    acknowledge_all();
    ck_assert_uint_eq(panic_count, 2 * WINDOW);
    for (size_t i = 0; i < panic_count; i++)
        ck_assert_str_eq(panics[i].node, "mine");
}
END_TEST

START_TEST(who_stands_for_others_does_so_after_a_restart)
{
    make_node("10.0.0.7");
    acknowledging = false;
    for (int i = 0; i < 100; i++)
        panic("10.0.0.7", i, "x", i < 50 ? "" : " node=other\n");
    turn();
    size_t before = used();
    ck_assert_uint_eq(panic_count, WINDOW);
    close_intake();
    panic_count = 0;
    open_intake();
    turn();
    ck_assert_uint_eq(used(), before);
    ck_assert_uint_eq(panic_count, WINDOW);
    acknowledge_all();
    size_t bare = 0;
    for (size_t i = WINDOW; i < panic_count; i++)
        bare += panics[i].node[0] == '\0';
    ck_assert_uint_ge(bare, 1);
    ck_assert_uint_eq(used(), 0);
}
END_TEST

START_TEST(halts_give_way_to_panics_and_never_the_other_way)
{
    char text[80];
    make_node("10.0.0.7");
    acknowledging = false;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "0,1,%d,-;reboot: Power down\n", i);
        ck_assert(offer("10.0.0.7", text));
    }
    for (int i = 0; i < WINDOW; i++)
        panic("10.0.0.7", 1000 + i, i == 0 ? "real" : "x", "");
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "0,1,%d,-;reboot: Power down %d\n", 5000000 + i, i);
        ck_assert(offer("10.0.0.7", text));
    }
    ck_assert_uint_eq(used(), 2 * WINDOW);
    size_t count, kept = 0;
    uint32_t *in_use = pending_in_use(pending, &count);
    for (size_t i = 0; i < count; i++)
        kept += pending_slot(pending, in_use[i])->kind == SLOT_PANIC;
    free(in_use);
    ck_assert_uint_eq(kept, WINDOW);
}
END_TEST

START_TEST(no_address_takes_what_others_need)
{
    char address[32], text[80];
    acknowledging = false;
    for (int i = 0; i < 4000; i++) {
        snprintf(address, sizeof(address), "10.1.%d.%d", i / 200, i % 200 + 1);
        make_node(address);
    }
    for (int i = 0; i < 4000; i++) {
        snprintf(address, sizeof(address), "10.1.%d.%d", i / 200, i % 200 + 1);
        for (int k = 0; k < 3 * WINDOW; k++) {
            snprintf(text, sizeof(text), "[    5.%06d] Kernel panic - not syncing: x\n", k);
            ck_assert_msg(offer(address, text), "address %d, panic %d: nothing is read", i, k);
        }
    }
    make_node("10.0.0.7");
    ck_assert(offer("10.0.0.7", "[    5.000000] Kernel panic - not syncing: real\n"));
}
END_TEST

START_TEST(strangers_that_turn_out_to_be_one_node_get_its_share_in_order)
{
    acknowledging = false;
    for (int i = 0; i < 100; i++) {
        char reason[16];
        snprintf(reason, sizeof(reason), "%d", i);
        panic("10.0.0.7", i, reason, "");
    }
    for (int i = 0; i < 700; i++)
        panic("10.0.0.1", i, "stranger", "");
    turn();
    panic_count = 0;
    make_node("10.0.0.7");
    ck_assert_uint_eq(used(), 2 * WINDOW + 700);
    turn();
    acknowledge_all();
    ck_assert_ptr_nonnull(find("0"));
    ck_assert_ptr_nonnull(find("99"));
    /* The strangers that waited behind them are in flight now. */
    ck_assert_ptr_nonnull(find("stranger"));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *share = tcase_create("share");
    tcase_add_checked_fixture(share, setup, teardown);
    tcase_set_timeout(share, 60);
    tcase_add_loop_test(share, forgeries_before_and_after_leave_one_that_came_later, 0,
                        sizeof(floods) / sizeof(floods[0]));
    tcase_add_test(share, who_stands_for_others_claims_nothing_that_they_did_not);
    tcase_add_test(share, a_flood_that_claims_what_the_real_one_does_keeps_the_claim);
    tcase_add_test(share, who_stands_for_others_does_so_after_a_restart);
    tcase_add_test(share, halts_give_way_to_panics_and_never_the_other_way);
    tcase_add_test(share, no_address_takes_what_others_need);
    tcase_add_test(share, strangers_that_turn_out_to_be_one_node_get_its_share_in_order);
    suite_add_tcase(suite, share);
}

int main(void)
{
    return unit_run("listener share", fill);
}
