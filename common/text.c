#include "common/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * The length of the UTF-8 sequence at BYTES by RFC 3629 and its code point, or 0 when there is
 * none: an overlong form, a surrogate, above U+10FFFF, cut short, or no lead byte.
 */
static size_t sequence(const unsigned char *bytes, size_t size, uint32_t *point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char lead = bytes[0];

    if (lead < 0x80) {
        *point = lead;
        return 1;
    }
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || size < length)
        return 0;

    uint32_t value = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *point = value;
    return length;
}

/* Controls, line and paragraph separators, and what turns the reading direction around: they make
 * a terminal or a log viewer show something else than what was written. */
static bool is_printable(uint32_t point)
{
    return point >= 0x20 && !(point >= 0x7f && point <= 0x9f) &&
           !(point >= 0x200b && point <= 0x200f) && !(point >= 0x2028 && point <= 0x202e) &&
           !(point >= 0x2066 && point <= 0x2069) && point != 0xfeff;
}

static size_t encoded_size(uint32_t point, size_t length)
{
    return point == '"' || point == '\\' ? 2 : length;
}

size_t text_printable(char *out, size_t cap, const char *bytes, size_t size, size_t encoded_max)
{
    const unsigned char *in = (const unsigned char *)bytes;
    size_t used = 0, encoded = 0;

    for (size_t i = 0; i < size;) {
        uint32_t point = in[i];
        size_t length = point < 0x80 ? 1 : sequence(in + i, size - i, &point);
        size_t step = length > 0 ? length : 1;
        unsigned char plain = point == '\t' ? ' ' : '?';
        const unsigned char *from = in + i;

        if (length == 0 || !is_printable(point)) {
            from = &plain;
            length = 1;
            point = plain;
        }
        size_t cost = encoded_size(point, length);
        if (used + length >= cap || (encoded_max > 0 && encoded + cost > encoded_max))
            break;
        for (size_t k = 0; k < length; k++)
            out[used++] = (char)from[k];
        encoded += cost;
        i += step;
    }
    if (cap > 0)
        out[used] = '\0';
    return used;
}

size_t text_encoded_size(const char *text)
{
    size_t size = 0;

    for (; *text != '\0'; text++)
        size += encoded_size((unsigned char)*text, 1);
    return size;
}

bool text_is_utf8(const char *bytes, size_t size)
{
    const unsigned char *in = (const unsigned char *)bytes;
    uint32_t point;

    for (size_t i = 0; i < size;) {
        if (in[i] < 0x80) {
            i++;
            continue;
        }
        size_t length = sequence(in + i, size - i, &point);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

void text_append(char *out, size_t cap, size_t *used, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(out + *used, cap - *used, format, arguments);
    va_end(arguments);
    if (size > 0)
        *used = *used + (size_t)size < cap ? *used + (size_t)size : cap - 1;
}
