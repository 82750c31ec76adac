#include "listener/ours.h"

#include "common/clock.h"

#include <ctype.h>
#include <string.h>

/* One drill shows what there is to see, and a heartbeat is told on with what was heard, once a
 * minute.  A node that boots may have found several of its deaths. */
static const uint32_t shares[] = {
    [LINE_HEARTBEAT] = 1,
    [LINE_DRILL] = 1,
    [LINE_LATE] = 8,
};

static void skip(struct span *rest, size_t size)
{
    rest->bytes += size;
    rest->size -= size;
}

/* The next word of REST, empty at its end; one space goes with it. */
static struct span next_word(struct span *rest)
{
    const char *end = memchr(rest->bytes, ' ', rest->size);
    struct span word = { rest->bytes, end ? (size_t)(end - rest->bytes) : rest->size };
    skip(rest, end ? word.size + 1 : word.size);
    return word;
}

static bool is_made_of(struct span value, const char *others, size_t max)
{
    for (size_t i = 0; i < value.size; i++)
        if (!isalnum((unsigned char)value.bytes[i]) &&
            !memchr(others, value.bytes[i], strlen(others)))
            return false;
    return value.size > 0 && value.size <= max;
}

static uint64_t number(struct span value, uint64_t max)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9' || number > max)
            return 0;
        number = 10 * number + (uint64_t)(value.bytes[i] - '0');
    }
    return number > max ? 0 : number;
}

static void take_pair(struct span word, struct ours *ours)
{
    const char *equals = memchr(word.bytes, '=', word.size);
    if (!equals)
        return;
    struct span value = word;
    skip(&value, (size_t)(equals - word.bytes) + 1);
    if (span_starts(word, "node=") && is_made_of(value, "-.", OURS_NODE_MAX))
        ours->node = value;
    else if (span_starts(word, "boot=") && is_made_of(value, "-", OURS_BOOT_MAX))
        ours->boot = value;
    else if (span_starts(word, "id=") && is_made_of(value, "", OURS_DRILL_MAX))
        ours->drill = value;
    else if (span_starts(word, "every="))
        ours->every_s = number(value, OURS_EVERY_MAX);
}

/* "<0>", as pstore keeps lines. */
static struct span without_level(struct span line)
{
    size_t digits = 1;
    while (digits < line.size && line.bytes[digits] >= '0' && line.bytes[digits] <= '9')
        digits++;
    if (line.size > digits && line.bytes[0] == '<' && digits > 1 && line.bytes[digits] == '>')
        skip(&line, digits + 1);
    return line;
}

bool ours_read(enum line_kind kind, struct span text, struct ours *ours)
{
    struct span rest = text, word;
    uint64_t kernel_us;
    *ours = (struct ours){ 0 };
    next_word(&rest); /* "lastgasp:" */
    next_word(&rest);
    while (rest.size > 0) {
        word = next_word(&rest);
        take_pair(word, ours);
        if (kind == LINE_LATE && span_starts(word, "part="))
            break;
    }
    if (kind == LINE_LATE)
        ours->text = netconsole_strip(without_level(rest), &kernel_us);
    switch (kind) {
    case LINE_HEARTBEAT:
        return ours->every_s > 0;
    case LINE_DRILL:
        return ours->node.size > 0 && ours->boot.size > 0 && ours->drill.size > 0;
    case LINE_LATE:
        return ours->boot.size > 0 && ours->text.size > 0;
    default:
        return false;
    }
}

bool ours_take(struct ours_share *share, enum line_kind kind, uint64_t now_us)
{
    if (share->since_us == 0 || now_us - share->since_us >= US_PER_MINUTE)
        *share = (struct ours_share){ .since_us = now_us };
    if (share->taken == shares[kind])
        return false;
    share->taken++;
    return true;
}
