#include "listener/voice.h"

#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000)
#define START  (1000 * SECOND)

enum heard { PANIC, LINE, MARKER, BOOT };
struct line {
    double at;
    enum heard heard;
    bool speaks;
};
#define END                                                                                        \
    {                                                                                              \
        -1, LINE, false                                                                            \
    }

static const struct {
    const char *about;
    struct line lines[10];
} rows[] = {
    { "nobody asks who never panicked", { { 0, LINE, false }, { 9, BOOT, false }, END } },
    { "the trace is the panic's",
      { { 0, PANIC, false }, { 1, LINE, false }, { 5, LINE, false }, { 9.9, LINE, false }, END } },
    { "what comes after silence is not",
      { { 0, PANIC, false }, { 1, LINE, false }, { 6.1, LINE, true }, END } },
    { "nor what goes on for more than a minute",
      { { 0, PANIC, false },
        { 5, LINE, false },
        { 10, LINE, false },
        { 14, LINE, false },
        { 60.1, LINE, true },
        END } },
    { "a little after the end marker is",
      { { 0, PANIC, false },
        { 1, MARKER, false },
        { 2, LINE, false },
        { 5.9, LINE, false },
        END } },
    { "but not what goes on after it",
      { { 0, PANIC, false },
        { 1, MARKER, false },
        { 3, LINE, false },
        { 5, LINE, false },
        { 6.1, LINE, true },
        END } },
    { "a kernel that begins speaks, and so does what it says",
      { { 0, PANIC, false }, { 2, BOOT, true }, { 3, LINE, true }, { 3.1, LINE, false }, END } },
    { "once a second",
      { { 0, PANIC, false },
        { 10, LINE, true },
        { 10.5, LINE, false },
        { 10.9, LINE, false },
        { 11, LINE, true },
        { 11.9, BOOT, false },
        END } },
    { "another panic begins anew",
      { { 0, PANIC, false },
        { 10, LINE, true },
        { 11, PANIC, false },
        { 12, LINE, false },
        { 17.1, LINE, true },
        END } },
    { "and not for ever",
      { { 0, PANIC, false },
        { 899, LINE, true },
        { 901, LINE, false },
        { 902, BOOT, false },
        END } },
};

START_TEST(what_is_no_part_of_the_panic_speaks)
{
    struct voice voice = { 0 };
    for (const struct line *line = rows[_i].lines; line->at >= 0; line++) {
        uint64_t now_us = START + (uint64_t)(line->at * 1e6);
        if (line->heard == PANIC) {
            voice_panicked(&voice, now_us);
            continue;
        }
        bool speaks = voice_heard(&voice, line->heard == BOOT, now_us);
        ck_assert_msg(speaks == line->speaks, "%s: at %.1f s", rows[_i].about, line->at);
        if (speaks)
            voice_told(&voice, now_us);
        if (line->heard == MARKER)
            voice_ended(&voice, now_us);
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *voice = tcase_create("voice");
    tcase_add_loop_test(voice, what_is_no_part_of_the_panic_speaks, 0,
                        sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, voice);
}

int main(void)
{
    return unit_run("listener voice", fill);
}
