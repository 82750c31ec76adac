#include "listener/door.h"

#include "common/memory.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A program has a few thousand instructions and no tables, a cluster may have a hundred thousand
 * addresses.  But those lie in few networks.  So a source is looked up as a number of 32 bits, its
 * IPv4 address or what is left of an IPv6 prefix of 64 bits, in a list of ranges that cover all
 * Nodes': as narrow ones as fit.  That lets in some who are no Nodes; it only has to keep out a
 * flood from everywhere.
 *
 * The ranges are in order and do not touch, so a number below the one that is looked at is in none.
 */
struct range {
    uint32_t from, to;
};

struct program {
    struct sock_filter *out;
    size_t size;
};

/* Of the source address in the network header. */
#define IPV4_SOURCE (uint32_t)(SKF_NET_OFF + 12)
#define IPV6_SOURCE (uint32_t)(SKF_NET_OFF + 8)
#define LET_IN      UINT32_MAX /* with all its bytes */

static void emit(struct program *program, uint16_t code, uint8_t if_true, uint8_t if_false,
                 uint32_t number)
{
    program->out[program->size++] = (struct sock_filter){ code, if_true, if_false, number };
}

static void emit_ranges(struct program *program, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        emit(program, BPF_JMP | BPF_JGE | BPF_K, 1, 0, ranges[i].from);
        emit(program, BPF_RET | BPF_K, 0, 0, 0);
        emit(program, BPF_JMP | BPF_JGT | BPF_K, 1, 0, ranges[i].to);
        emit(program, BPF_RET | BPF_K, 0, 0, LET_IN);
    }
    emit(program, BPF_RET | BPF_K, 0, 0, 0);
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* Numbers that are GAP apart or less share a range; 0 when that makes too many. */
static size_t join(const uint32_t *numbers, size_t count, uint32_t gap, struct range *ranges)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (used > 0 && numbers[i] - ranges[used - 1].to <= gap) {
            ranges[used - 1].to = numbers[i];
            continue;
        }
        if (used == DOOR_RANGES)
            return 0;
        ranges[used++] = (struct range){ numbers[i], numbers[i] };
    }
    return used;
}

static size_t cover(uint32_t *numbers, size_t count, struct range *ranges)
{
    size_t used = 0;
    qsort(numbers, count, sizeof(*numbers), by_number);
    for (uint64_t gap = 1; used == 0 && count > 0; gap *= 2)
        used = join(numbers, count, (uint32_t)(gap - 1), ranges);
    return used;
}

static uint32_t word(const struct address *address, size_t at)
{
    uint32_t word;
    memcpy(&word, address->bytes + at, sizeof(word));
    return ntohl(word);
}

static bool is_ipv4(const struct address *address)
{
    return word(address, 0) == 0 && word(address, 4) == 0 && word(address, 8) == 0xffff;
}

size_t door_build(const struct address *nodes, size_t count, struct sock_filter out[DOOR_MAX])
{
    struct range ipv4[DOOR_RANGES], ipv6[DOOR_RANGES];
    uint32_t *numbers = xcalloc(count + 1, sizeof(*numbers));
    size_t fours = 0, sixes = count;
    for (size_t i = 0; i < count; i++) {
        if (is_ipv4(&nodes[i]))
            numbers[fours++] = word(&nodes[i], 12);
        else
            numbers[--sixes] = word(&nodes[i], 0) ^ word(&nodes[i], 4);
    }
    size_t ipv4_count = cover(numbers, fours, ipv4);
    size_t ipv6_count = cover(numbers + sixes, count - sixes, ipv6);
    free(numbers);

    struct program program = { .out = out };
    emit(&program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    emit(&program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ETH_P_IPV6);
    size_t jump = program.size;
    emit(&program, BPF_JMP | BPF_JA, 0, 0, 0);
    emit(&program, BPF_LD | BPF_W | BPF_ABS, 0, 0, IPV6_SOURCE);
    emit(&program, BPF_MISC | BPF_TAX, 0, 0, 0);
    emit(&program, BPF_LD | BPF_W | BPF_ABS, 0, 0, IPV6_SOURCE + 4);
    emit(&program, BPF_ALU | BPF_XOR | BPF_X, 0, 0, 0);
    emit_ranges(&program, ipv6, ipv6_count);
    out[jump].k = (uint32_t)(program.size - jump - 1);
    emit(&program, BPF_LD | BPF_W | BPF_ABS, 0, 0, IPV4_SOURCE);
    emit_ranges(&program, ipv4, ipv4_count);
    return program.size;
}
