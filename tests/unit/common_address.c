#include "common/address.h"

#include "tests/unit/unit.h"

#include <netinet/in.h>

static const struct {
    const char *text, *canonical; /* canonical NULL: refused */
} addresses[] = {
    { "10.0.3.7", "10.0.3.7" },
    { "::ffff:10.0.3.7", "10.0.3.7" },
    { "::ffff:a00:307", "10.0.3.7" },
    { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
    { "::1", "::1" },
    { "::", "::" },
    { "10.0.3", NULL },
    { "10.0.3.007", NULL },
    { "10.0.3.7:6666", NULL },
    { "[::1]", NULL },
    { "fe80::1%eth0", NULL },
    { "", NULL },
    { "node-1", NULL },
};

START_TEST(an_address_has_one_text)
{
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    bool parsed = address_parse(addresses[_i].text, &address);

    ck_assert(parsed == (addresses[_i].canonical != NULL));
    if (parsed)
        ck_assert_str_eq(address_print(&address, text), addresses[_i].canonical);
}
END_TEST

static const struct {
    const char *text, *host; /* host NULL: refused */
    uint16_t port;
} endpoints[] = {
    { "127.0.0.1:6666", "127.0.0.1", 6666 },
    { "0.0.0.0:0", "0.0.0.0", 0 },
    { "[::]:6666", "::", 6666 },
    { "[2001:db8::1]:65535", "2001:db8::1", 65535 },
    { "::1:6666", NULL, 0 },
    { "[127.0.0.1]:6666", NULL, 0 },
    { "127.0.0.1", NULL, 0 },
    { "127.0.0.1:", NULL, 0 },
    { "127.0.0.1:65536", NULL, 0 },
    { "127.0.0.1:-1", NULL, 0 },
    { "127.0.0.1:66 ", NULL, 0 },
    { "[::1]", NULL, 0 },
    { "localhost:6666", NULL, 0 },
    { ":6666", NULL, 0 },
};

START_TEST(an_endpoint_is_an_address_and_a_port)
{
    struct sockaddr_storage name;
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    uint16_t port;
    socklen_t size = address_parse_endpoint(endpoints[_i].text, &name);

    ck_assert((size > 0) == (endpoints[_i].host != NULL));
    if (size == 0)
        return;
    ck_assert(address_of_sockaddr(&name, &address, &port));
    ck_assert_str_eq(address_print(&address, text), endpoints[_i].host);
    ck_assert_uint_eq(port, endpoints[_i].port);
}
END_TEST

START_TEST(a_mapped_address_is_the_ipv4_address)
{
    struct address plain, mapped;

    ck_assert(address_parse("192.0.2.1", &plain));
    ck_assert(address_parse("::ffff:192.0.2.1", &mapped));
    ck_assert(address_equal(&plain, &mapped));
    ck_assert_uint_eq(address_hash(&plain, 7), address_hash(&mapped, 7));
}
END_TEST

START_TEST(neighbouring_addresses_spread_over_buckets)
{
    unsigned used[256] = { 0 };
    struct address address;

    ck_assert(address_parse("10.1.0.0", &address));
    for (unsigned i = 0; i < 65536; i++) {
        address.bytes[14] = (uint8_t)(i >> 8);
        address.bytes[15] = (uint8_t)i;
        used[address_hash(&address, 0x123456789abcdefULL) % 256]++;
    }
    for (unsigned i = 0; i < 256; i++) {
        ck_assert_uint_gt(used[i], 150);
        ck_assert_uint_lt(used[i], 400);
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *address = tcase_create("address");
    tcase_add_loop_test(address, an_address_has_one_text, 0,
                        sizeof(addresses) / sizeof(addresses[0]));
    tcase_add_loop_test(address, an_endpoint_is_an_address_and_a_port, 0,
                        sizeof(endpoints) / sizeof(endpoints[0]));
    tcase_add_test(address, a_mapped_address_is_the_ipv4_address);
    tcase_add_test(address, neighbouring_addresses_spread_over_buckets);
    suite_add_tcase(suite, address);
}

int main(void)
{
    return unit_run("address", fill);
}
