#include "listener/dictionary.h"
#include "listener/whole.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static char bytes[NETCONSOLE_DATAGRAM_MAX];
static struct netconsole reader;
static struct kernel_record record;

/* The fragment's header, and the whole body: written as one datagram and read again. */
static size_t print(const char *fragment, const char *body)
{
    static char parsed[NETCONSOLE_DATAGRAM_MAX];
    char header[WHOLE_HEADER_SIZE];
    strcpy(parsed, fragment);
    ck_assert_int_eq(netconsole_open(&reader, parsed, strlen(parsed)), DATAGRAM_FRAGMENT);
    ck_assert(netconsole_next(&reader, &record));
    whole_header(&record, header);
    size_t size = whole_print(header, (struct span){ body, strlen(body) }, bytes);
    ck_assert_uint_le(size, sizeof(bytes));
    ck_assert_int_eq(netconsole_open(&reader, bytes, size), DATAGRAM_EXTENDED);
    ck_assert(netconsole_next(&reader, &record));
    return size;
}

static void assert_says(const char *key, const char *value)
{
    struct span is = dictionary_find(record.dictionary, key);
    ck_assert_msg(is.size == strlen(value) && memcmp(is.bytes, value, is.size) == 0, "%s=%.*s", key,
                  (int)is.size, is.bytes);
}

static const struct {
    const char *fragment, *body, *whole;
} rows[] = {
    { "0,376,5104702,-,ncfrag=0/9;x", "x\n node=a\n", "0,376,5104702,-;x\n node=a\n" },
    { "6.12.1-a,3,1,2,c,caller=T1,ncfrag=0/9;x", "x\n", "6.12.1-a,3,1,2,-;x\n" },
    { "0,1,2,-,ncfrag=0/9;x", "no end", "0,1,2,-;no end\n" },
    { "0,1,2,-,ncfrag=0/99;x", "a\\x0ab\n rack=1\n token=0123456789abcdef\n boot=b\n node=n\n",
      "0,1,2,-;a\\x0ab\n node=n\n boot=b\n rack=1\n" },
    { "0,1,2,-,ncfrag=0/99;x", "x\n node=n\n taskname=t\n token=x\n node=forged\n release=r\n",
      "0,1,2,-;x\n node=n\n taskname=t\n release=r\n" },
    { "0,1,2,-,ncfrag=0/99;x", "x\n node=a\n cut=of", "0,1,2,-;x\n node=a\n" },
};

START_TEST(fragments_become_one_datagram)
{
    size_t size = print(rows[_i].fragment, rows[_i].body);
    ck_assert_msg(size == strlen(rows[_i].whole) && memcmp(bytes, rows[_i].whole, size) == 0,
                  "%.*s", (int)size, bytes);
}
END_TEST

START_TEST(what_is_too_long_keeps_who_it_is)
{
    static char body[NETCONSOLE_BODY_MAX + 1], value[201];
    memset(value, 'v', 200);
    memset(body, 't', 2000);
    size_t used = 2000;
    used += (size_t)sprintf(body + used, "\n");
    for (int i = 0; i < 10; i++)
        used += (size_t)sprintf(body + used, " key%d=%s\n", i, value);
    sprintf(body + used, " node=%s\n boot=0123\n", value);
    print("0,1,2,-,ncfrag=0/9000;x", body);
    ck_assert_uint_gt(record.text.size, 700);
    assert_says("node", value);
    assert_says("boot", "0123");
}
END_TEST

START_TEST(a_short_text_keeps_as_many_pairs_as_fit)
{
    static char body[NETCONSOLE_BODY_MAX], value[201];
    memset(value, 'v', 200);
    size_t used = (size_t)sprintf(body, "short\n");
    for (int i = 0; i < 10; i++)
        used += (size_t)sprintf(body + used, " key%d=%s\n", i, value);
    print("0,1,2,-,ncfrag=0/9000;x", body);
    ck_assert_uint_eq(record.text.size, strlen("short"));
    assert_says("key3", value);
    assert_says("key9", "");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *whole = tcase_create("whole");
    tcase_add_loop_test(whole, fragments_become_one_datagram, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(whole, what_is_too_long_keeps_who_it_is);
    tcase_add_test(whole, a_short_text_keeps_as_many_pairs_as_fit);
    suite_add_tcase(suite, whole);
}

int main(void)
{
    return unit_run("listener whole", fill);
}
