#include "common/kube/base64.h"

#include "common/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int digit_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Writes the bytes of TEXT to OUT and returns how many, or SIZE_MAX. */
static size_t decode(const char *text, char *out)
{
    size_t used = 0;
    uint32_t bits = 0;
    unsigned digits = 0, padding = 0;
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r')
            continue;
        int value = *text == '=' ? 0 : digit_value(*text);
        if (*text == '=')
            padding++;
        else if (padding)
            return SIZE_MAX;
        if (value < 0)
            return SIZE_MAX;
        bits = bits << 6 | (uint32_t)value;
        if (++digits % 4)
            continue;
        if (padding > 2)
            return SIZE_MAX;
        for (unsigned i = 0; i < 3 - padding; i++)
            out[used++] = (char)(bits >> (16 - 8 * i));
        bits = 0;
    }
    return digits % 4 ? SIZE_MAX : used;
}

char *base64_decode(const char *text, size_t *size)
{
    char *out = xmalloc(strlen(text) / 4 * 3 + 4);
    *size = decode(text, out);
    if (*size == SIZE_MAX) {
        free(out);
        return NULL;
    }
    out[*size] = '\0';
    return out;
}
