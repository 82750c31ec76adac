#include "common/clock.h"

#include "tests/unit/unit.h"

static const struct {
    uint64_t wall_us;
    const char *text;
} rows[] = {
    { 0, "1970-01-01T00:00:00.000000Z" },
    { 1795414340123456ULL, "2026-11-23T06:12:20.123456Z" },
    { 1795414340000007ULL, "2026-11-23T06:12:20.000007Z" },
};

START_TEST(times_read_as_kubernetes_microtime)
{
    char text[CLOCK_TEXT_SIZE];

    ck_assert_str_eq(clock_print(rows[_i].wall_us, text), rows[_i].text);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *clock = tcase_create("clock");
    tcase_add_loop_test(clock, times_read_as_kubernetes_microtime, 0,
                        sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, clock);
}

int main(void)
{
    return unit_run("clock", fill);
}
