#include "listener/door.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The program at work: in the kernel, on a socket that hears both families. */
static int receiver;
static struct sockaddr_in6 name;
static struct sock_filter program[DOOR_MAX];
static size_t size;

static void setup(void)
{
    int off = 0;
    socklen_t length = sizeof(name);
    receiver = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(receiver, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    name = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
    ck_assert_int_eq(bind(receiver, (struct sockaddr *)&name, length), 0);
    ck_assert_int_eq(getsockname(receiver, (struct sockaddr *)&name, &length), 0);
}

static void teardown(void)
{
    close(receiver);
}

/* NODES: addresses with a space between them. */
static void narrow(const char *nodes)
{
    char copy[512];
    struct address addresses[32];
    size_t count = 0;
    snprintf(copy, sizeof(copy), "%s", nodes);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        ck_assert(address_parse(at, &addresses[count++]));
    size = door_build(addresses, count, program);
    struct sock_fprog filter = { (unsigned short)size, program };
    ck_assert_int_eq(setsockopt(receiver, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)),
                     0);
}

static bool send_from(const char *source)
{
    struct sockaddr_storage from;
    char endpoint[64], bytes[8];
    bool six = strchr(source, ':');
    snprintf(endpoint, sizeof(endpoint), six ? "[%s]:0" : "%s:0", source);
    socklen_t length = address_parse_endpoint(endpoint, &from);
    int sender = socket(from.ss_family, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(sender, (struct sockaddr *)&from, length), 0);
    struct sockaddr_in four = { .sin_family = AF_INET,
                                .sin_port = name.sin6_port,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 to_six = name;
    to_six.sin6_addr = in6addr_loopback;
    const struct sockaddr *to = six ? (struct sockaddr *)&to_six : (struct sockaddr *)&four;
    ck_assert_int_eq(sendto(sender, "whole", 5, 0, to, six ? sizeof(to_six) : sizeof(four)), 5);
    close(sender);
    ssize_t got = recv(receiver, bytes, sizeof(bytes), 0);
    ck_assert(got == 5 || got == -1); /* never cut */
    return got == 5;
}

static const struct {
    const char *nodes, *source;
    bool let_in;
} rows[] = {
    { "127.0.0.5", "127.0.0.5", true },
    { "127.0.0.5", "127.0.0.4", false },
    { "127.0.0.5", "127.0.0.6", false },
    { "127.9.0.1 127.0.0.5 10.0.0.1 127.3.0.1", "127.0.0.5", true },
    { "127.9.0.1 127.0.0.5 10.0.0.1 127.3.0.1", "127.9.0.1", true },
    { "127.9.0.1 127.0.0.5 10.0.0.1 127.3.0.1", "127.3.0.1", true },
    { "127.9.0.1 127.0.0.5 10.0.0.1 127.3.0.1", "127.9.0.2", false },
    { "127.9.0.1 127.0.0.5 10.0.0.1 127.3.0.1", "127.1.2.3", false },
    { "127.0.0.5 127.0.0.5", "127.0.0.5", true },
    { "255.255.255.255 0.0.0.0 127.0.0.5", "127.0.0.5", true },
    { "2001:db8::1", "127.0.0.5", false },
    { "2001:db8::1 127.0.0.5", "127.0.0.5", true },
    { "::1", "::1", true },
    { "2001:db8::1 ::1 fe80::1", "::1", true },
    { "2001:db8::1", "::1", false },
    { "127.0.0.5", "::1", false },
};

START_TEST(nodes_are_let_in_and_others_are_not)
{
    narrow(rows[_i].nodes);
    ck_assert_msg(send_from(rows[_i].source) == rows[_i].let_in, "nodes %s, source %s",
                  rows[_i].nodes, rows[_i].source);
}
END_TEST

START_TEST(every_one_of_many_is_let_in)
{
    static struct address nodes[20000];
    for (uint32_t i = 0; i < 20000; i++) {
        char text[ADDRESS_TEXT_SIZE];
        if (i % 2)
            snprintf(text, sizeof(text), "127.%u.%u.%u", i % 200 + 1, i / 200 % 250, i % 251 + 1);
        else
            snprintf(text, sizeof(text), "2001:db8:%x:%x::1", i % 977, i);
        ck_assert(address_parse(text, &nodes[i]));
    }
    size = door_build(nodes, 20000, program);
    ck_assert_uint_le(size, DOOR_MAX);
    struct sock_fprog filter = { (unsigned short)size, program };
    ck_assert_int_eq(setsockopt(receiver, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)),
                     0);
    for (uint32_t i = 1; i < 20000; i += 50) {
        char text[ADDRESS_TEXT_SIZE];
        ck_assert_msg(send_from(address_print(&nodes[i], text)), "%s", text);
    }
    ck_assert(!send_from("127.201.0.1"));
    ck_assert(!send_from("127.0.0.1"));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *door = tcase_create("door");
    tcase_add_checked_fixture(door, setup, teardown);
    tcase_add_loop_test(door, nodes_are_let_in_and_others_are_not, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(door, every_one_of_many_is_let_in);
    suite_add_tcase(suite, door);
}

int main(void)
{
    return unit_run("listener door", fill);
}
