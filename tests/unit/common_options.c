#include "common/options.h"

#include "common/clock.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool flag;
static const char *text;
static struct option_texts texts;
static uint64_t count = 3, duration = 15 * US_PER_MINUTE;
static unsigned choice;
static const char *const colours[] = { "red", "green", NULL };

static const struct option_row rows[] = {
    { "flag", OPTION_FLAG, &flag, .help = "a flag" },
    { "text", OPTION_TEXT, &text, "FILE", "a text", .required = true },
    { "texts", OPTION_TEXTS, &texts, "ADDR:PORT", "texts" },
    { "count", OPTION_COUNT, &count, "N", "a count", .least = 1, .most = 10 },
    { "duration", OPTION_DURATION, &duration, "TIME", "a duration", .least = US_PER_SECOND,
      .most = 60 * US_PER_MINUTE },
    { "choice", OPTION_CHOICE, &choice, "COLOUR", "a choice", .choices = colours },
    { NULL },
};
static const struct options spec = { "program", "It does things.", rows, NULL };

/* Runs options_parse with standard output and error in a file, whose text is left in PRINTED. */
static enum options_outcome parse(char *const *arguments, char *printed, size_t cap)
{
    char *argv[16] = { (char *)"program" };
    int argc = 1;
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);

    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = arguments[argc - 1];
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    enum options_outcome outcome = options_parse(&spec, argc, argv, NULL);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    close(out);
    close(error);
    rewind(file);
    printed[fread(printed, 1, cap - 1, file)] = '\0';
    fclose(file);
    return outcome;
}

static const struct {
    const char *arguments[8];
    enum options_outcome outcome;
    const char *says;
} cases[] = {
    { { "--text=a" }, OPTIONS_RUN, "" },
    { { "--text", "a", "--flag", "--count=10", "--duration=1h", "--choice=green" }, OPTIONS_RUN, "" },
    { { "--help" }, OPTIONS_DONE, "Usage: program [OPTION]...\nIt does things.\n" },
    { { "--help" }, OPTIONS_DONE, "--text=FILE" },
    { { "--help" }, OPTIONS_DONE, "(default 15m)" },
    { { "--help" }, OPTIONS_DONE, "--choice=red|green" },
    { { "--version" }, OPTIONS_DONE, "program " LASTGASP_VERSION "\n" },
    { { "--flag" }, OPTIONS_USAGE, "--text=FILE is required" },
    { { "--text=" }, OPTIONS_USAGE, "--text: must not be empty" },
    { { "--text" }, OPTIONS_USAGE, "--text: needs a value" },
    { { "--wrong" }, OPTIONS_USAGE, "--wrong: no such option" },
    { { "--text=a", "--flag=1" }, OPTIONS_USAGE, "--flag=1: no such option, or a value" },
    { { "--text=a", "operand" }, OPTIONS_USAGE, "operand: takes no operands" },
    { { "--text=a", "--count=11" }, OPTIONS_USAGE, "--count=11: must be a number from 1 to 10" },
    { { "--text=a", "--count=0" }, OPTIONS_USAGE, "from 1 to 10" },
    { { "--text=a", "--count=-1" }, OPTIONS_USAGE, "from 1 to 10" },
    { { "--text=a", "--count=1x" }, OPTIONS_USAGE, "from 1 to 10" },
    { { "--text=a", "--count=99999999999999999999" }, OPTIONS_USAGE, "from 1 to 10" },
    { { "--text=a", "--duration=61m" }, OPTIONS_USAGE, "from 1s to 1h" },
    { { "--text=a", "--duration=10" }, OPTIONS_USAGE, "must be a duration" },
    { { "--text=a", "--choice=blue" }, OPTIONS_USAGE, "must be one of red, green" },
};

START_TEST(each_option_is_read_or_its_fault_named)
{
    char printed[8192];
    enum options_outcome outcome =
        parse((char *const *)cases[_i].arguments, printed, sizeof(printed));

    ck_assert_int_eq(outcome, cases[_i].outcome);
    if (cases[_i].says[0] == '\0')
        ck_assert_str_eq(printed, "");
    else
        ck_assert_msg(strstr(printed, cases[_i].says) != NULL, "printed: %s", printed);
}
END_TEST

START_TEST(values_arrive_where_the_table_says)
{
    char printed[512];
    char *const arguments[] = { (char *)"--text=here", (char *)"--texts=a", (char *)"--texts=b",
                                (char *)"--duration=90s", (char *)"--choice=green", NULL };

    ck_assert_int_eq(parse(arguments, printed, sizeof(printed)), OPTIONS_RUN);
    ck_assert_str_eq(text, "here");
    ck_assert_uint_eq(texts.count, 2);
    ck_assert_str_eq(texts.text[1], "b");
    ck_assert_uint_eq(duration, 90 * US_PER_SECOND);
    ck_assert_uint_eq(choice, 1);
    ck_assert_uint_eq(count, 3);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *options = tcase_create("options");
    tcase_add_loop_test(options, each_option_is_read_or_its_fault_named, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(options, values_arrive_where_the_table_says);
    suite_add_tcase(suite, options);
}

int main(void)
{
    return unit_run("options", fill);
}
