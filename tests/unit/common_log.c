#include "common/log.h"

#include "common/clock.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What one call of log_line writes to a standard error that is no terminal. */
static void logged(const char *id, const char *words, char *line, size_t cap)
{
    FILE *file = tmpfile();
    int error = dup(STDERR_FILENO);

    dup2(fileno(file), STDERR_FILENO);
    log_open("program", LOG_INFO);
    log_debug("below the level");
    log_line(LOG_WARNING, id, "%s", words);
    dup2(error, STDERR_FILENO);
    close(error);
    rewind(file);
    line[fread(line, 1, cap - 1, file)] = '\0';
    fclose(file);
}

START_TEST(a_line_has_the_journals_prefix_and_the_id)
{
    char line[4096];

    logged("0123abcd", "it broke", line, sizeof(line));
    ck_assert_str_eq(line, "<4>[0123abcd] it broke\n");
}
END_TEST

START_TEST(what_is_logged_cannot_forge_a_line)
{
    char line[4096];

    logged(NULL, "text\n<1>forged\x1b[2J", line, sizeof(line));
    ck_assert_str_eq(line, "<4>text?<1>forged?[2J\n");
}
END_TEST

START_TEST(an_endless_line_is_cut)
{
    char words[10000], line[12000];

    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    logged(NULL, words, line, sizeof(line));
    ck_assert_uint_lt(strlen(line), 2200);
    ck_assert_int_eq(line[strlen(line) - 1], '\n');
}
END_TEST

START_TEST(strangers_cannot_fill_the_log)
{
    struct log_sample sample = { 0 };
    uint64_t skipped = 99, now = 1000 * US_PER_SECOND;

    ck_assert(log_sample_due(&sample, now, &skipped));
    ck_assert_uint_eq(skipped, 0);
    for (int i = 0; i < 5; i++)
        ck_assert(!log_sample_due(&sample, now + US_PER_SECOND, &skipped));
    ck_assert(log_sample_due(&sample, now + 11 * US_PER_SECOND, &skipped));
    ck_assert_uint_eq(skipped, 5);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *log = tcase_create("log");
    tcase_add_test(log, a_line_has_the_journals_prefix_and_the_id);
    tcase_add_test(log, what_is_logged_cannot_forge_a_line);
    tcase_add_test(log, an_endless_line_is_cut);
    tcase_add_test(log, strangers_cannot_fill_the_log);
    suite_add_tcase(suite, log);
}

int main(void)
{
    return unit_run("log", fill);
}
