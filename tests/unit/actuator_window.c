#include "actuator/window.h"

#include "tests/unit/unit.h"

#define SOON_US 10000

static uint64_t now_us;

/* One answer, a write's, to a request of a full window. */
static void answer(struct window *window, unsigned status, uint64_t took_us)
{
    now_us += took_us;
    window_answered(window, &(struct window_answer){ .status = status,
                                                     .wrote = true,
                                                     .sent_us = now_us - took_us,
                                                     .answered_us = now_us,
                                                     .in_flight = window->size });
}

static void windowful(struct window *window, uint64_t took_us)
{
    for (unsigned left = window->size; left > 0; left--)
        answer(window, left % 2 ? 200 : 404, took_us);
}

START_TEST(a_refusal_halves_the_window_once_for_all_that_were_sent_under_it)
{
    struct window window;

    window_init(&window);
    ck_assert_uint_eq(window.size, WINDOW_START);
    for (unsigned i = 0; i < WINDOW_START; i++)
        window_answered(&window, &(struct window_answer){ 429, true, 1000, 2000 + i, 16 });
    ck_assert_uint_eq(window.size, WINDOW_START / 2);
    window_answered(&window, &(struct window_answer){ 429, true, 2001, 3000, 8 });
    ck_assert_uint_eq(window.size, WINDOW_START / 4);
}
END_TEST

START_TEST(the_window_never_closes)
{
    struct window window;

    window_init(&window);
    for (int i = 0; i < 20; i++)
        answer(&window, 429, SOON_US);
    ck_assert_uint_eq(window.size, 1);
}
END_TEST

START_TEST(after_a_refusal_slow_answers_too_widen_it_to_what_it_was)
{
    struct window window;

    window_init(&window);
    windowful(&window, SOON_US);
    answer(&window, 429, SOON_US);
    for (int i = 0; i < 100; i++)
        windowful(&window, 50 * SOON_US);
    ck_assert_uint_eq(window.size, WINDOW_START);
}
END_TEST

START_TEST(answers_as_fast_as_ever_widen_it_up_to_its_most)
{
    struct window window;

    window_init(&window);
    windowful(&window, SOON_US);
    ck_assert_uint_eq(window.size, WINDOW_START + 1);
    for (int i = 0; i < 200; i++)
        windowful(&window, i % 2 ? SOON_US : SOON_US * 6 / 5);
    ck_assert_uint_eq(window.size, WINDOW_MOST);
}
END_TEST

START_TEST(where_more_at_once_only_take_longer_it_stays_about_what_it_was)
{
    struct window window;

    window_init(&window);
    for (int i = 0; i < 1000; i++) /* a server that works on as many as it can */
        windowful(&window, window.size * SOON_US);
    ck_assert_uint_ge(window.size, WINDOW_START);
    ck_assert_uint_le(window.size, WINDOW_START * 3 / 2);
}
END_TEST

START_TEST(it_narrows_when_writes_become_slow)
{
    struct window window;

    window_init(&window);
    for (int i = 0; i < 20; i++)
        windowful(&window, SOON_US);
    ck_assert_uint_eq(window.size, WINDOW_START + 20);
    for (int i = 0; i < 100; i++)
        windowful(&window, 3 * SOON_US);
    ck_assert_uint_eq(window.size, WINDOW_START);
}
END_TEST

START_TEST(what_says_nothing_of_the_servers_pace_leaves_it_as_it_is)
{
    static const struct window_answer answers[] = {
        { 0, true, 1, 2, WINDOW_START },       /* there was none */
        { 200, true, 1, 2, WINDOW_START - 1 }, /* the window had room */
        { 200, false, 1, 2, WINDOW_START },    /* a read */
    };

    for (size_t row = 0; row < sizeof(answers) / sizeof(answers[0]); row++) {
        struct window window;
        window_init(&window);
        for (unsigned i = 0; i < 1000; i++)
            window_answered(&window, &answers[row]);
        ck_assert_uint_eq(window.size, WINDOW_START);
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("window");

    tcase_add_test(tests, a_refusal_halves_the_window_once_for_all_that_were_sent_under_it);
    tcase_add_test(tests, the_window_never_closes);
    tcase_add_test(tests, after_a_refusal_slow_answers_too_widen_it_to_what_it_was);
    tcase_add_test(tests, answers_as_fast_as_ever_widen_it_up_to_its_most);
    tcase_add_test(tests, where_more_at_once_only_take_longer_it_stays_about_what_it_was);
    tcase_add_test(tests, it_narrows_when_writes_become_slow);
    tcase_add_test(tests, what_says_nothing_of_the_servers_pace_leaves_it_as_it_is);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator window", fill);
}
