#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void set_ipv4(struct address *address, const void *four)
{
    memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(address->bytes + sizeof(mapped_prefix), four, 4);
}

const char *address_print(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    if (memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
        return inet_ntop(AF_INET, address->bytes + sizeof(mapped_prefix), text, ADDRESS_TEXT_SIZE);
    return inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT_SIZE);
}

bool address_parse(const char *text, struct address *address)
{
    struct in_addr four;

    if (inet_pton(AF_INET, text, &four) == 1) {
        set_ipv4(address, &four);
        return true;
    }
    return inet_pton(AF_INET6, text, address->bytes) == 1;
}

bool address_of_sockaddr(const struct sockaddr_storage *name, struct address *address,
                         uint16_t *port)
{
    in_port_t network_port;

    if (name->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)name;
        set_ipv4(address, &four->sin_addr);
        network_port = four->sin_port;
    } else if (name->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)name;
        memcpy(address->bytes, &six->sin6_addr, sizeof(address->bytes));
        network_port = six->sin6_port;
    } else {
        return false;
    }
    if (port != NULL)
        *port = ntohs(network_port);
    return true;
}

static bool parse_port(const char *text, in_port_t *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > 65535)
        return false;
    *port = htons((uint16_t)value);
    return true;
}

socklen_t address_parse_endpoint(const char *text, struct sockaddr_storage *name)
{
    char host[ADDRESS_TEXT_SIZE];
    bool bracketed = text[0] == '[';
    const char *start = bracketed ? text + 1 : text;
    const char *end = bracketed ? strstr(start, "]:") : strrchr(start, ':');

    memset(name, 0, sizeof(*name));
    if (end == NULL || (size_t)(end - start) >= sizeof(host))
        return 0;
    snprintf(host, sizeof(host), "%.*s", (int)(end - start), start);

    struct sockaddr_in *four = (struct sockaddr_in *)name;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)name;
    const char *port = end + (bracketed ? 2 : 1);
    if (bracketed && inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        return parse_port(port, &six->sin6_port) ? sizeof(*six) : 0;
    }
    if (!bracketed && inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        return parse_port(port, &four->sin_port) ? sizeof(*four) : 0;
    }
    return 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The finalizer of MurmurHash3 (Austin Appleby, public domain). */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdULL;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ULL;
    value ^= value >> 33;
    return value;
}

uint64_t address_hash(const struct address *address, uint64_t seed)
{
    uint64_t halves[2];

    memcpy(halves, address->bytes, sizeof(halves));
    return mix(mix(halves[0] ^ seed) + (halves[1] ^ (seed << 32 | seed >> 32)));
}
