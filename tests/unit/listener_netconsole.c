#include "listener/netconsole.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define NO RECORD_ABSENT

struct said {
    const char *text;
    uint64_t facility, level, seq, kernel_us;
    const char *release;
};

static const struct {
    const char *bytes;
    size_t size;
    enum datagram_kind kind;
    struct said said[4];
} rows[] = {
#define ROW(bytes, ...)                                                                            \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, __VA_ARGS__                                                      \
    }
    /* Basic: every prefix that info_print_prefix() writes, and none. */
    ROW("[    5.742632] Kernel panic - not syncing: x\n", DATAGRAM_BASIC,
        { { "Kernel panic - not syncing: x", NO, NO, NO, 5742632, "" } }),
    ROW("[12345.000001][  T123] a\n", DATAGRAM_BASIC, { { "a", NO, NO, NO, 12345000001, "" } }),
    ROW("[    1.000000][    C0]  <TASK>\n", DATAGRAM_BASIC,
        { { " <TASK>", NO, NO, NO, 1000000, "" } }),
    ROW("[  T123] a\n", DATAGRAM_BASIC, { { "a", NO, NO, NO, NO, "" } }),
    ROW("<0>[    1.000000] a\n", DATAGRAM_BASIC, { { "a", 0, 0, NO, 1000000, "" } }),
    ROW("<14>[    1.000000] a\n", DATAGRAM_BASIC, { { "a", 1, 6, NO, 1000000, "" } }),
    ROW("<4>a", DATAGRAM_BASIC, { { "a", 0, 4, NO, NO, "" } }),
    ROW("no prefix", DATAGRAM_BASIC, { { "no prefix", NO, NO, NO, NO, "" } }),
    ROW("ttttt|uuu\n", DATAGRAM_BASIC, { { "ttttt|uuu", NO, NO, NO, NO, "" } }),
    /* One prefix is taken off, not two: what follows is the writer's. */
    ROW("[    5.746675] [  999.999999] Kernel panic\n", DATAGRAM_BASIC,
        { { "[  999.999999] Kernel panic", NO, NO, NO, 5746675, "" } }),
    ROW("[    5.000000] <0>a\n", DATAGRAM_BASIC, { { "<0>a", NO, NO, NO, 5000000, "" } }),
    /* What only looks like a prefix. */
    ROW("[Hardware Error]: x\n", DATAGRAM_BASIC, { { "[Hardware Error]: x", NO, NO, NO, NO, "" } }),
    ROW("[    5.1234567] a\n", DATAGRAM_BASIC, { { "[    5.1234567] a", NO, NO, NO, NO, "" } }),
    ROW("[99999999999999999999.000001] a\n", DATAGRAM_BASIC,
        { { "[99999999999999999999.000001] a", NO, NO, NO, NO, "" } }),
    ROW("<2048>a", DATAGRAM_BASIC, { { "<2048>a", NO, NO, NO, NO, "" } }),
    /* Several lines: a record with newlines, and what printk puts in front. */
    ROW("[    1.000000] a\n[    1.000000] b\n[    1.000000] c\n", DATAGRAM_BASIC,
        { { "a", NO, NO, NO, 1000000, "" },
          { "b", NO, NO, NO, 1000000, "" },
          { "c", NO, NO, NO, 1000000, "" } }),
    ROW("** 12 printk messages dropped **\n[    1.000000] a\n", DATAGRAM_BASIC,
        { { "** 12 printk messages dropped **", NO, NO, NO, NO, "" },
          { "a", NO, NO, NO, 1000000, "" } }),
    ROW("** replaying previous printk message **\n[    1.000000] a\n", DATAGRAM_BASIC,
        { { "** replaying previous printk message **", NO, NO, NO, NO, "" },
          { "a", NO, NO, NO, 1000000, "" } }),
    ROW("\n\n", DATAGRAM_BASIC, { { NULL } }),
    /* An extended header anywhere but at the beginning is text. */
    ROW("[    5.757753] innocent\n[    5.757753] 0,1,2,-;Kernel panic\n", DATAGRAM_BASIC,
        { { "innocent", NO, NO, NO, 5757753, "" },
          { "0,1,2,-;Kernel panic", NO, NO, NO, 5757753, "" } }),

    /* Extended. */
    ROW("0,433,5350306,-;Kernel panic - not syncing: x\n", DATAGRAM_EXTENDED,
        { { "Kernel panic - not syncing: x", 0, 0, 433, 5350306, "" } }),
    ROW("6.12.107+deb13-cloud-amd64,4,373,5,-;a\n", DATAGRAM_EXTENDED,
        { { "a", 0, 4, 373, 5, "6.12.107+deb13-cloud-amd64" } }),
    ROW("6,1,2,c,caller=T12;a\n k=v\n", DATAGRAM_EXTENDED, { { "a", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,+;a", DATAGRAM_EXTENDED, { { "a", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,-,new=x,other;a", DATAGRAM_EXTENDED, { { "a", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,-;a;b,c=d", DATAGRAM_EXTENDED, { { "a;b,c=d", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,-;\n", DATAGRAM_EXTENDED, { { "", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,-;a\\x0ab\\x5c\\xc3\\xa9\\x7f\n", DATAGRAM_EXTENDED,
        { { "a\nb\\\xc3\xa9\x7f", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,-;a\\x\\x0\\xzz\\", DATAGRAM_EXTENDED, { { "a\\x\\x0\\xzz\\", 0, 6, 1, 2, "" } }),
    ROW("6,1,2,-;a\n not a pair\nKernel panic - not syncing: x\n", DATAGRAM_EXTENDED,
        { { "a", 0, 6, 1, 2, "" } }),
    ROW("** replaying previous printk message **\n0,1,2,-;a\n", DATAGRAM_EXTENDED,
        { { "a", 0, 0, 1, 2, "" } }),
    ROW("7.3.4,** replaying previous printk message **\n0,1,2,-;a\n", DATAGRAM_EXTENDED,
        { { "a", 0, 0, 1, 2, "7.3.4" } }),
    /* The facility has 8 bits: a writer to /dev/kmsg cannot leave the extended format. */
    ROW("255,1,2,-;a", DATAGRAM_EXTENDED, { { "a", 31, 7, 1, 2, "" } }),
    ROW("256,1,2,-;a", DATAGRAM_EXTENDED, { { "a", 32, 0, 1, 2, "" } }),
    ROW("2047,1,2,-;a", DATAGRAM_EXTENDED, { { "a", 255, 7, 1, 2, "" } }),
    ROW("2048,1,2,-;Kernel panic - not syncing: x", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("18446744073709551616,1,2,-;a", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,18446744073709551616,2,-;a", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,99999999999999999999999,-;a", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,9007199254740993,-;a", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,2,;a", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,2,-Kernel panic - not syncing: x\n;", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,2,-", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,2,", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("0,1,2", DATAGRAM_BASIC, { { "0,1,2", NO, NO, NO, NO, "" } }),
    ROW("0,1;2,-;a", DATAGRAM_BASIC, { { "0,1;2,-;a", NO, NO, NO, NO, "" } }),
    ROW(",0,1,2,-;a", DATAGRAM_BASIC, { { ",0,1,2,-;a", NO, NO, NO, NO, "" } }),
    ROW("a b,0,1,2,-;a", DATAGRAM_BASIC, { { "a b,0,1,2,-;a", NO, NO, NO, NO, "" } }),

    /* Fragments: text only where the text is. */
    ROW("4,376,5,-,ncfrag=0/10;abcde", DATAGRAM_FRAGMENT, { { "abcde", 0, 4, 376, 5, "" } }),
    ROW("4,376,5,-,ncfrag=5/10;fgh\n ", DATAGRAM_FRAGMENT, { { "", 0, 4, 376, 5, "" } }),
    ROW("4,376,5,-,caller=T1,ncfrag=0/2;a", DATAGRAM_FRAGMENT, { { "a", 0, 4, 376, 5, "" } }),
    ROW("4,376,5,-,ncfrag=10/10;", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("4,376,5,-,ncfrag=0/0;a", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("4,376,5,-,ncfrag=0/3;abcd", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("4,376,5,-,ncfrag=8/10;abc", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("4,376,5,-,ncfrag=/10;abc", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("4,376,5,-,ncfrag=0/10x;abc", DATAGRAM_MALFORMED, { { NULL } }),
    ROW("4,376,5,-,ncfrag=18446744073709551615/18446744073709551616;abc", DATAGRAM_MALFORMED,
        { { NULL } }),

    ROW("", DATAGRAM_EMPTY, { { NULL } }),
    ROW("\0\0\0", DATAGRAM_BASIC, { { "", NO, NO, NO, NO, "" } }),
#undef ROW
};

static void assert_span(struct span span, const char *text)
{
    ck_assert_uint_ge(span.size, strlen(text));
    if (text[0])
        ck_assert_int_eq(memcmp(span.bytes, text, strlen(text)), 0);
}

START_TEST(each_datagram_gives_its_records)
{
    struct netconsole reader;
    struct kernel_record record;
    ck_assert_int_eq(netconsole_open(&reader, rows[_i].bytes, rows[_i].size), rows[_i].kind);
    for (const struct said *said = rows[_i].said; said->text; said++) {
        ck_assert(netconsole_next(&reader, &record));
        assert_span(record.text, said->text);
        if (said->text[0])
            ck_assert_uint_eq(record.text.size, strlen(said->text));
        ck_assert_uint_eq(record.facility, said->facility);
        ck_assert_uint_eq(record.level, said->level);
        ck_assert_uint_eq(record.seq, said->seq);
        ck_assert_uint_eq(record.kernel_us, said->kernel_us);
        ck_assert_uint_eq(record.release.size, strlen(said->release));
        assert_span(record.release, said->release);
    }
    ck_assert(!netconsole_next(&reader, &record));
}
END_TEST

START_TEST(no_datagram_is_read_beyond_its_end)
{
    /* Each prefix of each row in a block of its own, for the sanitizers and valgrind. */
    for (size_t size = 0; size <= rows[_i].size; size++) {
        char *bytes = malloc(size + 1);
        char *exact = realloc(bytes, size > 0 ? size : 1);
        memcpy(exact, rows[_i].bytes, size);
        struct netconsole reader;
        struct kernel_record record;
        netconsole_open(&reader, exact, size);
        while (netconsole_next(&reader, &record)) {
            struct span key, value, dictionary = record.dictionary;
            while (netconsole_pair(&dictionary, &key, &value))
                ck_assert_uint_gt(key.size, 0);
        }
        free(exact);
    }
}
END_TEST

START_TEST(a_line_of_a_record_knows_where_it_began)
{
    static const char bytes[] = "[    1.000000] a\n[    1.000000] b\n";
    struct netconsole reader;
    struct kernel_record record;
    netconsole_open(&reader, bytes, sizeof(bytes) - 1);
    ck_assert(netconsole_next(&reader, &record));
    ck_assert_uint_eq(record.offset, 0);
    ck_assert(netconsole_next(&reader, &record));
    ck_assert_uint_eq(record.offset, 17);
}
END_TEST

static const struct {
    const char *dictionary;
    const char *pairs; /* "key|value|key|value|" */
} dictionaries[] = {
    { " node=worker-1\n rack=row 7=b\n", "node|worker-1|rack|row 7=b|" },
    { " node=\n", "node||" },
    { " node=a\n rack=cut", "node|a|" },
    { "node=a\n rack=b\n", "rack|b|" },
    { " =a\n  =b\n novalue\n\n \n k=v\n", " |b|k|v|" },
    { "", "" },
    { " node=a", "" },
};

START_TEST(the_dictionary_gives_whole_pairs_alone)
{
    struct span rest = { dictionaries[_i].dictionary, strlen(dictionaries[_i].dictionary) };
    struct span key, value;
    char found[256];
    size_t used = 0;
    found[0] = '\0';
    while (netconsole_pair(&rest, &key, &value))
        used += (size_t)snprintf(found + used, sizeof(found) - used, "%.*s|%.*s|", (int)key.size,
                                 key.bytes, (int)value.size, value.bytes);
    ck_assert_str_eq(found, dictionaries[_i].pairs);
}
END_TEST

START_TEST(the_first_fragment_has_the_pairs_that_came_with_it)
{
    static const char bytes[] = "0,1,2,-,ncfrag=0/40;text\n node=a\n boot=1234";
    struct netconsole reader;
    struct kernel_record record;
    struct span key, value;
    netconsole_open(&reader, bytes, sizeof(bytes) - 1);
    ck_assert(netconsole_next(&reader, &record));
    ck_assert(netconsole_pair(&record.dictionary, &key, &value));
    ck_assert(!netconsole_pair(&record.dictionary, &key, &value));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *datagrams = tcase_create("datagrams");
    tcase_add_loop_test(datagrams, each_datagram_gives_its_records, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(datagrams, no_datagram_is_read_beyond_its_end, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(datagrams, a_line_of_a_record_knows_where_it_began);
    suite_add_tcase(suite, datagrams);

    TCase *pairs = tcase_create("dictionary");
    tcase_add_loop_test(pairs, the_dictionary_gives_whole_pairs_alone, 0,
                        sizeof(dictionaries) / sizeof(dictionaries[0]));
    tcase_add_test(pairs, the_first_fragment_has_the_pairs_that_came_with_it);
    suite_add_tcase(suite, pairs);
}

int main(void)
{
    return unit_run("listener netconsole", fill);
}
