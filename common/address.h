#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IP address of either family in 16 bytes; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct address {
    uint8_t bytes[16];
};

#define ADDRESS_TEXT_SIZE 46

/* Canonical text (RFC 5952); a v4-mapped address prints as plain IPv4. */
const char *address_print(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

/* False unless TEXT is exactly one address, without port, brackets or zone. */
bool address_parse(const char *text, struct address *address);

/* From what recvmsg or getsockname filled in; *PORT (host order) may be NULL.
 * False for a family that is not IP. */
bool address_of_sockaddr(const struct sockaddr_storage *name, struct address *address,
                         uint16_t *port);

/* "ADDR:PORT" or "[ADDR]:PORT" into NAME; returns its length for bind(2), 0 when it is neither. */
socklen_t address_parse_endpoint(const char *text, struct sockaddr_storage *name);

bool address_equal(const struct address *a, const struct address *b);

/* Keyed by SEED (from getrandom), so that whoever picks source addresses cannot pick buckets. */
uint64_t address_hash(const struct address *address, uint64_t seed);
