#include "listener/replay.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *line;
    bool good;
    uint64_t t_us;
    const char *data;
} rows[] = {
    { "{\"t\": 1.5, \"src\": \"127.0.0.1:5\", \"data_b64\": \"YWJj\"}\n", true, 1500000, "abc" },
    { "{\"t\":0,\"data_b64\":\"YWI=\"}", true, 0, "ab" },
    { "{\"data_b64\":\"YQ==\",\"t\":0.000001}", true, 1, "a" },
    { "{\"t\":0,\"data_b64\":\"\"}", true, 0, "" },
    { "{\"t\":0,\"data_b64\":\"+/8=\"}", true, 0, "\xfb\xff" },
    { "{\"t\":0,\"data_b64\":\"YWJ\"}", false, 0, "" },
    { "{\"t\":0,\"data_b64\":\"YW!j\"}", false, 0, "" },
    { "{\"t\":0,\"data_b64\":\"=YWJ\"}", false, 0, "" },
    { "{\"t\":-1,\"data_b64\":\"YWJj\"}", false, 0, "" },
    { "{\"t\":\"1\",\"data_b64\":\"YWJj\"}", false, 0, "" },
    { "{\"t\":1}", false, 0, "" },
    { "{\"data_b64\":\"YWJj\"}", false, 0, "" },
    { "{\"t\":1,", false, 0, "" },
    { "{}", false, 0, "" },
};

START_TEST(a_line_of_a_capture_is_a_datagram)
{
    char out[NETCONSOLE_DATAGRAM_MAX];
    uint64_t t_us;
    size_t size;
    bool oversized;
    bool good =
        replay_read_line(rows[_i].line, strlen(rows[_i].line), &t_us, out, &size, &oversized);
    ck_assert_int_eq(good, rows[_i].good);
    if (!good)
        return;
    ck_assert(!oversized);
    ck_assert_uint_eq(t_us, rows[_i].t_us);
    ck_assert_uint_eq(size, strlen(rows[_i].data));
    ck_assert_int_eq(memcmp(out, rows[_i].data, size), 0);
}
END_TEST

START_TEST(an_oversized_datagram_is_cut_and_says_so)
{
    static char line[4096];
    char out[NETCONSOLE_DATAGRAM_MAX];
    uint64_t t_us;
    size_t size;
    bool oversized;
    size_t used = (size_t)sprintf(line, "{\"t\":1,\"data_b64\":\"");
    for (int i = 0; i < 500; i++)
        used += (size_t)sprintf(line + used, "YWJj");
    strcpy(line + used, "\"}");
    ck_assert(replay_read_line(line, strlen(line), &t_us, out, &size, &oversized));
    ck_assert(oversized);
    ck_assert_uint_eq(size, sizeof(out));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *lines = tcase_create("lines");
    tcase_add_loop_test(lines, a_line_of_a_capture_is_a_datagram, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(lines, an_oversized_datagram_is_cut_and_says_so);
    suite_add_tcase(suite, lines);
}

int main(void)
{
    return unit_run("listener replay", fill);
}
