#include "common/json_skip.h"

#include <string.h>

/* Behind an odd number of backslashes. */
static bool is_escaped_at(const char *at, const char *begin)
{
    const char *before = at;
    while (before > begin && before[-1] == '\\')
        before--;
    return (at - before) % 2 == 1;
}

/* From inside of a string to what follows it, or END. */
static const char *skip_string(struct json_skip *skip, const char *at, const char *end)
{
    const char *begin = at + skip->is_escaped;
    skip->is_escaped = false;
    for (at = begin; (at = memchr(at, '"', (size_t)(end - at))) != NULL; at++) {
        if (!is_escaped_at(at, begin)) {
            skip->in_string = false;
            return at + 1;
        }
    }
    skip->is_escaped = is_escaped_at(end, begin);
    return end;
}

static const signed char steps[256] = { ['['] = 1, ['{'] = 1, [']'] = -1, ['}'] = -1 };

size_t json_skip(struct json_skip *skip, const char *bytes, size_t size)
{
    const char *at = bytes, *end = bytes + size;
    if (skip->in_string)
        at = skip_string(skip, at, end);
    while (at < end) {
        if (*at == '"') {
            skip->in_string = true;
            at = skip_string(skip, at + 1, end);
            continue;
        }
        signed char step = steps[(unsigned char)*at];
        if (step != 0 && (skip->depth += (size_t)step) == 0)
            break;
        at++;
    }
    return (size_t)(at - bytes);
}
