#include "listener/lines.h"

#include "common/text.h"

#include <string.h>

#define LINE_EXTRA 3 /* two quotes and a comma */

size_t lines_split(struct span text, struct arena *arena, struct span **out)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.bytes[i] == '\n';
    struct span *lines = arena_alloc(arena, (count + 1) * sizeof(*lines));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *start = text.bytes + at;
        const char *end = memchr(start, '\n', text.size - at);
        lines[i] = (struct span){ start, (size_t)(end - start) };
        at += lines[i].size + 1;
    }
    *out = lines;
    return count;
}

/* A line of its own never exceeds the budget of a record. */
static const char *printable(struct span line, size_t budget, struct arena *arena, size_t *encoded)
{
    size_t cap = line.size + 1;
    char *text = arena_alloc(arena, cap);
    text_printable(text, cap, line.bytes, line.size, budget - LINE_EXTRA);
    *encoded = text_encoded_size(text) + LINE_EXTRA;
    return text;
}

size_t lines_oldest(struct span text, size_t budget, struct arena *arena, struct lines *out)
{
    struct span *spans;
    size_t count = lines_split(text, arena, &spans), used = 0, taken = 0, done = 0;
    const char **lines = arena_alloc(arena, (count + 1) * sizeof(*lines));
    for (; done < count; done++) {
        size_t encoded;
        const char *line = printable(spans[done], budget, arena, &encoded);
        if (used + encoded > budget)
            break;
        used += encoded;
        taken += spans[done].size + 1;
        lines[done] = line;
    }
    *out = (struct lines){ done, lines };
    return taken;
}
