#include "listener/dictionary.h"
#include "listener/token_file.h"
#include "listener/tokens.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD "0123456789abcdef"
#define NEW "fedcba9876543210"

static struct span span(const char *text)
{
    return (struct span){ text, strlen(text) };
}

static struct tokens *parse(const char *text)
{
    size_t line;
    const char *why;
    struct tokens *tokens = tokens_parse(span(text), &line, &why);
    ck_assert_msg(tokens != NULL, "line %zu: %s", line, why);
    return tokens;
}

static const struct {
    const char *about, *file, *dictionary;
    bool good;
} rows[] = {
    { "the token", OLD, " token=" OLD "\n", true },
    { "another", OLD, " token=" NEW "\n", false },
    { "none", OLD, " node=a\n", false },
    { "no dictionary", OLD, "", false },
    { "an empty one", OLD, " token=\n", false },
    { "its beginning", OLD, " token=0123456789abcde\n", false },
    { "more than it", OLD, " token=" OLD "0\n", false },
    { "a line that is cut", OLD, " token=" OLD, false },
    { "the last byte differs", OLD, " token=0123456789abcdeF\n", false },
    { "either of two", OLD "\n" NEW "\n", " token=" NEW "\n", true },
    { "beside others", OLD, " node=a\n cpu=1\n token=" OLD "\n", true },
    { "comments and empty lines", "# new\n\n \t\n  " OLD "  \n", " token=" OLD "\n", true },
    { "of that node", "a " OLD, " node=a\n token=" OLD "\n", true },
    { "in any order", "a " OLD, " token=" OLD "\n node=a\n", true },
    { "of another node", "a " OLD, " node=b\n token=" OLD "\n", false },
    { "of a node that is not named", "a " OLD, " token=" OLD "\n", false },
    { "good for one, and for all", "a " OLD "\n" NEW, " node=b\n token=" NEW "\n", true },
    { "two for one node", "a " OLD "\na " NEW, " node=a\n token=" NEW "\n", true },
    { "node and token that run into each other", "ab " OLD, " node=a\n token=b" OLD "\n", false },
    { "the first of two stands", OLD, " token=" NEW "\n token=" OLD "\n", false },
    { "the first of two nodes stands", "a " OLD, " node=b\n node=a\n token=" OLD "\n", false },
    { "a task names itself like one", OLD, " taskname=x\n token=" OLD "\n", false },
    { "a task names itself like a node", "a " OLD, " token=" OLD "\n taskname=x\n node=a\n",
      false },
};

START_TEST(a_token_is_good_or_not)
{
    struct tokens *tokens = parse(rows[_i].file);
    ck_assert_msg(tokens_accept(tokens, span(rows[_i].dictionary)) == rows[_i].good, "%s",
                  rows[_i].about);
    tokens_free(tokens);
}
END_TEST

static const struct {
    const char *file;
    size_t line;
    const char *why;
} flaws[] = {
    { "", 0, "holds no token" },
    { "# none\n\n", 0, "holds no token" },
    { "0123456789abcde", 1, "16 to 200" },
    { OLD "\n" OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD "\n", 2, "16 to 200" },
    { OLD "\n\na " OLD " b\n", 3, "neither" },
    { "A " OLD, 1, "name of a Node" },
    { OLD "\r\n", 1, "printable" },
    { "0123456789abcde\xc3\xa4\n", 1, "printable" },
};

START_TEST(a_flaw_is_named_with_its_line)
{
    size_t line;
    const char *why;
    ck_assert_ptr_null(tokens_parse(span(flaws[_i].file), &line, &why));
    ck_assert_uint_eq(line, flaws[_i].line);
    ck_assert_msg(strstr(why, flaws[_i].why) != NULL, "%s", why);
}
END_TEST

START_TEST(as_many_tokens_as_there_may_be_and_no_more)
{
    static char text[(TOKENS_MAX + 2) * 18];
    size_t used = 0, line;
    const char *why;
    for (int i = 0; i < TOKENS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%016d\n", i);
    struct tokens *tokens = parse(text);
    char last[64];
    snprintf(last, sizeof(last), " token=%016d\n", TOKENS_MAX - 1);
    ck_assert(tokens_accept(tokens, span(last)));
    ck_assert(tokens_accept(tokens, span(" token=0000000000000000\n")));
    tokens_free(tokens);
    snprintf(text + used, sizeof(text) - used, "%016d\n", TOKENS_MAX);
    ck_assert_ptr_null(tokens_parse(span(text), &line, &why));
    ck_assert_uint_eq(line, TOKENS_MAX + 1);
}
END_TEST

/* The file. */
static char path[80], error[TOKEN_FILE_ERROR_SIZE];

static void write_file(const char *text)
{
    char new[96];
    snprintf(new, sizeof(new), "%s.new", path);
    FILE *file = fopen(new, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fchmod(fileno(file), 0600);
    fclose(file);
    rename(new, path);
}

static void setup(void)
{
    strcpy(path, "/tmp/lastgasp-tokens-XXXXXX");
    close(mkstemp(path));
    write_file(OLD "\n");
}

static void teardown(void)
{
    unlink(path);
}

static bool accepts(struct token_file *file, const char *token, uint64_t now_us)
{
    char dictionary[64];
    snprintf(dictionary, sizeof(dictionary), " token=%s\n", token);
    return token_file_accepts(file, span(dictionary), now_us);
}

static const struct {
    mode_t mode;
    bool good;
} modes[] = { { 0600, true },  { 0400, true },  { 0640, false }, { 0604, false },
              { 0620, false }, { 0602, false }, { 0610, false }, { 0644, false } };

START_TEST(what_is_open_to_others_is_refused)
{
    chmod(path, modes[_i].mode);
    struct token_file *file = token_file_open(path, error);
    ck_assert_int_eq(file != NULL, modes[_i].good);
    if (file)
        token_file_free(file);
    else
        ck_assert_msg(strstr(error, path) && strstr(error, "chmod 0600"), "%s", error);
}
END_TEST

START_TEST(what_cannot_be_used_is_named)
{
    write_file(OLD "\nshort\n");
    ck_assert_ptr_null(token_file_open(path, error));
    ck_assert_msg(strstr(error, path) && strstr(error, "line 2"), "%s", error);
    ck_assert_ptr_null(strstr(error, "short"));
    ck_assert_ptr_null(token_file_open("/tmp", error));
    ck_assert_ptr_nonnull(strstr(error, "/tmp: is not a regular file"));
    unlink(path);
    ck_assert_ptr_null(token_file_open(path, error));
    ck_assert_ptr_nonnull(strstr(error, "No such file"));
}
END_TEST

START_TEST(a_new_file_is_read_within_a_second)
{
    struct token_file *file = token_file_open(path, error);
    ck_assert(accepts(file, OLD, 10000000));
    write_file(NEW "\n");
    ck_assert(accepts(file, OLD, 10999999));
    ck_assert(!accepts(file, OLD, 11000000));
    ck_assert(accepts(file, NEW, 11000000));
    token_file_free(file);
}
END_TEST

START_TEST(the_tokens_stay_good_while_the_file_is_not)
{
    static const char *const bad[] = { "", "short\n", "a b c\n" };
    struct token_file *file = token_file_open(path, error);
    uint64_t now_us = 10000000;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(bad[i]);
        ck_assert(accepts(file, OLD, now_us += 1000000));
    }
    unlink(path);
    ck_assert(accepts(file, OLD, now_us += 1000000));
    write_file(NEW "\n");
    chmod(path, 0644);
    ck_assert(accepts(file, OLD, now_us += 1000000));
    ck_assert(!accepts(file, NEW, now_us));
    chmod(path, 0600);
    ck_assert(accepts(file, NEW, now_us += 1000000));
    ck_assert(!accepts(file, OLD, now_us));
    token_file_free(file);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *lines = tcase_create("lines");
    tcase_add_loop_test(lines, a_token_is_good_or_not, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(lines, a_flaw_is_named_with_its_line, 0, sizeof(flaws) / sizeof(flaws[0]));
    tcase_add_test(lines, as_many_tokens_as_there_may_be_and_no_more);
    tcase_set_timeout(lines, 30);
    suite_add_tcase(suite, lines);

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_loop_test(files, what_is_open_to_others_is_refused, 0,
                        sizeof(modes) / sizeof(modes[0]));
    tcase_add_test(files, what_cannot_be_used_is_named);
    tcase_add_test(files, a_new_file_is_read_within_a_second);
    tcase_add_test(files, the_tokens_stay_good_while_the_file_is_not);
    suite_add_tcase(suite, files);
}

int main(void)
{
    return unit_run("listener tokens", fill);
}
