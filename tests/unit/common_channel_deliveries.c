#include "common/channel_internal.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* The list itself, without sockets or a clock. */
#define COUNT 16384

static struct deliveries list;
static struct delivery items[COUNT];

static void fill_list(unsigned count)
{
    memset(&list, 0, sizeof(list));
    memset(items, 0, sizeof(items));
    for (unsigned i = 0; i < count; i++) {
        items[i].kind = RECORD_PANIC;
        snprintf(items[i].id, sizeof(items[i].id), "%032x", i);
        deliveries_add(&list, &items[i]);
    }
}

static void send_all(void)
{
    struct delivery *delivery;

    while ((delivery = deliveries_next(&list)) != NULL)
        delivery->state = DELIVERY_SENT;
}

static void assert_next_is(unsigned number)
{
    ck_assert_ptr_eq(deliveries_next(&list), &items[number]);
    items[number].state = DELIVERY_SENT;
}

START_TEST(the_same_id_of_another_kind_is_another_delivery)
{
    fill_list(2);
    items[2].kind = RECORD_HALT;
    memcpy(items[2].id, items[0].id, sizeof(items[2].id));
    deliveries_add(&list, &items[2]);
    ck_assert_ptr_eq(deliveries_find(&list, RECORD_HALT, items[0].id), &items[2]);
    ck_assert_ptr_eq(deliveries_find(&list, RECORD_PANIC, items[0].id), &items[0]);
    ck_assert_ptr_null(deliveries_find(&list, RECORD_HALT, items[1].id));
    ck_assert_ptr_null(deliveries_find(&list, RECORD_PANIC, ""));
}
END_TEST

START_TEST(a_full_table_is_found_and_removed_in_any_order)
{
    fill_list(COUNT);
    send_all();
    for (unsigned i = 0; i < COUNT; i++) {
        struct delivery *one = &items[i * 7919u % COUNT]; /* odd: visits each once */
        ck_assert_ptr_eq(deliveries_find(&list, RECORD_PANIC, one->id), one);
        deliveries_remove(&list, one);
        ck_assert_ptr_null(deliveries_find(&list, RECORD_PANIC, one->id));
        ck_assert_uint_eq(list.count, COUNT - 1 - i);
    }
    ck_assert(list.first == NULL && list.last == NULL && list.next == NULL);
}
END_TEST

START_TEST(removing_the_next_one_goes_on_with_the_one_after)
{
    fill_list(3);
    assert_next_is(0);
    deliveries_remove(&list, &items[1]);
    assert_next_is(2);
    ck_assert_ptr_null(deliveries_next(&list));
    deliveries_add(&list, &items[1]);
    assert_next_is(1);
}
END_TEST

START_TEST(after_a_reconnect_the_sent_go_again_and_the_parked_do_not)
{
    fill_list(5);
    for (unsigned i = 0; i < 4; i++)
        assert_next_is(i);
    items[1].state = DELIVERY_PARKED;
    ck_assert_uint_eq(deliveries_unsend(&list), 3);
    assert_next_is(0);
    assert_next_is(2);
    assert_next_is(3);
    assert_next_is(4);
    ck_assert_ptr_null(deliveries_next(&list));
}
END_TEST

START_TEST(the_parked_wait_again_after_their_time_and_go_before_what_is_newer)
{
    fill_list(5);
    for (unsigned i = 0; i < 3; i++)
        assert_next_is(i);
    items[0].state = items[2].state = DELIVERY_PARKED;
    items[0].parked_us = 1000;
    items[2].parked_us = 1030;

    struct deliveries_due due = deliveries_unpark(&list, 1059, 60);
    ck_assert_uint_eq(due.count, 0);
    ck_assert_uint_eq(due.left_us, 1);
    due = deliveries_unpark(&list, 1060, 60);
    ck_assert_uint_eq(due.count, 1);
    ck_assert_uint_eq(due.left_us, 30);
    assert_next_is(0);
    assert_next_is(3);
    due = deliveries_unpark(&list, 1090, 60);
    ck_assert_uint_eq(due.count, 1);
    ck_assert_uint_eq(due.left_us, UINT64_MAX);
    assert_next_is(2);
    assert_next_is(4);
}
END_TEST

static void fill_suite(Suite *suite)
{
    TCase *deliveries = tcase_create("deliveries");

    tcase_set_timeout(deliveries, 60);
    tcase_add_test(deliveries, the_same_id_of_another_kind_is_another_delivery);
    tcase_add_test(deliveries, a_full_table_is_found_and_removed_in_any_order);
    tcase_add_test(deliveries, removing_the_next_one_goes_on_with_the_one_after);
    tcase_add_test(deliveries, after_a_reconnect_the_sent_go_again_and_the_parked_do_not);
    tcase_add_test(deliveries,
                   the_parked_wait_again_after_their_time_and_go_before_what_is_newer);
    suite_add_tcase(suite, deliveries);
}

int main(void)
{
    return unit_run("channel deliveries", fill_suite);
}
