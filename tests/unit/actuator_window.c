#include "actuator/window.h"

#include "tests/unit/unit.h"

START_TEST(a_refusal_halves_the_window_once_for_all_that_were_sent_under_it)
{
    struct window window;

    window_init(&window);
    ck_assert_uint_eq(window.size, WINDOW_START);
    for (unsigned i = 0; i < WINDOW_START; i++)
        window_answered(&window, 429, 1000, 2000 + i);
    ck_assert_uint_eq(window.size, WINDOW_START / 2);
    window_answered(&window, 429, 2001, 3000);
    ck_assert_uint_eq(window.size, WINDOW_START / 4);
}
END_TEST

START_TEST(the_window_never_closes)
{
    struct window window;

    window_init(&window);
    for (uint64_t now_us = 1; now_us < 20; now_us++)
        window_answered(&window, 429, now_us, now_us);
    ck_assert_uint_eq(window.size, 1);
}
END_TEST

START_TEST(answers_widen_it_again_up_to_its_most)
{
    struct window window;

    window_init(&window);
    for (unsigned i = 0; i < WINDOW_START; i++)
        window_answered(&window, 200, 1, 2);
    ck_assert_uint_eq(window.size, WINDOW_START + 1);
    for (unsigned i = 0; i < 20000; i++)
        window_answered(&window, i % 2 ? 200 : 404, 1, 2);
    ck_assert_uint_eq(window.size, WINDOW_MOST);
}
END_TEST

START_TEST(no_answer_is_no_reason_to_send_more)
{
    struct window window;

    window_init(&window);
    for (unsigned i = 0; i < 1000; i++)
        window_answered(&window, 0, 1, 2);
    ck_assert_uint_eq(window.size, WINDOW_START);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("window");

    tcase_add_test(tests, a_refusal_halves_the_window_once_for_all_that_were_sent_under_it);
    tcase_add_test(tests, the_window_never_closes);
    tcase_add_test(tests, answers_widen_it_again_up_to_its_most);
    tcase_add_test(tests, no_answer_is_no_reason_to_send_more);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator window", fill);
}
