#include "listener/netconsole.h"

#include <string.h>

/*
 * Two formats share the port, and nothing says which one a datagram is in.
 *
 * Extended: "[release,]PREFIX,SEQ,MICROSECONDS,FLAGS[,key=value...];text\n" and then dictionary
 * lines " KEY=value\n".  PREFIX is facility << 3 | level with a facility of 8 bits, so 0..2047: a
 * writer to /dev/kmsg chooses its facility (never 0), and a reader that takes "264,..." for a
 * basic line would let it shed that.  What has the shape of an extended header but values that no
 * kernel writes is malformed and holds no record at all.
 *
 * Basic: lines, each "[<N>][ sec.usec][caller] text" or without any prefix.  A record of several
 * lines repeats its prefix on each; one of more than 1000 bytes goes on in the next datagram in
 * the middle of a line.  "** N printk messages dropped **" may be a line of its own in front, so
 * every line is looked at.
 *
 * "** replaying previous printk message **" stands in front of either format, in the extended one
 * between the release and the prefix (nbcon consoles, console_prepend_replay).
 */

static const char replay_marker[] = "** replaying previous printk message **\n";

#define RELEASE_MAX 64 /* __NEW_UTS_LEN */
#define PREFIX_MAX  2047

bool span_starts(struct span span, const char *text)
{
    size_t size = strlen(text);
    return span.size >= size && memcmp(span.bytes, text, size) == 0;
}

static void skip(struct span *span, size_t size)
{
    span->bytes += size;
    span->size -= size;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool take_byte(struct span *in, char byte)
{
    if (in->size == 0 || in->bytes[0] != byte)
        return false;
    skip(in, 1);
    return true;
}

/* At least one digit; a number that does not fit 64 bits becomes UINT64_MAX. */
static bool take_number(struct span *in, uint64_t *number)
{
    if (in->size == 0 || !is_digit(in->bytes[0]))
        return false;
    *number = 0;
    while (in->size > 0 && is_digit(in->bytes[0])) {
        uint64_t digit = (uint64_t)(in->bytes[0] - '0');
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, digit, number))
            *number = UINT64_MAX;
        skip(in, 1);
    }
    return true;
}

/* The size of what stands before the first BYTE, or SIZE. */
static size_t until(struct span in, char byte)
{
    const char *at = memchr(in.bytes, byte, in.size);
    return at ? (size_t)(at - in.bytes) : in.size;
}

/* "6.12.107+deb13-cloud-amd64,": whatever stands before the first comma and is not a number. */
static struct span take_release(struct span *in)
{
    bool number = true;
    for (size_t i = 0; i < in->size && i <= RELEASE_MAX; i++) {
        char byte = in->bytes[i];
        if (byte == ',') {
            if (number)
                break;
            struct span release = { in->bytes, i };
            skip(in, i + 1);
            return release;
        }
        if (byte <= ' ' || byte == ';')
            break;
        number = number && is_digit(byte);
    }
    return (struct span){ NULL, 0 };
}

/* ",ncfrag=OFFSET/TOTAL", ",caller=T1": what is not known is skipped (dev-kmsg asks for that). */
static bool read_header_pairs(struct span pairs, struct kernel_record *record)
{
    while (take_byte(&pairs, ',')) {
        struct span pair = { pairs.bytes, until(pairs, ',') };
        skip(&pairs, pair.size);
        if (!span_starts(pair, "ncfrag="))
            continue;
        skip(&pair, strlen("ncfrag="));
        uint64_t at, total;
        if (!take_number(&pair, &at) || !take_byte(&pair, '/') || !take_number(&pair, &total))
            return false;
        if (pair.size > 0 || at >= total)
            return false;
        record->fragment_at = at;
        record->fragment_total = total;
    }
    return true;
}

/* What follows the numbers: "FLAGS[,key=value...];BODY". */
static bool read_header_end(struct span in, struct kernel_record *record)
{
    size_t size = until((struct span){ in.bytes, until(in, '\n') }, ';');
    if (size == 0 || size == in.size || in.bytes[size] != ';')
        return false;
    size_t flags = until((struct span){ in.bytes, size }, ',');
    if (!read_header_pairs((struct span){ in.bytes + flags, size - flags }, record))
        return false;
    record->body = (struct span){ in.bytes + size + 1, in.size - size - 1 };
    return record->fragment_total == 0 ||
           record->body.size <= record->fragment_total - record->fragment_at;
}

static void absent(struct kernel_record *record)
{
    *record = (struct kernel_record){ .facility = RECORD_ABSENT,
                                      .level = RECORD_ABSENT,
                                      .seq = RECORD_ABSENT,
                                      .kernel_us = RECORD_ABSENT };
}

static void set_prefix(struct kernel_record *record, uint64_t prefix)
{
    record->facility = prefix >> 3;
    record->level = prefix & 7;
}

static enum datagram_kind read_extended(struct span in, struct kernel_record *record)
{
    absent(record);
    if (span_starts(in, replay_marker))
        skip(&in, strlen(replay_marker));
    record->release = take_release(&in);
    if (record->release.size > 0 && span_starts(in, replay_marker))
        skip(&in, strlen(replay_marker));
    uint64_t prefix;
    if (!take_number(&in, &prefix) || !take_byte(&in, ',') || !take_number(&in, &record->seq) ||
        !take_byte(&in, ',') || !take_number(&in, &record->kernel_us) || !take_byte(&in, ','))
        return DATAGRAM_BASIC;
    if (prefix > PREFIX_MAX || record->seq > RECORD_NUMBER_MAX ||
        record->kernel_us > RECORD_NUMBER_MAX || !read_header_end(in, record))
        return DATAGRAM_MALFORMED;
    record->format = record->release.size > 0 ? FORMAT_EXTENDED_RELEASE : FORMAT_EXTENDED;
    set_prefix(record, prefix);
    return record->fragment_total > 0 ? DATAGRAM_FRAGMENT : DATAGRAM_EXTENDED;
}

enum datagram_kind netconsole_open(struct netconsole *reader, const char *bytes, size_t size)
{
    reader->datagram = reader->rest = (struct span){ bytes, size };
    if (size == 0)
        return reader->kind = DATAGRAM_EMPTY;
    return reader->kind = read_extended(reader->rest, &reader->record);
}

static int hex(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return -1;
}

/* \xNN, as the kernel writes bytes below 0x20, from 0x7f, and the backslash itself. */
static struct span unescape(struct netconsole *reader, struct span in)
{
    if (in.size > sizeof(reader->text))
        in.size = sizeof(reader->text);
    if (!memchr(in.bytes, '\\', in.size))
        return in;
    size_t used = 0;
    for (size_t i = 0; i < in.size; i++) {
        char byte = in.bytes[i];
        if (byte == '\\' && in.size - i >= 4 && in.bytes[i + 1] == 'x') {
            int high = hex(in.bytes[i + 2]), low = hex(in.bytes[i + 3]);
            if (high >= 0 && low >= 0) {
                byte = (char)(high << 4 | low);
                i += 3;
            }
        }
        reader->text[used++] = byte;
    }
    return (struct span){ reader->text, used };
}

void netconsole_whole(struct netconsole *reader, struct span body, struct kernel_record *record)
{
    size_t size = until(body, '\n');
    record->text = unescape(reader, (struct span){ body.bytes, size });
    size_t ended = size < body.size ? size + 1 : size;
    record->dictionary = (struct span){ body.bytes + ended, body.size - ended };
}

static bool next_extended(struct netconsole *reader, struct kernel_record *record)
{
    if (reader->rest.size == 0)
        return false;
    reader->rest.size = 0;
    *record = reader->record;
    if (record->fragment_at == 0)
        netconsole_whole(reader, record->body, record);
    return true;
}

/* "[    5.742632]" (print_time). */
static bool take_time(struct span *line, uint64_t *kernel_us)
{
    struct span in = *line;
    uint64_t seconds, micros;
    if (!take_byte(&in, '['))
        return false;
    while (take_byte(&in, ' '))
        ;
    if (!take_number(&in, &seconds) || !take_byte(&in, '.') || !take_number(&in, &micros) ||
        !take_byte(&in, ']'))
        return false;
    if (micros >= 1000000 || seconds > UINT32_MAX)
        return false;
    *kernel_us = seconds * 1000000 + micros;
    *line = in;
    return true;
}

/* "[  T123]" a task, "[    C0]" a CPU (print_caller). */
static bool take_caller(struct span *line)
{
    struct span in = *line;
    uint64_t number;
    if (!take_byte(&in, '['))
        return false;
    while (take_byte(&in, ' '))
        ;
    if ((!take_byte(&in, 'T') && !take_byte(&in, 'C')) || !take_number(&in, &number) ||
        !take_byte(&in, ']'))
        return false;
    *line = in;
    return true;
}

struct span netconsole_strip(struct span line, uint64_t *kernel_us)
{
    *kernel_us = RECORD_ABSENT;
    bool time = take_time(&line, kernel_us);
    if (take_caller(&line) || time)
        take_byte(&line, ' ');
    return line;
}

/* "<N>", with console_msg_format=syslog. */
static void take_syslog(struct span *line, struct kernel_record *record)
{
    struct span in = *line;
    uint64_t prefix;
    if (!take_byte(&in, '<') || !take_number(&in, &prefix) || !take_byte(&in, '>') ||
        prefix > PREFIX_MAX)
        return;
    set_prefix(record, prefix);
    *line = in;
}

static bool next_basic(struct netconsole *reader, struct kernel_record *record)
{
    while (take_byte(&reader->rest, '\n'))
        ;
    if (reader->rest.size == 0)
        return false;
    absent(record);
    record->format = FORMAT_BASIC;
    record->offset = (size_t)(reader->rest.bytes - reader->datagram.bytes);
    record->line = (struct span){ reader->rest.bytes, until(reader->rest, '\n') };
    skip(&reader->rest, record->line.size);
    take_syslog(&record->line, record);
    record->text = netconsole_strip(record->line, &record->kernel_us);
    return true;
}

bool netconsole_next(struct netconsole *reader, struct kernel_record *record)
{
    switch (reader->kind) {
    case DATAGRAM_BASIC:
        return next_basic(reader, record);
    case DATAGRAM_EXTENDED:
    case DATAGRAM_FRAGMENT:
        return next_extended(reader, record);
    default:
        return false;
    }
}

bool netconsole_pair(struct span *dictionary, struct span *key, struct span *value)
{
    while (dictionary->size > 0) {
        struct span line = { dictionary->bytes, until(*dictionary, '\n') };
        if (line.size == dictionary->size)
            return false;
        skip(dictionary, line.size + 1);
        size_t name = until(line, '=');
        if (line.bytes[0] != ' ' || name < 2 || name == line.size)
            continue;
        *key = (struct span){ line.bytes + 1, name - 1 };
        *value = (struct span){ line.bytes + name + 1, line.size - name - 1 };
        return true;
    }
    return false;
}
